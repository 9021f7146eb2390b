"""Every public function that takes an array: any real type and memory layout gives the same bits, anything else one sentence."""

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crosstwin_model import coincidence, trains
from crosstwin_model.config import ControllerConfig
from crosstwin_model.controller import GoldenController
from crosstwin_model.devices import DEVICES
from crosstwin_model.emulated import EmulatedConfig, EmulatedPlant
from crosstwin_model.line_resistance import LineResistance
from crosstwin_model.numbers import whole_array
from crosstwin_model.plant import Plant, PlantConfig
from crosstwin_model.registers import TileKind, register_map
from crosstwin_sim.backend import Backend
from crosstwin_sim.crossbar import Crossbar, PulseSettings
from crosstwin_sim.direct import DirectCrossbar
from crosstwin_sim.link.accesses import writes
from crosstwin_sim.model_backend import ModelBackend
from crosstwin_sim.trace import Recorder

Array = npt.NDArray[Any]

CONFIG = ControllerConfig("types", rows=5, columns=7)
ROWS, COLUMNS = 5, 7
PULSES = PulseSettings(step=DEVICES["s1"].dw_min)
X_WINDOW = register_map(CONFIG).window("X").offset

#: Types whose numbers are real, both byte orders of each.
TYPES = ["?", "b", "B", "<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", ">u4", "<i8", ">i8", "<u8", ">u8", "q", "Q"]
TYPES += ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", np.dtype(np.longdouble).str]


