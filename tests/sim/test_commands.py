"""A literal reader succeeds: every command and snippet of every document, and every example of every help text, is run.

Each document and each help text has a copy of the checkout to itself, in which its commands run in their order.
"""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from crosstwin_model.config import PRESETS, load_config
from crosstwin_model.devices import load_device
from crosstwin_model.emulated_config import EmulatedConfig, load_emulated
from crosstwin_model.plant_config import load_plant
from crosstwin_sim import programming
from crosstwin_sim.board import SimulatedBoard, served
from crosstwin_sim.cli import train_conv, train_digits, train_text
from crosstwin_sim.cli.main import crosstwin, run
from crosstwin_sim.cosim.__main__ import command as cosim
from crosstwin_sim.experiments.corpus import Corpus
from crosstwin_sim.experiments.images import Split
from crosstwin_sim.rtl.build import build_folder

REPOSITORY = Path(__file__).parents[2]
PROGRAMS = ("crosstwin", "make", "python", "pip", "bash", ".", "apt-get", "vivado", "openFPGALoader")
CONSOLE = [sys.executable, "-c", "from crosstwin_sim.cli import main; main()"]


class Rule(NamedTuple):
    """What is done otherwise than it is written: a part of a command is replaced, or, with None, the command is only parsed."""

    pattern: str
    replacement: str | None
    reason: str


#: All that is not run as it is written. Every rule must match a command. Training learns from 6 samples, see `few_samples`.
RULES = (
    Rule(r"^make (setup|demo|test|bench|docs|lint|help|sim)\b", None, "the recipe takes minutes; make says that it has one"),
    Rule(r"^make bitstream\b.*", None, "place and route takes minutes; make says that it has a recipe"),
    Rule(r"^\. \S+/activate", None, "each command has an environment of its own"),
    Rule(r"^pip install ", None, "a test installs nothing"),
    Rule(r"^(vivado|bash build_crosstwin\.sh)\b", None, "Vivado is not free"),
    Rule(r"^openFPGALoader ", None, "there is no board"),
    Rule(r"^python -m crosstwin_sim\.cosim\b", None, "tests/tb/test_benches.py runs the benches"),
    Rule(r"^python docs/ir_drop_figure\.py", None, "it draws for a minute"),
    Rule(r"^crosstwin fpga sweep\b", None, "place and route takes minutes"),
    Rule(r"^(crosstwin fpga build --board) (?!arty)\S+( --config digits --source \S+)?", r"\1 arty-a7-35", "the same"),
    Rule(r"^crosstwin \S+ .*--(family|backend netlist)\b", None, "synthesis takes a minute; tests/sim/test_netlist.py runs it"),
    Rule(r"^crosstwin train digits .*--backend serial\b", None, "tests/sim/test_board_training.py runs it"),
    Rule(r"^(crosstwin check .*--backend icarus\b.*)", r"\1" if shutil.which("iverilog") else None, "Icarus may be missing"),
    Rule(r"--ops \d+", "--ops 20", "thousands of operations take long"),
    Rule(r"^(crosstwin device fit \S+)(?!.*--model)", r"\1 --model soft_bounds", "fits of all rules take a minute"),
    Rule(r"^(crosstwin board simulate\b.*)", r"\1 --config tiny", "a larger board takes a minute to compile"),
    Rule(r"^(crosstwin board .*--array) \S+", r"\1 {array}", "one array is compiled for all"),
    Rule(r"/dev/ttyUSB\d|/dev/pts/\d+", "{port}", "a simulated board's port in place of a board's"),
)


@dataclass(frozen=True)
class Command:
    """A command line, with the lines that it is to print, where they are given."""

    text: str
    output: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mention:
    """A command with parts left open, or without any argument: what it names must be there."""

    text: str


@dataclass(frozen=True)
class Code:
    """A Python program, or, with a name, a TOML file to be saved, or, without, one to be read."""

    language: str
    text: str
    name: str | None = None


Item = Command | Mention | Code


def documents() -> list[Path]:
    """Return all documents but the change log, whose commands are those of their time."""
    found = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), *REPOSITORY.glob("*/README.md")]
    return sorted(path for path in found if path.name != "CHANGELOG.md")


def items_of(text: str) -> Iterator[Item]:
    """Yield what a document asks its reader to do, in order."""
    for found in re.finditer(r"^```(?P<language>\w*)\n(?P<body>.*?)^```|`(?P<inline>[^`]+)`", text, re.DOTALL | re.MULTILINE):
        if found["inline"] is not None:
            yield from _inline(" ".join(found["inline"].split()))
        elif found["language"] == "":
            yield from _block(found["body"])
        elif found["language"] in ("python", "toml"):
            before = text[: found.start()].rstrip().splitlines()[-1]
            name = re.search(r"Save this as `([^`]+)`", before)
            yield Code(found["language"], found["body"], name[1] if name else None)


