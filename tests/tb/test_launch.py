"""The launcher of the benches: exit codes and sentences where something is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from crosstwin_hdl.verilog import TOP
from crosstwin_sim.cosim import benches
from crosstwin_sim.cosim.launch import run_bench
from crosstwin_sim.cosim.simulators import open_ports
from crosstwin_sim.errors import CrosstwinError


def launch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "crosstwin_sim.cosim", *arguments], capture_output=True, text=True, check=False, timeout=600
    )


def test_an_unknown_bench_is_answered_with_those_there_are() -> None:
    done = launch("--test", "opperations")
    assert done.returncode == 2
    assert done.stderr == f"cosim: there is no bench 'opperations'; allowed are {', '.join(benches())}\n"


def test_an_unknown_configuration_is_named() -> None:
    done = launch("--test", "random", "--config", "huge")
    assert done.returncode == 2
    assert done.stderr.startswith("cosim: there is no configuration 'huge'; allowed are tiny,")


@pytest.mark.parametrize(
    ("simulator", "sentence"),
    [("icarus", "no 'iverilog' on PATH.*apt-get install iverilog"), ("verilator", "no 'c\\+\\+' on PATH")],
)
def test_a_missing_tool_is_named_with_the_way_to_get_it(
    simulator: str, sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CrosstwinError, match=sentence):
        run_bench("random", simulator=simulator)


def test_a_build_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("CROSSTWIN_BUILD", str(file))
    with pytest.raises(CrosstwinError, match=f"the build folder {file}/cosim cannot be written .*CROSSTWIN_BUILD"):
        run_bench("random", simulator="verilator")


def test_only_ports_of_the_top_module_are_open() -> None:
    verilog = f"""module other(a);
  input a;
endmodule
module {TOP}(clk, row_pos);
  input clk;
  wire clk;
  output [3:0] row_pos;
  reg inner;
endmodule
"""
    assert open_ports(verilog).splitlines() == [
        "`verilator_config",
        f'public_flat_rw -module "{TOP}" -var "clk"',
        f'public_flat_rw -module "{TOP}" -var "row_pos"',
    ]
