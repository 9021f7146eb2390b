"""`python -m crosstwin_sim.cosim`: run benches and print a line for every test; `make sim` calls it."""

from __future__ import annotations

import sys

import click

from crosstwin_model.config import ConfigurationError

from ..errors import CrosstwinError, Terminated, end_at_sigterm
from ..extras import require
from . import SIMULATORS, benches

#: Operations of the random bench.
_OPERATIONS = {"verilator": 300, "icarus": 60}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--sim", "simulator", default="verilator", show_default=True, type=click.Choice(list(SIMULATORS)), help="Simulator."
)
@click.option("--test", "name", metavar="NAME", help=f"Bench: {', '.join(benches())}; all of them by default.")
@click.option("--config", default="tiny", show_default=True, metavar="NAME|FILE.toml", help="Configuration.")
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0, 0xFFFFFFFF), help="Seed of stimulus, stalls and noise."
)
@click.option("--waves", is_flag=True, help="Write every signal to a file.")
def command(simulator: str, name: str | None, config: str, seed: int, waves: bool) -> None:
    """Run the cocotb benches on the controller's RTL.

    \b
    Examples:
      make sim SIM=icarus TEST=operations SEED=7 WAVES=1
      python -m crosstwin_sim.cosim --sim verilator --test random --config small
    """
    require("rtl")
    from .launch import run_bench

    failed = 0
    for bench in [name] if name else benches():
        outcome = run_bench(
            bench,
            simulator=simulator,
            config=config,
            seed=seed,
            operations=_OPERATIONS[simulator],
            waves=waves,
            report=lambda step: click.echo(f"{step} ...", err=True),
        )
        for test, failure in outcome.tests.items():
            click.echo(f"FAILED  {bench}.{test}: {failure}" if failure else f"passed  {bench}.{test}")
        failed += not outcome.passed
        if outcome.waves is not None:
            click.echo(f"Waves are in {outcome.waves}: 'gtkwave {outcome.waves.with_suffix('.gtkw')}' shows them.")
        if not outcome.passed:
            click.echo(f"The log is {outcome.log}.")
    click.echo(f"Seed {seed}, {simulator}, {config}: " + (f"{failed} benches failed." if failed else "everything passed."))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    end_at_sigterm()
    try:
        command.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"cosim: {error.format_message()}", err=True)
        sys.exit(2)
    except (CrosstwinError, ConfigurationError) as error:
        click.echo(f"cosim: {error}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo("Stopped.", err=True)
        sys.exit(143 if isinstance(error.__cause__, Terminated) else 130)
