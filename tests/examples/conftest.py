"""Running an example as a person does, and judging what it prints and draws."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from matplotlib import image

ROOT = Path(__file__).parents[2]


@dataclass
class Run:
    """What a run of an example left behind."""

    status: int
    printed: str
    complaint: str
    output: Path

    @property
    def result(self) -> dict[str, str]:
        """The words of the summary, which is the last line."""
        keyword, *words = shlex.split(self.printed.splitlines()[-1])
        assert keyword == "RESULT"
        return dict(word.split("=", 1) for word in words)

    def assert_pictures(self, *names: str) -> None:
        """These files are all the pictures; each is large enough to read, has something on it, and is small to ship."""
        assert sorted(path.name for path in self.output.glob("*.png")) == sorted(names)
        for name in names:
            pixels = image.imread(self.output / name)
            height, width = pixels.shape[:2]
            assert min(height, width) >= 300, name
            ink = pixels[:, :, :3].min(axis=2) < 0.5
            assert 0.002 < ink.mean() < 0.7, name
            edges = ink[0], ink[-1], ink[:, 0], ink[:, -1]
            assert not any(edge.any() for edge in edges), f"{name} is cut off"


@pytest.fixture
def run_example(tmp_path: Path) -> Callable[..., Run]:
    """Call it with an example's name and options: a quick run, in a folder of its own."""

    def run(example: str, *options: str | Path) -> Run:
        output = tmp_path / "output"
        command = [sys.executable, ROOT / "examples" / f"{example}.py", "--quick", "--output", output, *options]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        before = set(tmp_path.iterdir())
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100)
        assert set(tmp_path.iterdir()) <= before | {output}
        return Run(done.returncode, done.stdout, done.stderr, output)

    return run
