"""Operands of equal width and wires of one driver, so that the Verilog of a design lints without warnings.

The function of no cell changes.
"""

import re

from .rtlil_text import Bit, Cell, Module, Signal, Wire

#: Cells whose operands and result may all have the result's width.
_ARITHMETIC = {"$add", "$sub", "$mul", "$and", "$or", "$xor", "$xnor", "$not", "$neg", "$pos"}
#: Cells that compare operands of one width.
_COMPARISONS = {"$eq", "$ne", "$lt", "$le", "$gt", "$ge"}
#: Cells whose result is one bit, the rest of a wider one being 0.
_TESTS = _COMPARISONS | {"$logic_not", "$logic_and", "$logic_or", "$reduce_and", "$reduce_or", "$reduce_bool", "$reduce_xor"}


def separate(module: Module, blocks: set[str]) -> None:
    """Give each register, and each output of a block, a wire of its own where it drives a part of one.

    Parameters
    ----------
    module : Module
    blocks : set of str
        Names of the outputs of all modules, by module and port: ``module.port``.
    """
    for cell in module.cells:
        for port, signal in cell.ports.items():
            drives = f"{cell.kind}.{port}" in blocks or (port == r"\Q" and cell.is_register)
            if not drives or not signal or isinstance(first := signal[0], str) or _is_whole(module, signal):
                continue
            name = f"{first[0]}_{first[1]}" if port == r"\Q" or "$" in port else f"{cell.name}_{port[1:]}"
            own = _new_wire(module, len(signal), name, _initial(module, signal) if port == r"\Q" else [])
            module.connections.append((signal, own))
            cell.ports[port] = own
    joined = {bit: to for left, right in module.connections for bit, to in zip(left, right, strict=True)}
    module.connections = [(left, [_origin(bit, joined) for bit in right]) for left, right in module.connections]


def _is_whole(module: Module, signal: Signal) -> bool:
    first = signal[0]
    if isinstance(first, str):
        return False
    name = first[0]
    return signal == [(name, bit) for bit in range(module.wires[name].width)]


def _initial(module: Module, signal: Signal) -> list[str]:
    """Return the attribute with the initial values of a register's bits, those of the wires that it drives."""
    digits = ""
    for name, bit in (bit for bit in signal if not isinstance(bit, str)):
        attribute = next((text for text in module.wires[name].attributes if text.startswith(r"attribute \init ")), "")
        value = module.signal(attribute.rpartition(" ")[2])
        digits = (str(value[bit]) if bit < len(value) else "x") + digits
    return [rf"attribute \init {len(digits)}'{digits}"] if re.search("[01]", digits) else []


def _origin(bit: Bit, joined: dict[Bit, Bit]) -> Bit:
    while bit in joined:
        bit = joined[bit]
    return bit


def equalise(module: Module) -> None:
    """Bring the operands of each cell to one width, and take choices of many to choices of two."""
    cells: list[Cell] = []
    for cell in module.cells:
        if cell.kind == "$pmux":
            cells += _choices_of_two(module, cell)
            continue
        if cell.kind in _ARITHMETIC:
            _pad(cell, len(cell.ports[r"\Y"]))
            for port in _operands(cell):
                cell.parameters[rf"\{port}_SIGNED"] = "0"
        elif cell.kind in _COMPARISONS:
            _pad(cell, max(len(cell.ports[rf"\{port}"]) for port in _operands(cell)))
        elif cell.kind in ("$shift", "$shr") and cell.parameters[r"\B_SIGNED"] == "0":
            _shift(module, cell)
        elif cell.kind == "$logic_not" and len(cell.ports[r"\A"]) > 1:
            cell.kind = "$eq"
            cell.parameters[r"\B_SIGNED"] = cell.parameters[r"\A_SIGNED"] = "0"
            _set(cell, "B", ["0"] * len(cell.ports[r"\A"]))
        if cell.kind in _TESTS:
            result = cell.ports[r"\Y"]
            _set(cell, "Y", result[:1])
            if result[1:]:
                module.connections.append((result[1:], ["0"] * len(result[1:])))
        cells.append(cell)
    module.cells = cells


def _operands(cell: Cell) -> list[str]:
    return [port for port in "AB" if rf"\{port}" in cell.ports]


def _set(cell: Cell, port: str, signal: Signal) -> None:
    cell.ports[rf"\{port}"] = signal
    cell.parameters[rf"\{port}_WIDTH"] = str(len(signal))


def _extended(cell: Cell, port: str, width: int) -> Signal:
    signal = cell.ports[rf"\{port}"]
    sign = signal[-1] if cell.parameters[rf"\{port}_SIGNED"] == "1" else "0"
    return (signal + [sign] * (width - len(signal)))[:width]


def _pad(cell: Cell, width: int) -> None:
    for port, signal in [(port, _extended(cell, port, width)) for port in _operands(cell)]:
        _set(cell, port, signal)


def _shift(module: Module, cell: Cell) -> None:
    """Shift at the width of the wider of operand and result, of which the result takes the low bits."""
    result = cell.ports[r"\Y"]
    width = max(len(cell.ports[r"\A"]), len(result))
    _set(cell, "A", _extended(cell, "A", width))
    cell.kind, cell.parameters[r"\A_SIGNED"] = "$shr", "0"
    if width > len(result):
        shifted = _new_wire(module, width)
        module.connections.append((result, shifted[: len(result)]))
        _set(cell, "Y", shifted)


def _choices_of_two(module: Module, cell: Cell) -> list[Cell]:
    """Return the cells of a choice of many: its selection has one bit set at most, so that any order does."""
    width = len(cell.ports[r"\Y"])
    chosen, selection = cell.ports[r"\A"], cell.ports[r"\S"]
    cells = []
    for number, select in enumerate(selection):
        last = number == len(selection) - 1
        result = cell.ports[r"\Y"] if last else _new_wire(module, width)
        ports = {r"\A": chosen, r"\B": cell.ports[r"\B"][number * width : (number + 1) * width], r"\S": [select], r"\Y": result}
        cells.append(Cell("$mux", f"{cell.name}_{number}", {r"\WIDTH": str(width)}, ports))
        chosen = result
    return cells


def _new_wire(module: Module, width: int, name: str = "", attributes: list[str] | None = None) -> Signal:
    name = name or f"$new{len(module.wires)}"
    while name in module.wires:
        name += "_part"
    module.wires[name] = Wire(width, "", attributes or [])
    return [(name, bit) for bit in range(width)]
