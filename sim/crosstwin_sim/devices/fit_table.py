"""Text files as tables: encodings, separators and headers as instruments, Excel, pandas and NumPy write them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crosstwin_sim.errors import CrosstwinError

#: Between columns, in the order in which they are tried; blanks count as one separator each run.
_SEPARATORS = ("\t", ";", ",", " ")
#: Longest part of a header or a cell that a sentence quotes.
_QUOTED = 200
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_EXCEL_SEPARATOR = re.compile(r"\s*\"?sep=(.)\"?\s*\Z", re.IGNORECASE)
#: A header's unit after blanks, which separate no columns.
_BLANKS_BEFORE_UNIT = re.compile(r"\s+(?=[\[(])")


@dataclass(frozen=True)
class Table:
    """A header and the rows below it.

    Parameters
    ----------
    path : str
        The file.
    separator : str
        What stood between columns; a blank for any number of them.
    header : tuple of str
        Titles of the columns.
    rows : tuple of (int, tuple of str)
        The number of each row's line in the file, and one cell per column.
    """

    path: str
    separator: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read_table(path: str | Path, known: Callable[[str], bool]) -> tuple[Table, bytes]:
    """Read a table, and return it with the bytes of the file.

    The text may be UTF-8 or UTF-16 with or without a byte order mark, or Windows-1252; lines may end in any way. Columns are
    separated by tabs, semicolons, commas or blanks, or by what a first line ``sep=`` names. Empty lines are ignored, and so
    are lines that begin with ``#``, unless the header is one, as NumPy writes it.

    Parameters
    ----------
    path : str or Path
        The file.
    known : callable
        Whether the reader knows a title; the separator that gives the most known titles is taken.

    Raises
    ------
    CrosstwinError
        If the file cannot be read, is no text, holds nothing, or a row has fewer or more cells than the header.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise CrosstwinError(f"{path} cannot be read: {error.strerror}") from None
    lines = _decode(str(path), content).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    separator, begin = None, 0
    if found := _EXCEL_SEPARATOR.match(lines[0]):
        separator, begin = found[1], 1
    head = _header_line(lines, begin, known)
    if head is None:
        raise CrosstwinError(f"{path} is empty; it must begin with a line that names the columns pulse, direction, conductance")
    title = lines[head].lstrip().lstrip("#")
    separator = separator or max(_SEPARATORS, key=lambda mark: sum(known(cell) for cell in _titles(title, mark)))
    header = _titles(title, separator)
    return Table(str(path), separator, tuple(header), tuple(_rows(str(path), lines, head, separator, len(header)))), content


def _decode(path: str, content: bytes) -> str:
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise CrosstwinError(f"{path} is an Excel workbook; save it as CSV, and fit that file")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ["utf-16"]
    elif content[1:2] == b"\x00":
        encodings = ["utf-16-le"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text):
            return text
    raise CrosstwinError(f"{path} is not a CSV file: it is not text in UTF-8, UTF-16 or Windows-1252")


def _header_line(lines: list[str], begin: int, known: Callable[[str], bool]) -> int | None:
    """The first line that is no comment; or the comment before it, if that one alone holds known titles."""
    comment = None
    for number in range(begin, len(lines)):
        line = lines[number].strip()
        if line.startswith("#"):
            comment = number
        elif line.strip(",; \t"):
            if comment is not None and not _names(line, known) and _names(lines[comment].lstrip().lstrip("#"), known) >= 2:
                return comment
            return number
    return None


def _names(line: str, known: Callable[[str], bool]) -> int:
    return max(sum(known(cell) for cell in _titles(line, mark)) for mark in _SEPARATORS)


def _titles(line: str, separator: str) -> list[str]:
    if separator == " ":
        return _BLANKS_BEFORE_UNIT.sub("", line).split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator), [])]


def _rows(path: str, lines: list[str], head: int, separator: str, columns: int) -> list[tuple[int, tuple[str, ...]]]:
    body = lines[head + 1 :]
    found = []
    if separator == " ":
        split = ((number, line.split()) for number, line in enumerate(body, head + 2))
    else:
        reader = csv.reader(io.StringIO("\n".join(body)), delimiter=separator)
        split = ((head + 1 + reader.line_num, [cell.strip() for cell in cells]) for cells in reader)
    try:
        for number, cells in split:
            if not any(cells) or cells[0].startswith("#"):
                continue
            if len(cells) < columns:
                raise CrosstwinError(f"{path}, line {number}: {len(cells)} columns; needed are the {columns} of the first line")
            if any(cells[columns:]):
                hint = "; numbers with decimal commas need semicolons or tabs between columns" if separator == "," else ""
                raise CrosstwinError(f"{path}, line {number}: {len(cells)} columns; the first line names {columns}{hint}")
            found.append((number, tuple(cells[:columns])))
    except csv.Error as error:
        raise CrosstwinError(f"{path} is not a CSV file: line {head + 1 + reader.line_num}: {error}") from None
    return found


def quoted(header: tuple[str, ...]) -> str:
    """Return the titles for a sentence."""
    return ", ".join(header)[:_QUOTED]
