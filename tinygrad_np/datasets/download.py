"""Fetching a published file: from the first mirror that serves it whole, never leaving half a file behind."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from tinygrad_np.files import write_atomically

__all__ = ["download_file", "md5_of"]

_TIMEOUT_SECONDS = 30.0
_CHUNK_BYTES = 64 * 1024


def download_file(path: Path, urls: Sequence[str], md5: str) -> None:
    """Write to ``path`` what the first of ``urls`` to answer with the right MD5 serves.

    The file is held in memory until its sum is checked, so ``path`` is replaced by the whole right file or
    left as it was. A progress bar goes to standard error.

    Args:
        path: The file to write; its folder must exist.
        urls: Mirrors of one file, tried in order.
        md5: The file's published MD5 sum, in hexadecimal.

    Raises:
        ImportError: If tqdm, which draws the progress bar, is not installed.
        RuntimeError: If no mirror serves the file; the message says what each answered.
        OSError: If the file cannot be written.
    """
    failures = []
    for url in urls:
        try:
            content = _fetch(url, label=path.name)
        except (OSError, HTTPException) as error:
            failures.append(f"{url}: {str(error) or type(error).__name__}")
            if isinstance(error, HTTPError):  # an answer, too: it holds the connection
                error.close()
            continue
        found = md5_of(content)
        if found == md5:
            write_atomically(path, content)
            return
        failures.append(f"{url}: expected MD5 {md5}, found {found} in the {len(content):,} bytes it sent")
    raise RuntimeError(
        f"could not download {path}; check the network, or put the file there yourself. What each mirror "
        "answered:" + "".join(f"\n  {failure}" for failure in failures)
    )


def md5_of(content: bytes) -> str:
    """The MD5 sum of ``content`` in hexadecimal: a check against damage, not against an adversary."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _fetch(url: str, label: str) -> bytes:
    """The body that ``url`` answers with, read under a progress bar."""
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            'downloading a data set draws its progress bar with tqdm: pip install "tinygrad-np[examples]"'
        ) from error

    content = bytearray()
    with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as response:
        length = response.headers.get("Content-Length")
        total = int(length) if length is not None else None
        with tqdm(desc=label, total=total, unit="B", unit_scale=True, unit_divisor=1024) as bar:
            while chunk := response.read(_CHUNK_BYTES):
                content += chunk
                bar.update(len(chunk))
    return bytes(content)
