"""`crosstwin train digits`: files, resuming after Ctrl-C, and what it says to bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crosstwin_model import plant as plant_module
from crosstwin_model.crew import crew
from crosstwin_model.registers import ErrorCode
from crosstwin_sim.backend import HangError
from crosstwin_sim.cli.main import run
from crosstwin_sim.driver import ControllerError
from crosstwin_sim.experiments.digits import load_split
from crosstwin_sim.experiments.images import Split
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.rtl import BuildError, PinError

MODEL = ["train", "digits", "--backend", "model"]


def sentence(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> str:
    """Return what a command that must fail says."""
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err


def test_a_run_writes_its_json_figure_and_checkpoint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = {key: str(tmp_path / name) for key, name in (("--json", "a.json"), ("--plot", "a.svg"), ("--checkpoint", "a.npz"))}
    assert run([*MODEL, "--epochs", "1", "--seed", "4", *(word for pair in names.items() for word in pair)]) == 0
    document = json.loads(Path(names["--json"]).read_text())
    assert len(document["accuracy"]) == len(document["float_accuracy"]) == 1
    assert document["accuracy"][0] > 0.5
    assert len(document["conductance_sha256"]) == 64
    assert document["clock_cycles"] > 100_000
    assert document["seconds"] > 0
    assert document["seed"] == 4
    assert document["config"]["controller"]["rows"] == 65
    assert document["config"]["device"]["name"] == "s1"
    assert "<svg" in Path(names["--plot"]).read_text()
    text = capsys.readouterr().out
    assert document["conductance_sha256"] in text
    assert f"{100 * document['final_accuracy']:.2f} %" in text


def test_zero_shift_needs_symmetry_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [*MODEL, "--device", "capacitor", "--zero-shift", "--checkpoint", str(tmp_path / "x.npz"), "--trace", "x.h5"]
    said = sentence(capsys, arguments)
    assert "cannot zero-shift tile 1" in said and "of its 2080 cells have no stable symmetry point" in said
    assert not list(tmp_path.iterdir()) and not Path("x.h5").exists()


#: Runs the command, and has it send itself SIGINT in the second epoch.
_INTERRUPTED = """
import os, signal
from crosstwin_sim.cli import learning, main
train, epochs = learning.train, []

def interrupted(*arguments, tick, epoch_done, **named):
    def interrupt():
        if epochs:
            os.kill(os.getpid(), signal.SIGINT)
        tick()

    def note(*epoch):
        epochs.append(epoch)
        epoch_done(*epoch)

    return train(*arguments, tick=interrupt, epoch_done=note, **named)

learning.train = interrupted
main()
"""


def test_ctrl_c_leaves_a_checkpoint_that_resume_goes_on_from(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    arguments = ["--device", "s2", "--epochs", "2", "--checkpoint", str(path)]
    command = [sys.executable, "-c", _INTERRUPTED, *MODEL, *arguments]
    environment = {**os.environ, "COLUMNS": "200"}
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    assert done.returncode == 130
    assert "The checkpoint holds 1 of 2 epochs; add --resume to go on from it." in done.stderr
    assert done.stderr.endswith("Stopped.\n")
    for name, extra in (("part", ["--resume"]), ("whole", ["--checkpoint", str(tmp_path / "other.npz")])):
        assert run([*MODEL, *arguments, *extra, "--json", str(tmp_path / f"{name}.json")]) == 0
    part, whole = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("part", "whole"))
    assert part["conductance_sha256"] == whole["conductance_sha256"]
    assert part["accuracy"] == whole["accuracy"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of the digits, so that a run takes no time."""

    def load(seed: int) -> Split:
        split = load_split(seed)
        return Split(split.train_x[:20], split.train_y[:20], split.test_x[:10], split.test_y[:10])

    monkeypatch.setattr("crosstwin_sim.cli.train_digits.load_split", load)


