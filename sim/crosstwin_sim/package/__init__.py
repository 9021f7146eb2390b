"""The controller as a package for other people's systems on chip: Verilog with all that describes it."""
