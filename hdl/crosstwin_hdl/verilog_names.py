"""Names of the Verilog that say where a thing is, not in which order it was made.

Amaranth and Yosys tell equal names apart by counters, so that one more signal renames many others, and constraints and logic
analysers lose what they name. Here a name comes from what it names:

- a module has the path of its block: ``crosstwin_engine_slots``;
- a port, a register or a named signal has its own name. Where several have one, the port keeps it, and an output of a block has
  the names of the block and of its port;
- a part of a port has the name of the signal that it is joined to, and the number of its lowest bit;
- an unnamed net has a digest of the logic that drives it. It changes with that logic alone. Nets of equal logic are one net.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from .rtlil_text import Bit, Cell, Module, Signal

#: Words of SystemVerilog that blocks and signals of the gateware use as names.
_KEYWORDS = {"checker", "release", "wait", "within"}
#: Outputs of the cells that Yosys leaves.
_OUTPUTS = {r"\Y", r"\Q", r"\RD_DATA"}
#: Digits of a digest in a name, and of one that shares those with another.
_DIGITS, _MORE_DIGITS = 8, 16


def name_modules(modules: list[Module]) -> None:
    """Name everything in a design.

    Raises
    ------
    ValueError
        If two modules, or two blocks of one module, would have one name.
    """
    by_name = {module.name: module for module in modules}
    named = {name: _plain(name) for name in by_name}
    _require_unique("modules", named.values())
    parts: dict[str, dict[str, str]] = {}
    renamed: dict[str, dict[str, str]] = {}
    for module in _from_top(modules):
        blocks = {cell.name for cell in module.cells if cell.kind in by_name}
        names = _Names(module, blocks, parts.get(module.name, {}), is_top=not renamed)
        renamed[module.name] = names.rename()
        for cell in module.cells:
            if cell.kind in by_name:
                parts[cell.kind] = _parts_of_ports(module, cell)
    for module in modules:
        for cell in module.cells:
            if cell.kind in by_name:
                cell.ports = {renamed[cell.kind][port]: signal for port, signal in cell.ports.items()}
                cell.kind = named[cell.kind]
        module.name = named[module.name]


def name_reads(verilog: str) -> str:
    """Name the registers that Yosys makes of a memory's read port, which keep its address or its data, after the memory."""
    return re.sub(r"^module .*?^endmodule", _with_named_reads, verilog, flags=re.DOTALL | re.MULTILINE)


def _with_named_reads(found: re.Match[str]) -> str:
    text = found[0]
    reads = [(register, f"{memory}_address") for memory, register in re.findall(r"(\w+)\[(_\d+_)\]", text)]
    reads += [(register, f"{memory}_data") for register, memory in re.findall(r"(_\d+_) <= (\w+)\[", text)]
    _require_unique(f"read ports of {text.split('(')[0]}", [name for _, name in reads])
    for register, name in reads:
        text = re.sub(rf"\b{register}\b", name, text)
    return text


def _from_top(modules: list[Module]) -> Iterator[Module]:
    """Yield every module behind the one that has it as a block."""
    inside = {cell.kind for module in modules for cell in module.cells}
    by_name = {module.name: module for module in modules}
    found = [module for module in modules if module.name not in inside]
    for module in found:
        yield module
        found += [by_name[cell.kind] for cell in module.cells if cell.kind in by_name]


def _parts_of_ports(module: Module, block: Cell) -> dict[str, str]:
    """Return the names that ports of a block may have after the signals that they are joined to.

    Amaranth gives counters to those that are parts of signals, which it calls ``port``, and to those whose names others have.
    """
    parts = {}
    for port, signal in block.ports.items():
        first = signal[0]
        if "$" in port and not isinstance(first, str):
            name, low = first
            whole = low == 0 and len(signal) == module.wires[name].width
            parts[port] = name if whole else f"{name}_{low}"
    return parts


def _plain(name: str) -> str:
    """Return a name without the counters that Amaranth puts behind it, in letters, digits and underscores."""
    plain = re.sub(r"\W+", "_", re.sub(r"\$\d+", "", name[1:])).strip("_")
    return f"\\{plain}_" if plain in _KEYWORDS else f"\\{plain}"


def _require_unique(what: str, names: Iterable[str]) -> None:
    shared = [name for name, count in Counter(names).items() if count > 1]
    if shared:
        raise ValueError(f"several {what} would be named {', '.join(sorted(shared))}; allowed is a name for each")