def _inline(text: str) -> Iterator[Item]:
    program, _, rest = text.removeprefix(".venv/bin/").partition(" ")
    if program not in PROGRAMS or not rest or program == ".":
        return
    is_open = re.search(r"\||\.\.\.|=[a-z]\b|(?<![\w/.=-])[A-Z]+(?![\w/=-])|NAME|FILE", rest)
    has_arguments = program != "crosstwin" or re.search(r" -| \S*[./]", text)
    yield Command(f"{program} {rest}") if has_arguments and not is_open else Mention(f"{program} {rest}")


def _block(body: str) -> Iterator[Command]:
    shows_output = body.startswith("$ ")
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:] if shows_output else body.splitlines():
        line, *output = part.splitlines() or [""]
        if line.strip():
            yield Command(line.removeprefix(".venv/bin/"), tuple(output))


def help_texts() -> dict[str, click.Command]:
    """Return every subcommand by the words that call it."""
    found: dict[str, click.Command] = {"python -m crosstwin_sim.cosim": cosim}

    def walk(name: str, command: click.Command) -> None:
        found[name] = command
        if isinstance(command, click.Group):
            context = click.Context(command)
            for key in command.list_commands(context):
                below = command.get_command(context, key)
                assert below is not None
                walk(f"{name} {key}", below)

    walk("crosstwin", crosstwin)
    return found


def examples(command: click.Command) -> list[Command]:
    """Return the examples of a subcommand's help."""
    after = (command.help or "").partition("Examples:\n")[2].partition("\n\n")[0]
    return [Command(line.strip()) for line in after.splitlines() if line.strip()]


@cache
def everything() -> dict[str, list[Item]]:
    """Return what each document and each help text asks for."""
    found: dict[str, list[Item]] = {
        str(path.relative_to(REPOSITORY)): list(items_of(path.read_text(encoding="utf-8"))) for path in documents()
    }
    return found | {f"{name} --help": [*examples(command)] for name, command in help_texts().items()}


def _copy_checkout(target: Path) -> None:
    """Copy the checkout as it is before anything was built; only what is compiled for simulations is shared."""
    built = build_folder().resolve()
    kept = {"build", ".git", ".venv", "__pycache__", *(path.name for path in REPOSITORY.glob(".*_cache")), ".hypothesis"}
    shutil.copytree(REPOSITORY, target, ignore=shutil.ignore_patterns(*kept))
    (target / ".venv").mkdir()
    (target / ".venv" / ".installed").touch()  # make then has no setting-up to do
    (target / "build").mkdir()
    for name in ("rtl", "cosim"):
        (built / name).mkdir(parents=True, exist_ok=True)
        (target / "build" / name).symlink_to(built / name)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    _copy_checkout(folder)
    monkeypatch.delenv("CROSSTWIN_BUILD", raising=False)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training in this process learn from 6 samples or 100 characters, from weights that were corrected once."""
    load_split, load_corpus = train_digits.load_split, train_text.load_corpus

    def few(seed: int) -> Split:
        split = load_split(seed)
        return Split(split.train_x[:6], split.train_y[:6], split.test_x[:4], split.test_y[:4])

    def short(path: Path | None, train: int, test: int) -> Corpus:
        corpus = load_corpus(path, train, test)
        return Corpus(corpus.train[:100], corpus.test[:60])

    monkeypatch.setattr(train_digits, "load_split", few)
    monkeypatch.setattr(train_conv, "load_split", few)
    monkeypatch.setattr(train_text, "load_corpus", short)
    for name in ("_ROUNDS", "_REPEATS", "_MOST_REPEATS"):
        monkeypatch.setattr(programming, name, 1)


class Reader:
    """Does what a text asks for."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._port = ""

    def follow(self, item: Item) -> None:
        if isinstance(item, Command):
            self.perform(item)
        elif isinstance(item, Mention):
            _parse(shlex.split(item.text), whole=False)
        elif item.language == "toml":
            _keep(item)
        elif not _is_excerpt(item.text):
            Path("snippet.py").write_text(item.text, encoding="utf-8")
            self._run_python(["snippet.py"], ())

    def perform(self, command: Command) -> None:
        text = " ".join(shlex.quote(word) for word in shlex.split(command.text, comments=True))
        for rule in RULES:
            if re.search(rule.pattern, text):
                if rule.replacement is None:
                    return _parse(shlex.split(text), whole=True)
                text = re.sub(rule.pattern, rule.replacement, text)
        words = shlex.split(text)
        if "{array}" in words:
            words[words.index("{array}")] = _array_file()
        if "{port}" in words:
            words[words.index("{port}")] = self._open_port()
        program, *arguments = words
        if words[:3] == ["crosstwin", "board", "simulate"]:
            _simulate(arguments)
        elif program == "crosstwin":
            assert run(arguments) == 0, text
        elif program == "python":
            self._run_python(arguments, command.output)
        elif program == "make":
            for recipe in _recipe(arguments):
                if "/crosstwin " in recipe:
                    self.perform(Command(recipe.partition("/bin/")[2]))
        else:
            pytest.fail(f"nothing says how {text!r} is to be run")

    def _run_python(self, arguments: list[str], output: tuple[str, ...]) -> None:
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        if output:
            assert [line for line in output if line] == done.stdout.splitlines()

    def _open_port(self) -> str:
        if not self._port:
            self._port = self._stack.enter_context(served(SimulatedBoard(PRESETS["tiny"], ARRAY)))
        return self._port


