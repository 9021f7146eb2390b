"""The cocotb benches: drivers and monitors on the controller's pins, with the golden model as scoreboard."""
