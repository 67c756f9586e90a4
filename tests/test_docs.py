"""The code blocks of the README and the documentation run, and print what stands under them."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import textwrap
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from tinygrad_np.ops.table import registry

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w+)\n(?P<code>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def restored_registry() -> Any:
    """Take the ops that a page enters into the registry out again."""
    before = dict(registry)
    yield
    registry.clear()
    registry.update(before)


@pytest.mark.usefixtures("restored_registry")
@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_blocks(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python blocks run one after the other in one namespace; a text block right after one is its output."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")  # what the blocks read; what they write goes elsewhere
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "page"}
    printed = ""
    for block in FENCE.finditer(page.read_text()):
        code = textwrap.dedent(block["code"])
        if block["language"] == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(code, str(page), "exec"), namespace)
            printed = output.getvalue()
        elif block["language"] == "text":
            assert printed == code
            printed = ""


# ---- the reading order ---------------------------------------------------------------------------------------------


def reading_order() -> list[tuple[str, int]]:
    """The patterns of files that the table names, each with its row; the most special first."""
    section = (ROOT / "docs/architecture.md").read_text().split("## The reading order")[1].split("\n## ")[0]
    rows = [re.findall(r"`([^`]+)`", line.split("|")[1]) for line in section.splitlines() if line.startswith("| `")]
    patterns = [(name + "*" * name.endswith("/"), row) for row, names in enumerate(rows) for name in names]
    return sorted(patterns, key=lambda pattern: "*" in pattern[0])


def row_of(path: Path, order: list[tuple[str, int]]) -> int:
    name = path.relative_to(ROOT / "tinygrad_np").as_posix()
    return next(row for pattern, row in order if fnmatch(name, pattern))


def imported_files(path: Path) -> Iterator[Path]:
    """The files of the package that one imports, but for what is only a matter of types."""
    tree = ast.parse(path.read_text())
    guarded = [
        node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    for_types = {inner for node in guarded for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node not in for_types and (node.module or "").startswith("tinygrad_np"):
            place = ROOT / node.module.replace(".", "/")
            for file in (place.with_suffix(".py"), *(place / f"{alias.name}.py" for alias in node.names)):
                if file.exists():
                    yield file


def test_rooms_import_only_those_above_them() -> None:
    order = reading_order()
    files = [path for path in (ROOT / "tinygrad_np").rglob("*.py") if path.name != "__init__.py"]
    assert len(files) > 50
    for path in files:
        for imported in imported_files(path):
            assert row_of(imported, order) <= row_of(path, order), f"{path} imports {imported}"
