# A Vivado block design for Zynq-7000: the processing system, the controller behind AXI4-Lite, its interrupt, its pins to the array.
#
#   crosstwin verilog --config digits --package build/crosstwin
#   vivado -mode batch -source examples/zynq_block_design.tcl -tclargs build/crosstwin xc7z020clg400-1
#
# docs/zynq.md explains it.

lassign $argv package part
if {$part eq ""} { error "usage: -tclargs PACKAGE_FOLDER PART" }

create_project crosstwin_zynq build/zynq -part $part -force
set_property ip_repo_paths [file normalize $package] [current_project]
update_ip_catalog

create_bd_design system

# The processing system: one AXI master port, one clock of 100 MHz with its reset, interrupts from the fabric.
set ps [create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7 ps]
apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 -config {make_external "FIXED_IO, DDR"} $ps
set_property -dict {
    CONFIG.PCW_USE_M_AXI_GP0 1
    CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ 100
    CONFIG.PCW_USE_FABRIC_INTERRUPT 1
    CONFIG.PCW_IRQ_F2P_INTR 1
} $ps
set reset [create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset]

# The controller, from the package's component.xml; the end of its name is the configuration's.
set controller [create_bd_cell -type ip -vlnv [lindex [get_ipdefs -filter {VLNV =~ crosstwin:crosstwin:crosstwin_*}] 0] controller]

# AXI3 of the processing system to AXI4-Lite.
set interconnect [create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect interconnect]
set_property CONFIG.NUM_SI 1 $interconnect

connect_bd_net [get_bd_pins ps/FCLK_CLK0] \
    [get_bd_pins ps/M_AXI_GP0_ACLK] [get_bd_pins reset/slowest_sync_clk] \
    [get_bd_pins interconnect/aclk] [get_bd_pins controller/clk]
connect_bd_net [get_bd_pins ps/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]
connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins interconnect/aresetn]
connect_bd_net [get_bd_pins reset/peripheral_reset] [get_bd_pins controller/rst]
connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_GP0] [get_bd_intf_pins interconnect/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins interconnect/M00_AXI] [get_bd_intf_pins controller/s_axi]
connect_bd_net [get_bd_pins controller/irq] [get_bd_pins ps/IRQ_F2P]

# Every pin to the array becomes a port of the design, under its own name.
foreach pin [get_bd_pins -of_objects $controller -filter {NAME !~ s_axi* && NAME != clk && NAME != rst && NAME != irq}] {
    set name [get_property NAME $pin]
    if {[get_property LEFT $pin] ne ""} {
        create_bd_port -dir [expr {[get_property DIR $pin] eq "I" ? "I" : "O"}] \
            -from [get_property LEFT $pin] -to [get_property RIGHT $pin] $name
    } else {
        create_bd_port -dir [expr {[get_property DIR $pin] eq "I" ? "I" : "O"}] $name
    }
    connect_bd_net [get_bd_ports $name] $pin
}

assign_bd_address -offset 0x43C00000 -range 16K [get_bd_addr_segs controller/s_axi/*]
validate_bd_design
save_bd_design
make_wrapper -files [get_files system.bd] -top -import
