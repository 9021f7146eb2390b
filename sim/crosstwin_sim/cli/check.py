"""`crosstwin check`: hold the RTL to the golden model with random operations."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from dataclasses import asdict

import click
from rich.markup import escape
from rich.table import Table

from crosstwin_sim.checking import BACKENDS, Report, run_check
from crosstwin_sim.files import write_json
from crosstwin_sim.rtl.netlist import FAMILIES

from .common import config_option, json_option, progress, require_folder, stderr, stdout


@click.command()
@config_option
@click.option("--backend", type=click.Choice(BACKENDS), default="rtl", show_default=True, help="Where the controller runs.")
@click.option("--family", type=click.Choice(list(FAMILIES)), help="FPGA of the back end netlist.  [default: ecp5]")
@click.option("--ops", "operations", type=click.IntRange(1), default=1000, show_default=True, help="Random operations.")
@click.option("--seed", type=click.IntRange(0, 0xFFFFFFFF), default=1, show_default=True, help="Same seed, same traffic.")
@json_option
@click.option("--waves", is_flag=True, help="Write every signal to a file, at half the speed.")
@click.pass_context
def command(
    context: click.Context,
    source: str,
    backend: str,
    family: str | None,
    operations: int,
    seed: int,
    json_path: str | None,
    waves: bool,
) -> None:
    """Run random operations, legal and illegal, on the golden model and on the RTL, and compare everything after each.

    \b
    Examples:
      crosstwin check --config tiny
      crosstwin check --config digits --backend rtl --ops 10000 --seed 7 --json check.json
      crosstwin check --config tiny --backend icarus --ops 300
      crosstwin check --config tiny --backend netlist --family ice40

    Compared are every answer of the bus, every output pin in every clock cycle, every register, result and conductance. The
    exit code is 1 if anything differs; the first difference is then shown, with the command that replays it with waves.

    The back end rtl is the controller's Verilog, compiled into this process; netlist is what Yosys makes of it for an FPGA, with
    the cells' simulation models; verilator and icarus run the Verilog under a cocotb bench.
    """
    require_folder(json_path)
    if backend == "netlist":
        family = family or next(iter(FAMILIES))
    with progress(f"Checking {source} on {backend}", operations) as advance:
        done = 0

        def tell(count: int) -> None:
            nonlocal done
            advance(count - done)
            done = count

        report = run_check(
            source,
            backend,
            operations,
            seed,
            family=family,
            waves=waves,
            report=lambda step: stderr.print(f"{step[0].upper()}{step[1:]} ..."),
            progress=tell,
        )
    _show(report)
    if report.waves is not None:
        view = report.waves.with_suffix(".gtkw")
        stdout.print(f"Waves are in {escape(str(report.waves))}: 'gtkwave {escape(str(view))}' shows them.", soft_wrap=True)
    verdict = (
        f"{report.operations} operations on {f'{backend} {family}' if family else backend}, seed {seed}, {report.seconds:.1f} s"
    )
    if report.mismatch is None:
        stdout.print(f"[green]Everything agrees[/]: {verdict}; conductances {report.conductance_sha256}.", soft_wrap=True)
    else:
        stdout.print(f"[red]Mismatch[/] in {verdict}: {escape(report.mismatch)}.", soft_wrap=True)
        again = f"crosstwin check --config {shlex.quote(source)} --backend {backend}{f' --family {family}' if family else ''}"
        again += f" --ops {report.operations} --seed {seed} --waves"
        stdout.print(f"To see it with waves: {escape(again)}", soft_wrap=True)
    if json_path:
        document = asdict(report) | {
            "config": source,
            "backend": backend,
            "family": family,
            "seed": seed,
            "mismatches": int(report.mismatch is not None),
        }
        write_json(json_path, document | {"waves": str(report.waves) if report.waves else None})
    context.exit(0 if report.mismatch is None else 1)


def _show(report: Report) -> None:
    compared = Table("compared", "times")
    compared.columns[1].justify = "right"
    for name, times in report.compared.items():
        compared.add_row(name.replace("_", " "), str(times))
    stdout.print(compared)
    codes: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome, times in report.outcomes.items():
        operation, code = outcome.split(": ")
        codes["unknown opcode" if operation.startswith("opcode") else operation][code] += times
    outcomes = Table("operation", "times", "outcomes")
    outcomes.columns[1].justify = "right"
    for operation in sorted(codes):
        counts = codes[operation]
        outcomes.add_row(operation, str(counts.total()), ", ".join(f"{code} {times}" for code, times in counts.most_common()))
    stdout.print(outcomes)
