"""The Crosstwin controller as gateware: one Amaranth component, sized by a :class:`crosstwin_model.config.ControllerConfig`."""