class _Names:
    """The names of one module.

    Parameters
    ----------
    module : Module
    blocks : set of str
        Names of the cells that are modules themselves.
    parts : dict
        Names of its ports that are parts of signals.
    is_top : bool
        Whether it is the top module.
    """

    def __init__(self, module: Module, blocks: set[str], parts: dict[str, str], is_top: bool) -> None:
        self._module, self._blocks, self._parts = module, blocks, parts
        self._instances = {name: _plain(name) for name in sorted(blocks)}
        if is_top:  # whose ports keep their names
            ports = {name for name, wire in module.wires.items() if wire.port}
            self._instances = {name: f"{plain}_block" if plain in ports else plain for name, plain in self._instances.items()}
        self._drivers: dict[Bit, tuple[Cell, str, int]] = {}
        for cell in module.cells:
            for port, signal in cell.ports.items():
                if cell.name in blocks or port in _OUTPUTS:
                    self._drivers.update({bit: (cell, port, place) for place, bit in enumerate(signal)})
        self._joined = {bit: to for left, right in module.connections for bit, to in zip(left, right, strict=True)}

    def rename(self) -> dict[str, str]:
        """Rename the wires and cells, and return the new name of each wire."""
        module, named = self._module, self._named()
        names = named | self._unnamed(named)
        module.wires = {names[name]: wire for name, wire in module.wires.items()}
        kept: dict[str, Cell] = {}
        for cell in module.cells:
            cell.ports = {port: _renamed(signal, names) for port, signal in cell.ports.items()}
            cell.name = self._instances.get(cell.name) or "$" + "_".join(
                module.text(signal) for port, signal in sorted(cell.ports.items()) if port in _OUTPUTS
            ).replace(" ", "")
            kept.setdefault(cell.name, cell)  # cells of one name drive one net, with equal logic
        module.cells = list(kept.values())
        joined = {module.text(_renamed(left, names)): (left, right) for left, right in module.connections}
        module.connections = [(_renamed(left, names), _renamed(right, names)) for left, right in joined.values()]
        return names

    def _named(self) -> dict[str, str]:
        """Return the names of ports, registers and named signals."""
        wires = self._module.wires
        chosen = {name: _plain(name) for name in wires if not _is_unnamed(name)}
        ports = Counter(plain for name, plain in chosen.items() if wires[name].port)
        for name, plain in chosen.items():
            if name in self._parts and (plain == r"\port" or ports[plain] > 1):
                joined = self._parts[name]
                chosen[name] = f"{joined}_outer" if joined in ports else joined
        shared = {plain for plain, count in Counter(chosen.values()).items() if count > 1}
        for name, plain in chosen.items():
            cell, port, _ = self._drivers.get((name, 0), (None, "", 0))
            if plain in shared and not wires[name].port and cell is not None and cell.name in self._blocks:
                chosen[name] = f"{self._instances[cell.name]}_{_plain(port)[1:]}"
        _require_unique(f"blocks of {self._module.name}", self._instances.values())
        taken = set(self._instances.values())
        chosen = {name: f"{plain}_net" if plain in taken else plain for name, plain in chosen.items()}
        for name in sorted(chosen, key=lambda name: (not wires[name].port, name)):
            while chosen[name] in taken:
                chosen[name] += "_inner"
            taken.add(chosen[name])
        return chosen

    def _unnamed(self, named: dict[str, str]) -> dict[str, str]:
        """Return the names of unnamed nets, after their logic."""
        keys = self._keys(named)
        found: dict[str, str] = {}
        meant: dict[str, str] = {}
        for name, wire in self._module.wires.items():
            if name not in named:
                key = _digest(f"{wire.width}", *(keys.get((name, bit), "x") for bit in range(wire.width)))
                short = f"\\n_{key[:_DIGITS]}"
                if meant.setdefault(short, key) != key:
                    short = f"\\n_{key[:_MORE_DIGITS]}"
                found[name] = short
        return found

    def _keys(self, named: dict[str, str]) -> dict[Bit, str]:
        """Return what each bit means: a named one itself, another one the logic that drives it."""
        keys: dict[Bit, str] = {digit: digit for digit in "01xzm-"}
        for name, wire in self._module.wires.items():
            if name in named:
                keys |= {(name, bit): f"{named[name]}.{bit}" for bit in range(wire.width)}
        left = {bit for bit in {*self._drivers, *self._joined} if bit not in keys}
        while left:
            known = {bit: key for bit in left if (key := self._key(bit, keys)) is not None}
            if not known:
                raise ValueError(f"{self._module.name} has unnamed nets that drive each other: {sorted(left)[:3]}")
            keys |= known
            left -= known.keys()
        return keys

    def _key(self, bit: Bit, keys: dict[Bit, str]) -> str | None:
        """Return what a bit means, None if that is not known of all that drives it."""
        if bit in self._joined:
            return keys.get(self._joined[bit])
        cell, port, place = self._drivers[bit]
        if cell.name in self._blocks:
            alike = [name for name in cell.ports if _plain(name) == _plain(port)]
            return f"{self._instances[cell.name]}.{_plain(port)}.{alike.index(port)}.{place}"
        if cell.is_register:
            return _digest("register without a name", cell.name, str(place))  # Signal(name=...) would give it a lasting one
        parts = [cell.kind, port, str(place), *(f"{key}={value}" for key, value in sorted(cell.parameters.items()))]
        for name, signal in sorted(cell.ports.items()):
            if name not in _OUTPUTS:
                inputs = [keys.get(one) for one in signal]
                if None in inputs:
                    return None
                parts += [name, *map(str, inputs)]
        return _digest(*parts)


def _is_unnamed(name: str) -> bool:
    return name.startswith(("$", r"\$"))


def _renamed(signal: Signal, names: dict[str, str]) -> Signal:
    return [bit if isinstance(bit, str) else (names[bit[0]], bit[1]) for bit in signal]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
