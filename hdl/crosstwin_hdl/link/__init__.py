"""The host link: a UART, frames with a checksum, and a master on the controller's bus that carries out what a frame asks for."""
