"""Bitstreams for FPGA boards, and what a design takes on a device."""