@pytest.mark.usefixtures("few")
def test_a_resume_that_is_refused_leaves_the_trace_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace, checkpoint = tmp_path / "run.h5", tmp_path / "run.npz"
    common = [*MODEL, "--epochs", "1", "--trace", str(trace)]
    assert run([*common, "--checkpoint", str(checkpoint)]) == 0
    before = trace.read_bytes()
    for other in (["--checkpoint", str(tmp_path / "none.npz")], ["--checkpoint", str(checkpoint), "--zero-shift"]):
        assert run([*common, "--resume", *other]) == 2
        assert trace.read_bytes() == before
    new = ["--epochs", "1", "--trace", str(tmp_path / "new.h5"), "--resume", "--checkpoint"]
    assert run([*MODEL, *new, str(tmp_path / "none.npz")]) == 2

    def broken(*_: object, **__: object) -> None:
        raise BuildError("the compiler is missing")

    monkeypatch.setattr("crosstwin_sim.cli.learning.build", broken)
    assert run(["train", "digits", "--backend", "rtl", *new, str(checkpoint)]) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.h5", "run.npz"]


@pytest.mark.usefixtures("few")
def test_a_trace_that_is_there_is_not_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "run.h5"
    trace.write_text("mine")
    words = f"the trace {trace} is there already; name another file, add --resume to go on with it, or delete it"
    assert words in sentence(capsys, [*MODEL, "--trace", str(trace), "--checkpoint", str(tmp_path / "run.npz")])
    assert trace.read_text() == "mine"


@pytest.mark.usefixtures("few")
def test_a_checkpoint_of_another_device_names_only_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = ["--epochs", "1", "--checkpoint", str(tmp_path / "run.npz")]
    device = tmp_path / "mine.toml"
    text = '[device]\nname = "{}"\nrule = "piecewise_step"\ndw_min = {}\ntable_up = [1.2, 0.8]\ntable_down = [0.8, 1.2]\n'
    device.write_text(text.format("mine", 0.02))
    command = [*MODEL, *checkpoint, "--device", str(device)]
    assert run(command) == 0
    device.write_text(text.format("renamed", 0.02))
    assert run([*command, "--resume"]) == 0
    device.write_text(text.format("mine", 0.03))
    capsys.readouterr()
    assert run([*command, "--resume"]) == 2
    said = capsys.readouterr().err
    assert "run.npz is of a run whose device.dw_min is 0.02, not 0.03; settings." in said
    assert said.endswith("settings.step is 0.02, not 0.03; name another file with --checkpoint\n")
    assert run([*MODEL, *checkpoint, "--resume"]) == 2
    assert "is of a run whose device.rule is 'piecewise_step', not 'soft_bounds'; settings." in capsys.readouterr().err


@pytest.mark.usefixtures("few")
def test_a_checkpoint_belongs_to_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [*MODEL, "--epochs", "1", "--checkpoint", str(tmp_path / "run.npz")]
    assert run([*command, "--rate", "0.2,0.1"]) == 0
    assert "Settings tuned for s1, with --rate as given: rate 0.2, 0.1;" in capsys.readouterr().err
    assert run([*command, "--rate", "0.2,0.1", "--resume"]) == 0
    capsys.readouterr()
    assert run([*command, "--resume"]) == 2
    assert "is of a run whose settings.rates is [0.2, 0.1], not [0.1, 0.1]" in capsys.readouterr().err


@pytest.mark.usefixtures("few")
def test_a_run_says_which_settings_it_uses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    impostor = tmp_path / "s1.toml"
    impostor.write_text('[device]\nrule = "soft_bounds"\ndw_min = 0.04\nw_max = 1.2\nw_min = -1.2\n')
    for device, words in (
        ("s2", "Settings tuned for s2: rate 0.15, 0.15; transfer rate 0.32, 0.1 every 2, 2 updates; no zero-shift;"),
        (str(impostor), "Settings derived for s1 from those of s1 (60 states, steps of 0.04,"),
        ("reram_es", "; with zero-shift;"),
        ("reram_hfo2_array", "reram_hfo2_array has 3 states; the rule was measured on devices of 14 to 10000. Expect less"),
    ):
        assert run([*MODEL, "--epochs", "1", "--device", device, "--checkpoint", str(tmp_path / "run.npz")]) == 0
        assert words in capsys.readouterr().err


