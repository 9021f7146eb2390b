"""Experiments: each is data, a network on crossbars, and settings that were tuned on a validation split."""
