"""The functions' own modules, loaded from their folders as Lambda loads them."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"


@cache
def function_module(name: str) -> ModuleType:
    """Return the `app.py` of a function by the name of its folder."""
    spec = importlib.util.spec_from_file_location(f"handler_{name}", FUNCTIONS / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def function_names() -> list[str]:
    """Return the names of all functions, in order."""
    return sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))