def _offset(array: Array) -> Array:
    """Return a copy that is not aligned."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    copy = memory[1 : 1 + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def _read_only(array: Array) -> Array:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


#: The same numbers in other memory.
LAYOUTS: dict[str, Callable[[Array], Any]] = {
    "contiguous": np.array,
    "every second": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
    "backwards": lambda array: array[..., ::-1].copy()[..., ::-1],
    "Fortran order": np.asfortranarray,
    "unaligned": _offset,
    "read-only": _read_only,
    "a field": lambda array: np.rec.fromarrays([array, array], names="a,b").a,
    "a subclass": lambda array: array.view(np.recarray),
    "masked without a mask": np.ma.array,
    "lists": lambda array: array.tolist(),
    "tuples of scalars": lambda array: tuple(array) if array.ndim == 1 else tuple(tuple(row) for row in array.tolist()),
}


@dataclass(frozen=True)
class Kind:
    """Numbers that an argument takes, and those that no argument of its kind may hold."""

    low: int
    high: int
    canonical: type[np.generic]
    refused: tuple[float, ...]


REAL = Kind(-100, 100, np.float64, (np.nan, np.inf, -np.inf, 1e308))
COUNT = Kind(-5, 5, np.int64, (0.5, np.nan, np.inf, 2.0**63))
CHARGE = Kind(-100, 100, np.int32, (0.5, np.nan, 65536.0, 1e10))
SIGN = Kind(-1, 1, np.int8, (2.0, -2.0, 0.5, np.nan, 256.0))
WORD = Kind(0, 31, np.uint64, (-1.0, 0.5, np.nan, 2.0**64))
FLAG = Kind(0, 1, np.bool_, (2.0, -1.0, 0.5, np.nan))
BUS_WORD = Kind(0, 31, np.uint32, (-1.0, 0.5, np.nan, 2.0**32))

Shaped = tuple[str, Kind, tuple[int, ...]]


@dataclass(frozen=True)
class Entry:
    """A public function that takes arrays.

    ``call`` gets what ``make`` returned and the arrays; ``state`` tells all that it changes.
    """

    arrays: tuple[Shaped, ...]
    make: Callable[[Path], Any]
    call: Callable[..., Any]
    state: Callable[[Any], Any]


def _plant(**fields: Any) -> Plant:
    return Plant(CONFIG, PlantConfig(device=DEVICES["s1"], seed=3, initial=0.3, **fields))


def _crossbar(_: Path) -> Crossbar:
    return Crossbar(ModelBackend(CONFIG, _plant()), pulses=PULSES)


def _state_of_plant(plant: Any) -> Any:
    return {key: value.tobytes() for key, value in plant.state().items()}


def _state_of_crossbar(crossbar: Crossbar) -> Any:
    return _state_of_plant(crossbar.backend.plant)


def _recorder(folder: Path) -> Recorder:
    return Recorder(folder / f"{len(list(folder.iterdir()))}.h5", _plant())


def _nothing(_: Any) -> None:
    return None


X, D = ("x", REAL, (ROWS,)), ("d", REAL, (COLUMNS,))
GROUP = (("row_words", WORD, (ROWS, 1)), ("column_words", WORD, (COLUMNS, 1)))
UPDATE = (
    ("x_signs", SIGN, (ROWS,)),
    ("d_signs", SIGN, (COLUMNS,)),
    ("row_words", WORD, (1, ROWS, 1)),
    ("column_words", WORD, (1, COLUMNS, 1)),
)
SLOTS = (("up", FLAG, (4,)), ("row_masks", WORD, (4, 1)), ("column_masks", WORD, (4, 1)))
CHARGES = (("charge", CHARGE, (ROWS,)),)
VALUES = (("values", REAL, (ROWS, COLUMNS)),)
LINES = (ROWS, COLUMNS)

ENTRIES = {
    "Crossbar.forward": Entry((X,), _crossbar, lambda t, x: t.forward(x), _state_of_crossbar),
    "Crossbar.backward": Entry((D,), _crossbar, lambda t, d: t.backward(d), _state_of_crossbar),
    "Crossbar.read_vector": Entry((X,), _crossbar, lambda t, x: t.read_vector(x, True, TileKind.C, 1)[0], _state_of_crossbar),
    "Crossbar.update": Entry((X, D), _crossbar, lambda t, x, d: t.update(x, d, 1e-5), _state_of_crossbar),
    "Crossbar.pulse_row": Entry(
        (("counts", COUNT, (COLUMNS,)),), _crossbar, lambda t, c: t.pulse_row(2, c, TileKind.C), _state_of_crossbar
    ),
    "Crossbar.program": Entry(
        (("weights", REAL, (ROWS, COLUMNS)),), _crossbar, lambda t, w: t.program(w).rms, _state_of_crossbar
    ),
    "DirectCrossbar.forward": Entry(
        (X,), lambda _: DirectCrossbar(_plant(), pulses=PULSES), lambda t, x: t.forward(x), lambda t: _state_of_plant(t.plant)
    ),
    "DirectCrossbar.backward": Entry(
        (D,), lambda _: DirectCrossbar(_plant(), pulses=PULSES), lambda t, d: t.backward(d), lambda t: _state_of_plant(t.plant)
    ),
    "DirectCrossbar.update": Entry(
        (X, D),
        lambda _: DirectCrossbar(_plant(), pulses=PULSES),
        lambda t, x, d: t.update(x, d, 1e-5),
        lambda t: _state_of_plant(t.plant),
    ),
    "LineResistance.conductances": Entry(
        (("w", Kind(-1, 1, np.float64, REAL.refused), (ROWS, COLUMNS)),),
        lambda _: LineResistance(),
        lambda t, w: t.conductances(w),
        _nothing,
    ),
    "LineResistance.read_sums": Entry(
        (("w", Kind(-1, 1, np.float64, REAL.refused), (ROWS, COLUMNS)), ("charge", COUNT, (ROWS,))),
        lambda _: LineResistance(),
        lambda t, w, c: t.read_sums(w, c, True),
        _nothing,
    ),
    "GoldenController.write_block": Entry(
        (("words", BUS_WORD, (3,)),),
        lambda _: GoldenController(CONFIG, _plant()),
        lambda t, w: t.write_block(X_WINDOW, w),
        lambda t: t.registers.x.tolist(),
    ),
    "ModelBackend.write_block": Entry(
        (("words", BUS_WORD, (3,)),),
        lambda _: ModelBackend(CONFIG, _plant()),
        lambda t, w: t.write_block(X_WINDOW, w),
        lambda t: t.controller.registers.x.tolist(),
    ),
    "accesses.writes": Entry(
        (("values", BUS_WORD, (3,)),), _nothing, lambda _, v: [access.values.tolist() for access in writes(0, v)], _nothing
    ),
    "coincidence.pack": Entry((("bits", FLAG, (2, 9)),), _nothing, lambda _, b: coincidence.pack(b), _nothing),
    "coincidence.unpack": Entry((("words", WORD, (2, 1)),), _nothing, lambda _, w: coincidence.unpack(w, 9), _nothing),
    "coincidence.transpose": Entry((("words", WORD, (2, 1)),), _nothing, lambda _, w: coincidence.transpose(w, 9), _nothing),
    "coincidence.coincidences": Entry(GROUP, _nothing, lambda _, r, c: coincidence.coincidences(r, c), _nothing),
    "trains.group_trains": Entry(GROUP, _nothing, lambda _, *t: np.concatenate(trains.group_trains(LINES, *t)), _nothing),
    "trains.update_trains": Entry(UPDATE, _nothing, lambda _, *t: trains.update_trains(LINES, *t)[0], _nothing),
    "trains.slot_trains": Entry(SLOTS, _nothing, lambda _, *t: trains.slot_trains(LINES, *t)[0], _nothing),
}

#: What is driven in place of a plant, and how its calls and its state are reached.
PLANTS: dict[str, tuple[Callable[[Path], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "Plant": (lambda _: _plant(), lambda t: t, _state_of_plant),
    "Plant with half-selects": (lambda _: _plant(half_select=0.1), lambda t: t, _state_of_plant),
    "Plant with line resistance": (lambda _: _plant(lines=LineResistance()), lambda t: t, _state_of_plant),
    "EmulatedPlant": (lambda _: EmulatedPlant(CONFIG, EmulatedConfig(seed=3)), lambda t: t, _state_of_plant),
    "Recorder.plant": (_recorder, lambda t: t.plant, lambda t: _state_of_plant(t.plant)),
}

for place, (make, reach, state) in PLANTS.items():
    for method, arrays, call in (
        ("pulse", GROUP, lambda p, *a: p.pulse(0, True, *a)),
        ("update", UPDATE, lambda p, *a: p.update(0, *a)),
        ("pulse_slots", SLOTS, lambda p, *a: p.pulse_slots(0, *a)),
        ("read", CHARGES, lambda p, c: p.read(0, True, True, c, 2, COLUMNS)),
        ("set_conductance", VALUES, lambda p, v: p.set_conductance(0, v)),
    ):
        ENTRIES[f"{place}.{method}"] = Entry(arrays, make, lambda t, *a, call=call, reach=reach: call(reach(t), *a), state)


def _numbers(rng: np.random.Generator, kind: Kind, shape: tuple[int, ...], dtype: str) -> Array:
    """Return numbers that the type and the argument both take."""
    of = np.dtype(dtype)
    low, high = kind.low, kind.high
    if of.kind in "ub":
        low, high = max(low, 0), min(high, 1 if of.kind == "b" else high)
    found = rng.integers(low, high, shape, endpoint=True).astype(of)
    if of.kind == "f" and kind.canonical is np.float64:
        found += (rng.integers(-2, 2, shape) / 4 * (np.abs(found) < kind.high)).astype(of)
    return found


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype and one.shape == other.shape and np.array_equal(one, other))
    return bool(one == other)


def _hold(
    entry: Entry, reference: Any, drawn: Any, rng: np.random.Generator, dtypes: Iterator[str], layouts: Iterator[str]
) -> None:
    """Call both with the same numbers, one in canonical arrays, the other in drawn ones."""
    canonical, others = [], []
    for _, kind, shape in entry.arrays:
        numbers = _numbers(rng, kind, shape, next(dtypes))
        canonical.append(numbers.astype(kind.canonical))
        others.append(LAYOUTS[next(layouts)](numbers))
    assert _same(entry.call(reference, *canonical), entry.call(drawn, *others))
    assert entry.state(reference) == entry.state(drawn)


def _examples(name: str) -> int:
    """Return how many cases are drawn: 10,000 in all; programming takes thousands of reads a case."""
    return 25 if name == "Crossbar.program" else 225


@pytest.mark.parametrize("name", ENTRIES)
def test_any_real_type_gives_the_same_bits(name: str, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    reference, drawn = entry.make(tmp_path), entry.make(tmp_path)

    @settings(max_examples=_examples(name), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(
        seed=st.integers(0, 2**32 - 1),
        dtypes=st.lists(st.sampled_from(TYPES), min_size=4, max_size=4),
        layouts=st.lists(st.sampled_from(sorted(LAYOUTS)), min_size=4, max_size=4),
    )
    def hold(seed: int, dtypes: list[str], layouts: list[str]) -> None:
        _hold(entry, reference, drawn, np.random.default_rng(seed), iter(dtypes), iter(layouts))

    hold()


def test_ten_thousand_cases_are_drawn() -> None:
    assert sum(map(_examples, ENTRIES)) >= 10_000


def _compiled() -> dict[str, int]:
    """Return for each compiled function of the project for how many lists of types it has been compiled."""
    functions = {}
    for module in [module for name, module in sys.modules.items() if name.startswith(("crosstwin_model", "crosstwin_sim"))]:
        for value in list(vars(module).values()):
            if hasattr(value, "signatures") and hasattr(value, "py_func"):
                functions[f"{value.__module__}.{value.__qualname__}"] = len(value.signatures)
    return functions


def test_no_compiled_function_meets_another_type(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    pairs = {name: (entry.make(tmp_path), entry.make(tmp_path)) for name, entry in ENTRIES.items() if name != "Crossbar.program"}
    for name, pair in pairs.items():
        canonical = [np.dtype(kind.canonical).str for _, kind, _ in ENTRIES[name].arrays]
        _hold(ENTRIES[name], *pair, rng, iter(canonical), iter(["contiguous"] * 4))
    before = _compiled()
    assert "crosstwin_sim.scaling.largest_magnitude" in before
    for dtype in TYPES:
        for layout in LAYOUTS:
            for name, pair in pairs.items():
                _hold(ENTRIES[name], *pair, rng, iter([dtype] * 4), iter([layout] * 4))
    assert _compiled() == before


#: What no argument takes, of any shape, made from an array of the right one.
REFUSED: dict[str, Callable[[Array], Any]] = {
    "complex": lambda a: a.astype(complex),
    "objects": lambda a: a.astype(object),
    "text": lambda a: a.astype(str),
    "bytes": lambda a: a.astype("S"),
    "dates": lambda a: a.astype("i8").astype("M8[s]"),
    "durations": lambda a: a.astype("i8").astype("m8[s]"),
    "records": lambda a: np.zeros(a.shape, [("a", "f8")]),
    "a masked entry": lambda a: np.ma.array(a, mask=np.arange(a.size).reshape(a.shape) == 0),
    "ragged": lambda a: [[1.0], [1.0, 2.0]],
    "None": lambda a: None,
    "a word": lambda a: "one",
    "a dictionary": lambda a: {0: 1.0},
    "empty": lambda a: np.zeros(0),
    "a scalar": lambda a: 1.0,
    "one axis more": lambda a: a[None, None, None],
}

#: Functions that take any shape, so that these cases are no errors there.
ANY_SHAPE = {
    "LineResistance.conductances", "LineResistance.read_sums", "GoldenController.write_block", "ModelBackend.write_block",
    "accesses.writes", "coincidence.pack", "coincidence.unpack", "coincidence.transpose", "coincidence.coincidences",
}  # fmt: skip
SHAPES = {"empty", "a scalar", "one axis more"}


@pytest.mark.parametrize("name", ENTRIES)
def test_anything_else_is_refused_and_changes_nothing(name: str, tmp_path: Path) -> None:
    entry = ENTRIES[name]
    target = entry.make(tmp_path)
    rng = np.random.default_rng(7)
    before = entry.state(target)
    names = "|".join(argument for argument, _, _ in entry.arrays)  # of two that do not fit each other, either may be named
    for position, (_, kind, shape) in enumerate(entry.arrays):
        arrays: list[Any] = [np.ones(s, k.canonical) for _, k, s in entry.arrays]
        bad: list[Any] = [
            make(_numbers(rng, kind, shape, "<f8"))
            for case, make in REFUSED.items()
            if name not in ANY_SHAPE or case not in SHAPES
        ]
        for number in kind.refused:
            array = np.ones(shape)
            array[(-1,) * len(shape)] = number
            bad.append(array)
        for values in bad:
            arrays[position] = values
            with pytest.raises(ValueError, match=rf"^({names})\b.*; (the emulated array )?allow(ed|s)"):
                entry.call(target, *arrays)
            assert entry.state(target) == before


def test_every_public_method_that_takes_an_array_is_held_to_this() -> None:
    classes = (Crossbar, DirectCrossbar, Plant, EmulatedPlant, LineResistance, GoldenController, ModelBackend)
    found = {
        f"{where.__name__}.{method}"
        for where in (*classes, coincidence, trains)
        for method, function in inspect.getmembers(where, inspect.isfunction)
        if not method.startswith("_") and "ArrayLike" in str(function.__annotations__) and function is not whole_array
    }
    held = {name.replace("crosstwin_model.", "") for name in ENTRIES}
    assert {name.removeprefix("crosstwin_model.") for name in found} <= held
    assert "ArrayLike" in str(Backend.write_block.__annotations__)
