"""Finds an interpreter of Lambda's Python: only that version can write byte code that Lambda loads."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from layer_build.target import CACHE_TAG, PYTHON

VARIABLE = "BUILDGATE_PYTHON313"
FETCH = "BUILDGATE_FETCH_PYTHON"
REMEDY = f"install Python {PYTHON} (or name one in {VARIABLE}, or let uv download one with {FETCH}=1) and run sam build again"


def find() -> Path | None:
    """Return an interpreter of Lambda's version, or None when this machine has none.

    Looked at in order: the one named by BUILDGATE_PYTHON313, the PATH, the folders where version managers keep theirs,
    what uv knows, and, only when BUILDGATE_FETCH_PYTHON=1 allows it, a download by uv.
    """
    return next((candidate for candidate in _candidates() if _is_right(candidate)), None)


def _candidates() -> Iterator[Path]:
    if named := os.environ.get(VARIABLE):
        yield Path(named)
        return
    for name in (f"python{PYTHON}", "python3", "python"):
        if found := shutil.which(name):
            yield Path(found)
    yield from _kept_by_version_managers()
    if os.environ.get(FETCH) == "1":
        _uv("python", "install", PYTHON)
    if found := _uv("python", "find", "--no-project", PYTHON):
        yield Path(found)


def _kept_by_version_managers() -> Iterator[Path]:
    home = Path.home()
    roots = [
        (Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions", ""),
        (home / ".local/share/mise/installs/python", ""),
        (home / ".asdf/installs/python", ""),
        (Path("/opt/python"), ""),
        (Path("/usr/local"), ""),
        (Path("/opt/homebrew/opt"), f"python@{PYTHON}"),
    ]
    for root, name in roots:
        folders = [root / name] if name else [*sorted(root.glob(f"*{PYTHON}*"), reverse=True), root]
        yield from (folder / f"bin/python{PYTHON}" for folder in folders)


def _is_right(candidate: Path) -> bool:
    """Whether it runs, is CPython and writes the byte code of Lambda's version (a release, not an early preview)."""
    probe = "import sys; print(sys.implementation.cache_tag, sys.version_info.releaselevel)"
    try:
        answer = subprocess.run([candidate, "-c", probe], capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return False
    return answer.stdout.split() == [CACHE_TAG, "final"]


def _uv(*arguments: str) -> str | None:
    uv = shutil.which("uv")
    if uv is None:
        return None
    downloads = "automatic" if os.environ.get(FETCH) == "1" else "never"
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": downloads}
    answer = subprocess.run([uv, *arguments], capture_output=True, text=True, env=environment, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None
