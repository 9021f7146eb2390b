"""What `crosstwin trace show` prints, as tables and as JSON."""

from __future__ import annotations

import json
from typing import Any

from rich.markup import escape
from rich.table import Table

from crosstwin_model.registers import Opcode
from crosstwin_sim.trace import Trace
from crosstwin_sim.trace.export import Selection
from crosstwin_sim.trace.format import PULSING, Kind, encode
from crosstwin_sim.trace.totals import Step, Totals, opcode_name, operation_pulses

from .common import stdout


def head_document(trace: Trace, totals: Totals) -> dict[str, Any]:
    """Return what was recorded, and by what."""
    return {
        "file": str(trace.path),
        **trace.attributes,
        "controller": json.loads(encode(trace.controller)),
        "plant": json.loads(encode(trace.plant)),
        "operations": totals.operations,
        "cut": trace.cut,
    }


def totals_document(totals: Totals) -> dict[str, Any]:
    """Return all totals."""
    return {
        "kinds": dict(totals.kinds),
        "commands": dict(totals.commands),
        "pulses": [
            {
                "tile": tile,
                "up": up,
                "operations": item.operations,
                "slots": item.slots,
                "fired_lines": item.fired,
                "pulses": int(item.cells.sum()),
                "per_cell_mean": float(item.cells.mean()),
                "per_cell_std": float(item.cells.std()),
                "per_cell_min": int(item.cells.min()),
                "per_cell_max": int(item.cells.max()),
            }
            for (tile, up), item in sorted(totals.pulses.items())
        ],
        "reads": [{"tile": tile, "forward": forward, "reads": count} for (tile, forward), count in sorted(totals.reads.items())],
        "adc_codes": totals.codes,
        "saturated_adc_codes": totals.saturated,
    }


def list_operations(trace: Trace, selection: Selection, limit: int) -> list[dict[str, Any]]:
    """Return the first operations of a selection, as JSON knows them."""
    listed: list[dict[str, Any]] = []
    shape = (trace.controller.rows, trace.controller.columns)
    for number, record, part in selection.records(trace):
        if len(listed) >= limit:
            break
        kind, tile = Kind(record["kind"]), int(record["tile"])
        if number < selection.first or (selection.tile is not None and tile != selection.tile):
            continue
        entry: dict[str, Any] = {"operation": number, "kind": kind.name, "tile": tile}
        if kind is Kind.COMMAND:
            entry |= {"opcode": opcode_name(int(record["opcode"])), "width": int(record["width"]), "gap": int(record["gap"])}
        elif kind in PULSING:
            slots = part.slots(record)
            down, up = operation_pulses(slots, shape)
            entry |= {"slots": len(slots.up), "pulses_up": int(up.sum()), "pulses_down": int(down.sum())}
        elif kind is Kind.READ:
            codes = part.codes(record)
            entry |= {
                "forward": bool(record["forward"]),
                "differential": bool(record["differential"]),
                "gain": int(record["gain"]),
                "codes": codes.tolist(),
            }
        elif kind in (Kind.CALL, Kind.DIGEST):
            entry |= {"text": part.text(record)}
        listed.append(entry)
    return listed


def show_head(trace: Trace, totals: Totals) -> None:
    """Print what was recorded, and by what."""
    controller, plant = trace.controller, trace.plant
    stdout.print(
        f"{escape(str(trace.path))}: {totals.operations} operations, recorded {trace.attributes['created']} "
        f"by Crosstwin {trace.attributes['crosstwin_version']}\n"
        f"controller {controller.name}: {controller.tiles} tiles of {controller.rows} x {controller.columns}; "
        f"device {plant.device.name} ({plant.device.rule}), seed {plant.seed}",
        soft_wrap=True,
    )


def show_totals(totals: Totals) -> None:
    """Print the totals by tile and direction."""
    kinds = ", ".join(f"{name} {count}" for name, count in sorted((totals.commands or totals.kinds).items()))
    stdout.print(f"{'commands' if totals.commands else 'operations'}: {kinds or 'none'}")
    names = ("tile", "to", "ops", "slots", "fired", "pulses", "mean", "std", "min", "max")
    table = Table(*names, title="Operations, slots, lines that fired, pulses, and pulses per cell")
    for column in table.columns[2:]:
        column.justify = "right"
    for item in totals_document(totals)["pulses"]:
        numbers = [str(item[key]) for key in ("operations", "slots", "fired_lines", "pulses")]
        spread = [f"{item['per_cell_mean']:.2f}", f"{item['per_cell_std']:.2f}"]
        ends = [str(item["per_cell_min"]), str(item["per_cell_max"])]
        table.add_row(str(item["tile"]), "up" if item["up"] else "down", *numbers, *spread, *ends)
    if table.rows:
        stdout.print(table)
    reads = Table("tile", "read", "reads")
    reads.columns[2].justify = "right"
    for (tile, forward), count in sorted(totals.reads.items()):
        reads.add_row(str(tile), "forward" if forward else "backward", str(count))
    if reads.rows:
        stdout.print(reads)
        stdout.print(f"{totals.saturated} of {totals.codes} ADC codes stand at the end of their range")


def show_list(listed: list[dict[str, Any]]) -> None:
    """Print operations that :func:`list_operations` returned."""
    table = Table("operation", "kind", "tile", "what")
    table.columns[0].justify = "right"
    for entry in listed:
        table.add_row(str(entry["operation"]), entry["kind"], str(entry["tile"]), escape(_words(entry)))
    if listed:
        stdout.print(table)


def _words(entry: dict[str, Any]) -> str:
    if entry["kind"] == "COMMAND":
        reads = entry["opcode"] in (Opcode.FORWARD.name, Opcode.BACKWARD.name)
        return entry["opcode"] if reads else f"{entry['opcode']}, slots of {entry['width']} + {entry['gap']} clock cycles"
    if "slots" in entry:
        slots = "1 slot" if entry["slots"] == 1 else f"{entry['slots']} slots"
        return f"{slots}, {entry['pulses_up']} pulses up, {entry['pulses_down']} down"
    if "codes" in entry:
        direction = "forward" if entry["forward"] else "backward"
        against = "against its reference" if entry["differential"] else "alone"
        return f"{direction}, {against}, gain 2^{entry['gain']}, codes {min(entry['codes'])} to {max(entry['codes'])}"
    return str(entry.get("text", ""))


def show_cell(tile: int, cell: tuple[int, int], steps: list[Step], limit: int) -> None:
    """Print the first steps of a cell's history."""
    names = ("operation", "kind", "up", "down", "pulses so far", "conductance")
    table = Table(*names, title=f"cell {cell[0]},{cell[1]} of tile {tile}")
    for column in (0, 2, 3, 4, 5):
        table.columns[column].justify = "right"
    for step in steps[:limit]:
        table.add_row(str(step.operation), step.kind, str(step.up), str(step.down), str(step.pulses), f"{step.conductance:.6f}")
    stdout.print(table)
    if len(steps) > limit:
        stdout.print(f"{len(steps) - limit} more; --limit lists them, --json has all")