@pytest.mark.usefixtures("few")
def test_threads_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Updates this small run on one thread; here a few coincidences are worth a second one."""
    monkeypatch.setattr(plant_module, "_SHARED_HITS", 10)
    before = crew(2).jobs
    digests = []
    for threads in ("1", "2"):
        output = tmp_path / f"{threads}.json"
        files = ["--json", str(output), "--checkpoint", str(tmp_path / "run.npz")]
        assert run([*MODEL, "--epochs", "1", "--threads", threads, *files]) == 0
        digests.append(json.loads(output.read_text())["conductance_sha256"])
    assert crew(2).jobs > before + 10
    assert digests[0] == digests[1]


@pytest.mark.usefixtures("few")
def test_a_run_whose_reads_saturate_says_what_helps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant = tmp_path / "narrow.toml"
    checkpoint = ["--epochs", "1", "--checkpoint", str(tmp_path / "run.npz")]
    for adc_range, said in ((12.0, False), (0.5, True)):
        plant.write_text(f"[plant]\nadc_range = {adc_range}\n")
        assert run([*MODEL, *checkpoint, "--algorithm", "sgd", "--plant", str(plant)]) == 0
        captured = capsys.readouterr()
        assert ("% of the reads were saturated: more --bound-steps, a lower --forward-gain" in captured.err) is said
        assert "as intended" not in captured.out


@pytest.mark.usefixtures("few")
def test_saturation_that_the_settings_intend_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Initial weights of 0.5 carry most outputs of the first layer beyond +-3, where tanh is flat."""
    arguments = ["--epochs", "1", "--checkpoint", str(tmp_path / "run.npz"), "--initial", "0.5"]
    assert run([*MODEL, *arguments]) == 0
    captured = capsys.readouterr()
    assert "still saturated, as intended: the ADC clips the layers' outputs at +-3, +-12" in captured.out
    assert "of the reads were saturated" not in captured.err
    assert run([*MODEL, *arguments, "--forward-gain", "6"]) == 0
    captured = capsys.readouterr()
    assert "as intended" not in captured.out
    assert "of the reads were saturated" in captured.err


@pytest.mark.usefixtures("few")
def test_a_narrow_adc_is_made_up_for_by_gains_and_bound_management(tmp_path: Path) -> None:
    device = tmp_path / "mine.toml"
    device.write_text('[device]\nrule = "soft_bounds"\ndw_min = 0.05\nw_max = 1.2\nw_min = -1.2\n')
    plant = tmp_path / "plant.toml"
    plant.write_text("[plant]\nadc_range = 0.5\n")
    files = ["--checkpoint", str(tmp_path / "run.npz"), "--json", str(tmp_path / "a.json"), "--plant", str(plant)]
    assert run([*MODEL, "--epochs", "1", "--device", str(device), *files]) == 0
    document = json.loads((tmp_path / "a.json").read_text())
    assert document["config"]["settings"]["forward_gains"] == [0, 0]
    assert sum(layer["repeated"] for layer in document["reads"]) > 0
    assert sum(layer["saturated"] for layer in document["reads"]) == 0


