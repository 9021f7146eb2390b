"""`crosstwin doctor`: show which tools were found, and how to get those that are missing."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.markup import escape
from rich.table import Table

from crosstwin_sim.extras import BASE, EXTRAS, USES, install_command
from crosstwin_sim.files import write_json
from crosstwin_sim.tools import NOT_INSTALLED, find_tools

from .common import json_option, require_folder, stderr, stdout


@click.command()
@json_option
@click.pass_context
def command(context: click.Context, json_path: str | None) -> None:
    """Show which tools were found, whether they work, and how to get those that are missing.

    \b
    Examples:
      crosstwin doctor
      crosstwin doctor --json tools.json

    Every Python package is imported, and every program is looked for. Packages of an extra are optional: an extra is what
    "pip install 'crosstwin[rtl]'" names in brackets. The exit code is 1 if something is missing that training needs.
    """
    require_folder(json_path)
    with stderr.status("Looking for tools"):
        findings = find_tools()
    table = Table("tool", "version", "needed for", "")
    table.columns[0].no_wrap = True
    for extra in (BASE, *EXTRAS):
        table.add_row(f"[bold]{escape(f'crosstwin[{extra}]' if extra else 'crosstwin')}[/]")
        for finding in findings:
            if finding.extra == extra:
                verdict = "[green]ok[/]" if finding.ok else "[red]missing[/]" if finding.required else "[yellow]optional[/]"
                table.add_row(finding.name, escape(finding.version or finding.problem), finding.purpose, verdict)
        table.add_section()
    stdout.print(table)
    absent = [finding for finding in findings if finding.problem == NOT_INSTALLED and not finding.required]
    for finding in findings:
        if not finding.ok and finding not in absent:
            stdout.print(
                escape(f"{finding.name} ({finding.purpose}): {finding.problem}; to get it, {finding.remedy}."), soft_wrap=True
            )
    for extra, uses in USES.items():
        if any(finding.extra in EXTRAS[extra] for finding in absent):
            stdout.print(escape(f"Not available: {uses}; to get it, run {install_command(extra)}."), soft_wrap=True)
    if json_path:
        write_json(json_path, [asdict(finding) | {"required": finding.required} for finding in findings])
    missing = [finding.name for finding in findings if finding.required and not finding.ok]
    stdout.print(f"Required and missing: {', '.join(missing)}." if missing else "Every required tool is there.", soft_wrap=True)
    context.exit(1 if missing else 0)
