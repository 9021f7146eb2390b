"""What drives the controller: back ends, simulator builds, host program, command line, experiments."""