def test_settings_that_do_not_fit_are_refused_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ["--trace", str(tmp_path / "run.h5"), "--checkpoint", str(tmp_path / "run.npz")]
    words = (
        "s1, with steps of 0.02 and these converters, cannot be trained with these settings: the transfer rate needs a full scale"
    )
    assert words in sentence(capsys, [*MODEL, "--transfer-rate", "1e-6", *files])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "failure",
    [
        HangError("BUSY is still high 2000000 clock cycles after COMMAND; its settings allow at most 900"),
        PinError("clock cycle 8: the bus gave no answer for 1000 clock cycles"),
        ControllerError("FORWARD on tile 0", ErrorCode.ADC_TIMEOUT),
    ],
    ids=["hang", "pins", "fault"],
)
def test_a_controller_that_fails_is_one_sentence(
    failure: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wait(backend: ModelBackend) -> None:
        raise failure

    monkeypatch.setattr(ModelBackend, "wait", wait)
    checkpoint = tmp_path / "run.npz"
    assert run(["train", "digits", "--backend", "model", "--epochs", "1", "--checkpoint", str(checkpoint)]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"crosstwin: {failure}"


def test_the_float_algorithm_needs_no_crossbar(tmp_path: Path) -> None:
    path = tmp_path / "float.json"
    assert run(["train", "digits", "--algorithm", "float", "--epochs", "2", "--json", str(path)]) == 0
    document = json.loads(path.read_text())
    assert document["accuracy"] == document["float_accuracy"]


def test_a_device_file_is_trained_on(tmp_path: Path) -> None:
    device = tmp_path / "mine.toml"
    device.write_text('[device]\nrule = "soft_bounds"\ndw_min = 0.03\nw_max = 0.8\nw_min = -0.8\n')
    checkpoint = ["--checkpoint", str(tmp_path / "run.npz")]
    assert run([*MODEL, "--epochs", "1", "--device", str(device), "--json", str(tmp_path / "a.json"), *checkpoint]) == 0
    assert json.loads((tmp_path / "a.json").read_text())["config"]["device"]["dw_min"] == 0.03


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "s9"], ["'s9'", "s1", "s2"]),
        (["--device", "none.toml"], ["none.toml"]),
        (["--algorithm", "sgd", "--zero-shift"], ["--zero-shift", "shd"]),
        (["--algorithm", "float", "--resume"], ["--algorithm float uses no crossbar; leave --backend and --resume out"]),
        (["--algorithm", "float", "--threads", "2", "--trace", "x.h5"], ["leave --backend and --threads and --trace out"]),
        (["--threads", "65"], ["threads is 65; allowed are whole numbers from 1 to 64"]),
        (["--threads", "0"], ["threads is 0; allowed are whole numbers from 1 to 64"]),
        (["--array", "emulated", "--threads", "2"], ["neither threads nor a trace; leave --threads out"]),
        (["--baud", "9600"], ["--backend serial; leave --baud out"]),
        (["--checkpoint", "no/such/run.npz"], ["no/such/run.npz cannot be written: there is no folder no/such"]),
        (["--algorithm", "adam"], ["adam", "sgd", "shd", "float"]),
        (["--epochs", "0"], ["--epochs", "0"]),
        (["--seed", "-1"], ["--seed", "-1"]),
        (["--rate", "fast"], ["--rate is 'fast'; allowed are numbers"]),
        (["--transfer-every", "1.5"], ["--transfer-every is '1.5'; allowed are whole numbers"]),
        (["--rate", "1,2,3"], ["--rate is '1,2,3'; allowed is one value, or 2 with commas between them"]),
        (["--decay", "1,2"], ["--decay is '1,2'; allowed is one value"]),
        (["--rate", "0"], ["--rate is '0': rates is 0.0; allowed are numbers above 0"]),
        (["--scale", "nan"], ["--scale is 'nan': scales is nan; allowed are numbers above 0"]),
        (
            ["--forward-gain", "3,16"],
            ["--forward-gain is '3,16': forward_gains is 16; allowed are numbers 0 or more, at most 15"],
        ),
        (["--bl-min", "64"], ["--bl-min is '64': bl_min is 64; allowed are 1 to bl_max, 32"]),
        (["--source", "count"], ["--source is 'count': source is 'count'; allowed are hammersley, lfsr and lfsr_per_line"]),
        (["--algorithm", "sgd", "--transfer-rate", "1"], ["does not use A, as shd does; leave --transfer-rate out"]),
        (["--algorithm", "float", "--rate", "1"], ["--algorithm float uses no crossbar; leave --backend and --rate out"]),
        (["--json", "/no/such/folder/a.json"], ["/no/such/folder"]),
        (["--plot", "a.bmp"], ["a.bmp", ".png", ".svg", ".pdf"]),
        (["--resume", "--checkpoint", "none.npz"], ["none.npz", "without --resume"]),
    ],
)
def test_bad_input_is_one_sentence(arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = sentence(capsys, [*MODEL, *arguments])
    assert all(word in text for word in words), text
