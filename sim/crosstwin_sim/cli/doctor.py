"""`crosstwin doctor`: show which tools were found, and how to get those that are missing."""

from __future__ import annotations

from dataclasses import asdict

import click
from rich.markup import escape
from rich.table import Table

from crosstwin_sim.files import write_json
from crosstwin_sim.tools import find_tools

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

    The exit code is 1 if a required tool is missing.
    """
    require_folder(json_path)
    with stderr.status("Looking for tools"):
        findings = find_tools()
    table = Table("tool", "version", "needed for", "")
    for finding in findings:
        verdict = "[green]ok[/]" if finding.ok else "[red]missing[/]" if finding.required else "[yellow]optional[/]"
        table.add_row(finding.name, escape(finding.version or finding.problem), finding.purpose, verdict)
    stdout.print(table)
    for finding in findings:
        if not finding.ok:
            stdout.print(
                escape(f"{finding.name} ({finding.purpose}): {finding.problem}; to get it, {finding.remedy}."), soft_wrap=True
            )
    if json_path:
        write_json(json_path, [asdict(finding) for finding in findings])
    missing = [finding.name for finding in findings if finding.required and not finding.ok]
    stdout.print(f"Required and missing: {', '.join(missing)}." if missing else "Every required tool is there.", soft_wrap=True)
    context.exit(1 if missing else 0)
