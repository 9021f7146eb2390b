"""The golden model: the numpy specification of the Crosstwin controller and of the analog crossbar it drives."""