#: As in test_board_command.py, so that one build serves both.
ARRAY = EmulatedConfig(lanes=1, adc_range=1.0, adc_noise=0.01)


def _array_file() -> str:
    path = Path("emulated_array_of_the_test.toml")
    path.write_text("[emulated]\n" + "".join(f"{key} = {value}\n" for key, value in asdict(ARRAY).items()))
    return str(path)


def _recipe(arguments: list[str]) -> list[str]:
    done = subprocess.run(["make", "-n", "--no-print-directory", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _parse(words: list[str], *, whole: bool) -> None:
    """Check that what a command names is there: a subcommand and its options with their values, a script, a target of make."""
    program, *arguments = words
    if words[:3] == ["python", "-m", "crosstwin_sim.cosim"]:
        cosim.make_context("cosim", arguments[2:])
    elif program == "crosstwin":
        command: click.Command = crosstwin
        while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
            _, below, arguments = command.resolve_command(click.Context(command), arguments)
            assert below is not None
            command = below
        if whole:
            command.make_context(words[1], arguments)
        names = {name for parameter in command.params for name in parameter.opts} | {"--help"}
        assert {word for word in arguments if word.startswith("-")} <= names, words
    elif program == "python":
        assert Path(arguments[0]).is_file(), words
    elif program == "make":
        assert not whole or _recipe(arguments)
        assert re.search(rf"^{arguments[0]}:", Path("Makefile").read_text(), re.MULTILINE), words


def _keep(item: Code) -> None:
    """Save a TOML file under its name, and read it as a command would."""
    path = Path(item.name or "snippet.toml")
    path.write_text(item.text, encoding="utf-8")
    kind = re.findall(r"^\[(\w+)\]", item.text, re.MULTILINE)[0]
    {"device": load_device, "plant": load_plant, "emulated": load_emulated, "controller": load_config}[kind](path)


def _is_excerpt(text: str) -> bool:
    """Whether a snippet is a part of an example, all of whose lines are there."""
    lines = {line.partition("#")[0].strip() for line in text.splitlines()} - {""}
    return any(lines <= {line.partition("#")[0].strip() for line in path.read_text().splitlines()} for path in _EXAMPLES)


_EXAMPLES = sorted((REPOSITORY / "examples").glob("*.py"))


def _simulate(arguments: list[str]) -> None:
    """Run a simulated board until it has said its port, and end it as its user does."""
    with subprocess.Popen([*CONSOLE, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert " is on /dev/" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 0


@contextmanager
def _reader() -> Iterator[Reader]:
    with ExitStack() as stack:
        yield Reader(stack)


@pytest.mark.usefixtures("checkout", "few_samples", "patient")
@pytest.mark.parametrize("source", [source for source, items in everything().items() if items])
def test_a_literal_reader_succeeds(source: str) -> None:
    with _reader() as reader:
        for item in everything()[source]:
            reader.follow(item)


def test_every_subcommand_has_examples() -> None:
    for name, command in help_texts().items():
        assert examples(command), name


@pytest.mark.parametrize("path", sorted((REPOSITORY / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_every_example_file_is_read(path: Path, checkout: Path) -> None:
    _keep(Code("toml", path.read_text(encoding="utf-8")))


def test_every_rule_is_needed() -> None:
    texts = [item.text for items in everything().values() for item in items if isinstance(item, Command)]
    for rule in RULES:
        assert any(re.search(rule.pattern, text) for text in texts), rule
