"""Devices looked at and fitted: pulse responses by the plant, fits to measured pulse trains, figures, device files."""
