"""The code blocks of the README and the documentation run, and print what stands under them."""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
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
