"""`crosstwin train`: train a network on crossbars."""

from __future__ import annotations

import click

from . import train_conv, train_digits, train_text


@click.group()
def command() -> None:
    """Train a network on crossbars, simulated or a board's.

    \b
    Examples:
      crosstwin train digits --algorithm shd --device s1
      crosstwin train conv --backend model
      crosstwin train digits --backend serial --port /dev/ttyUSB0
      crosstwin train text --help
    """


for subcommand in (train_digits, train_conv, train_text):
    command.add_command(subcommand.command)
