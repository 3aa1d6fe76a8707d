"""Compiles a layer for Lambda's Python, and says so loudly when that could not be done."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from layer_build import interpreter
from layer_build.target import CACHE_TAG, MACHINE, MOUNTED_AT, PYTHON

STATEMENT = "layer.json"


class LayerBuildError(Exception):
    """The layer could not be built; the message is one sentence with the remedy."""


def compile_layer(artifact: Path, *, name: str) -> None:
    """Compile what is under `artifact`/python and leave a statement of what was built beside it.

    Byte code is checked by nobody at import (unchecked hash): Lambda's folder is read-only and a zip forgets times, and
    compiling on each cold start costs more than everything else that happens there. On a machine without Lambda's Python
    the layer is complete but ships sources only: correct, and slower to start.
    """
    folder = artifact / "python"
    for stale in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(stale)
    python = interpreter.find()
    reason = ""
    if python is None:
        reason = f"no Python {PYTHON} on this machine; {interpreter.REMEDY}"
        _say(f"{name}: SOURCES ONLY: functions will start about three times slower: {reason}")
    else:
        _compile(folder, python)
        _say(f"{name}: compiled for Python {PYTHON}")
    statement = {
        "layer": name,
        "python": PYTHON,
        "machine": MACHINE if name == "deps" else "any",
        "bytecode": CACHE_TAG if python else None,
        "reason": reason,
    }
    (artifact / STATEMENT).write_text(json.dumps(statement, indent=2) + "\n", encoding="utf-8")


def _compile(folder: Path, python: Path) -> None:
    options = ["-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", MOUNTED_AT]
    command = [str(python), "-I", "-m", "compileall", *options, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LayerBuildError(f"a module does not compile with Python {PYTHON}: {done.stdout.strip()}")


def _say(line: str) -> None:
    print(f"layers/{line}", flush=True)
