"""Run the benchmarks and write what they print into the documentation: ``python -m benchmarks.report``.

The page names the commands itself: what stands between ``<!-- run: COMMAND -->`` and ``<!-- end -->`` is the output of
the command. ``--only WORD`` runs those whose command contains the word.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
SECTION = re.compile(r"(?P<begin><!-- run: (?P<command>.*?) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)


def fill(page: str, run: Callable[[str], str], only: str = "") -> str:
    """The page with the output of its commands."""

    def section(match: re.Match[str]) -> str:
        command = match["command"]
        if only not in command:
            return match[0]
        return f"{match['begin']}\n```console\n$ {command}\n```\n\n{run(command).strip()}\n\n{match['end']}"

    return SECTION.sub(section, page)


def run(command: str) -> str:
    """What a command of this Python prints."""
    print(command, flush=True)
    python, *arguments = shlex.split(command)
    assert python == "python"
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORD", help="run the commands that contain it (default: all)")
    options = parser.parse_args()
    for command in (match["command"] for match in SECTION.finditer(PAGE.read_text())):
        if options.only in command:
            page = fill(PAGE.read_text(), run, command)
            new = PAGE.with_suffix(".new")
            new.write_text(page)
            os.replace(new, PAGE)


if __name__ == "__main__":
    main()
