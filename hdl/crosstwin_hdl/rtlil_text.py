"""RTLIL, the text in which Yosys keeps a design: read into modules of wires, cells and connections, and written again.

It holds what Yosys's ``proc`` leaves: no processes. A signal is a list of bits, lowest first. A bit is a wire's name and the
bit's number, or a constant's digit.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

Bit = tuple[str, int] | str
Signal = list[Bit]

_TOKEN = re.compile(r"[{}]|\[\d+(?::\d+)?\]|\d+'[01xzm-]*|-?\d+|[\\$]\S+")


@dataclass
class Wire:
    """A wire: its width, its direction and number if it is a port (``input 3``), and its attributes."""

    width: int
    port: str
    attributes: list[str]


@dataclass
class Cell:
    """A cell: its type, its parameters, and the signal of each of its ports."""

    kind: str
    name: str
    parameters: dict[str, str] = field(default_factory=dict)
    ports: dict[str, Signal] = field(default_factory=dict)

    @property
    def is_register(self) -> bool:
        """Whether it is a flip-flop, of any kind."""
        return re.fullmatch(r"\$\w*dff\w*", self.kind) is not None


@dataclass
class Module:
    """A module; ``memories`` are lines as they are written."""

    name: str
    attributes: list[str]
    wires: dict[str, Wire] = field(default_factory=dict)
    memories: list[str] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    connections: list[tuple[Signal, Signal]] = field(default_factory=list)

    def signal(self, text: str) -> Signal:
        """Return the signal that a text means."""
        return self._signal(_TOKEN.findall(text))

    def _signal(self, tokens: list[str]) -> Signal:
        bits: Signal = []
        while tokens:
            token = tokens.pop()
            if token in "{}":
                continue
            if token.startswith("["):
                high, _, low = token[1:-1].partition(":")
                name = tokens.pop()
                bits += [(name, bit) for bit in range(int(low or high), int(high) + 1)]
            elif token[0] in "-0123456789":  # a number alone has 32 bits
                width, _, digits = (token if "'" in token else f"32'{int(token) & 0xFFFFFFFF:b}").partition("'")
                bits += reversed(digits.rjust(int(width), digits[0] if digits[0] in "xz-" else "0"))
            else:
                bits += [(token, bit) for bit in range(self.wires[token].width)]
        return bits

    def text(self, signal: Signal) -> str:
        """Return a signal as RTLIL, in as few parts as can be."""
        parts: list[str] = []
        place = 0
        while place < len(signal):
            end = place + 1
            first = signal[place]
            if isinstance(first, str):
                while end < len(signal) and isinstance(signal[end], str):
                    end += 1
                digits = "".join(str(bit) for bit in reversed(signal[place:end]))
                parts.append(f"{end - place}'{digits}")
            else:
                name, low = first
                while end < len(signal) and signal[end] == (name, low + end - place):
                    end += 1
                high = low + end - place - 1
                whole = low == 0 and high == self.wires[name].width - 1
                parts.append(name if whole else f"{name} [{high}:{low}]" if high > low else f"{name} [{low}]")
            place = end
        return parts[0] if len(parts) == 1 else f"{{ {' '.join(reversed(parts))} }}"


def read(text: str) -> list[Module]:
    """Return the modules of a design."""
    modules: list[Module] = []
    attributes: list[str] = []
    cell: Cell | None = None
    for line in map(str.strip, text.splitlines()):
        word, _, rest = line.partition(" ")
        module = modules[-1] if modules else None
        if word == "attribute":
            attributes.append(line)
            continue
        if word == "module":
            modules.append(Module(rest, attributes))
        elif module is None:
            pass
        elif word == "wire":
            *options, name = rest.split(" ")
            width = int(options[options.index("width") + 1]) if "width" in options else 1
            port = next(
                (f"{kind} {options[options.index(kind) + 1]}" for kind in ("input", "output", "inout") if kind in options), ""
            )
            module.wires[name] = Wire(width, port, attributes)
        elif word == "memory":
            module.memories.append(line)
        elif word == "cell":
            kind, name = rest.split(" ")
            cell = Cell(kind, name)
            module.cells.append(cell)
        elif word == "parameter" and cell is not None:
            signed = "signed " if rest.startswith("signed ") else ""
            name, _, value = rest.removeprefix(signed).partition(" ")
            cell.parameters[signed + name] = value
        elif word == "connect" and cell is not None:
            name, _, value = rest.partition(" ")
            cell.ports[name] = module.signal(value)
        elif word == "connect":
            left, right = _sides(rest)
            module.connections.append((module.signal(left), module.signal(right)))
        elif word == "end":
            cell = None
        attributes = []
    return modules


def _sides(text: str) -> tuple[str, str]:
    """Return the two signals of a connection."""
    depth = 0
    tokens = list(_TOKEN.finditer(text))
    for token, after in pairwise(tokens):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0 and not after[0].startswith("["):
            return text[: after.start()], text[after.start() :]
    raise ValueError(f"{text!r} is no connection")


def write(modules: list[Module]) -> str:
    """Return the text of a design."""
    return "\n".join(line for module in modules for line in _lines(module)) + "\n"


def _lines(module: Module) -> Iterator[str]:
    yield from module.attributes
    yield f"module {module.name}"
    for name, wire in module.wires.items():
        yield from wire.attributes
        yield f"wire width {wire.width} {wire.port + ' ' if wire.port else ''}{name}"
    yield from module.memories
    for cell in module.cells:
        yield f"cell {cell.kind} {cell.name}"
        yield from (f"parameter {name} {value}" for name, value in cell.parameters.items())
        yield from (f"connect {name} {module.text(signal)}" for name, signal in cell.ports.items())
        yield "end"
    for left, right in module.connections:
        yield f"connect {module.text(left)} {module.text(right)}"
    yield "end"
