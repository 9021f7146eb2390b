"""The tables of modules in the READMEs of the source roots, made from the modules' own docstrings.

``python docs/module_tables.py`` brings them up to date.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from crosstwin_sim.files import write_text

REPOSITORY = Path(__file__).parents[1]
#: Source roots, each with one package and a README.md.
ROOTS = ("model", "hdl", "sim", "tb")

_BEGIN, _END = "<!-- modules -->", "<!-- /modules -->"


def purpose(module: Path) -> str:
    """Return the first sentence of a module's docstring, without its closing stop.

    Raises
    ------
    ValueError
        If the module has no docstring.
    """
    text = ast.get_docstring(ast.parse(module.read_text()))
    if not text:
        raise ValueError(f"{module} has no docstring; its first sentence is its purpose")
    paragraph = " ".join(text.split("\n\n")[0].split())
    sentence = re.split(r"(?<=\.) ", paragraph)[0]
    return re.sub(r":\w+:`~?([^`]*)`", r"`\1`", sentence.rstrip(".:")).replace("``", "`").replace("|", "\\|")


def table(root: str) -> str:
    """Return the table of a source root: every module with its purpose, packages before what is in them."""
    package = REPOSITORY / root / f"crosstwin_{root}"
    rows = []
    for module in sorted(package.rglob("*.py"), key=lambda path: (*path.relative_to(package).parts[:-1], path.stem)):
        name = module.relative_to(package).with_suffix("").as_posix().removesuffix("/__init__")
        if name != "__init__":
            link = module.relative_to(package.parent).as_posix()
            rows.append(f"| [{name}]({link}) | {purpose(module)} |\n")
    return "| module | purpose |\n| --- | --- |\n" + "".join(rows)


def readme(root: str) -> str:
    """Return the README of a source root with its table as it should be."""
    text = (REPOSITORY / root / "README.md").read_text()
    head, _, rest = text.partition(_BEGIN)
    _, _, tail = rest.partition(_END)
    return f"{head}{_BEGIN}\n{table(root)}{_END}{tail}"


if __name__ == "__main__":
    for name in ROOTS:
        write_text(REPOSITORY / name / "README.md", readme(name))
