"""What Amaranth's project for Vivado lacks: a stop before the bitstream if timing is missed, a sentence if Vivado is."""

from __future__ import annotations

from typing import Any

#: Both checks of the worst path, in its words and in Vivado's; an empty answer means that there is no such path.
_CHECK = """\
foreach {{check delays}} {{setup max hold min}} {{
    set slack [get_property -quiet SLACK [get_timing_paths -quiet -max_paths 1 -delay_type $delays]]
    if {{$slack ne "" && $slack < 0}} {{
        puts stderr "{name} misses its $check time by [expr {{-$slack}}] ns, so no bitstream is written: choose fewer lines or\\
 fewer random sources; {name}_timing.rpt has the slowest paths"
        exit 1
    }}
}}
"""

#: The bitstream of an earlier run must not be taken for this one's.
_LOOK = """\
rm -f {name}.bit {name}.bin
if ! command -v "$VIVADO" >/dev/null ; then
    echo "$VIVADO is missing: put Vivado on PATH, or name its settings64.sh in AMARANTH_ENV_VIVADO" >&2
    exit 2
fi
"""


def complete(plan: Any, name: str) -> None:
    """Add both to a build plan whose top module has that name.

    Raises
    ------
    RuntimeError
        If the plan's scripts are not as Amaranth 0.5 writes them.
    """
    for file, command, text in ((f"{name}.tcl", "write_bitstream ", _CHECK), (f"build_{name}.sh", '"$VIVADO" ', _LOOK)):
        before, found, after = _text(plan.files[file]).partition(f"\n{command}")
        if not found:
            raise RuntimeError(f"Amaranth's {file} has no line that begins with {command}")
        plan.files[file] = f"{before}\n{text.format(name=name)}{command}{after}"


def _text(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()
