"""Ships the regular expressions that a start asks for in the form that `re` compiles them to.

Python keeps compiled modules, but it compiles regular expressions anew in each process: for what botocore, urllib3, the
standard library and our own modules ask for as they are imported, an eighth of a start. The layer carries their compiled
form and puts it where `re` keeps what it has compiled before. Only the engine it was written with takes it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Collection
from pathlib import Path

from layer_build import interpreter
from layer_build.bytecode import LayerBuildError

MODULE = "compiled_patterns"
RECORDER = Path(__file__).with_name("record_patterns.py")
TEXT = '''\
"""Written when the layer was built: regular expressions in the form that `re` compiles them to; importing it is all."""

import re
import sys

import _sre

ENGINE, TABLE = {table}


def keep():
    """Put the table where `re` looks first; do nothing in any other engine than the one it was written with."""
    kept = getattr(re, "_cache2", None)
    if kept is None or (_sre.MAGIC, _sre.CODESIZE, *sys.version_info[:2]) != ENGINE:
        return
    for pattern, flags, all_flags, code, groups, numbers, names in TABLE:
        kept[type(pattern), pattern, flags] = _sre.compile(pattern, all_flags, list(code), groups, dict(numbers), names)


keep()
'''


def write(folder: Path, core: Path, services: Collection[str]) -> None:
    """Write the module into `folder`, the layer's packages, from what a start that uses `services` asks `re` for.

    Nothing is written on a machine without Lambda's Python: its layer ships sources only.
    """
    python = interpreter.find()
    if python is None:
        return
    path = f"{folder}{os.pathsep}{core}"
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(python), "-S", str(RECORDER), json.dumps(sorted(services))]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise LayerBuildError(f"what a start loads does not load in the layer: {done.stderr.strip()}")
    (folder / f"{MODULE}.py").write_text(TEXT.format(table=done.stdout.strip()), encoding="utf-8")
