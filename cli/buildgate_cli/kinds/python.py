"""How a Python repository is tested: what its own files name for its tests is installed, then pytest runs.

Looked for, the first found is taken: a dependency group (PEP 735), an extra, Poetry's groups, a file of requirements.
pytest comes last, so that a version that the repository pins is kept.
"""

from __future__ import annotations

import configparser
import tomllib
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.kinds.kind import MAKE_REPORTS, Kind, cobertura, junit, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MARKS: Final = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")
_TESTS: Final = ("test_*.py", "tests/test_*.py")
_NAMES: Final = ("test", "tests", "testing", "dev", "develop")
_BIN: Final = ".build-venv/bin"
_PIP: Final = f"{_BIN}/pip install --quiet"
_FILES: Final = (
    *(f"requirements/{name}.txt" for name in _NAMES),
    *(f"requirements{sign}{name}.txt" for name in _NAMES for sign in "-_"),
    *(f"{name}{sign}requirements.txt" for name in _NAMES for sign in "-_"),
    *(f"{name}/requirements.txt" for name in ("test", "tests")),
)


def python(folder: Path) -> Kind | None:
    """Return how a repository with Python's own files at its root is tested; None for another."""
    return _kind(folder) if any((folder / name).exists() for name in _MARKS) else None


def python_by_its_tests(folder: Path) -> Kind | None:
    """Return how a repository is tested that shows only by its tests that it is Python."""
    return _kind(folder) if any(any(folder.glob(glob)) for glob in _TESTS) else None


def _kind(folder: Path) -> Kind:
    return Kind(
        "python",
        (f"python3 -m venv {_BIN.partition('/')[0]}", *_own(folder), f"{_PIP} pytest pytest-cov"),
        (
            MAKE_REPORTS,
            f"{_BIN}/python -m pytest --junitxml=reports/junit.xml --cov=. --cov-report=xml:reports/coverage.xml",
        ),
        (junit(), cobertura("coverage.xml")),
    )


def _own(folder: Path) -> list[str]:
    """Return what installs the repository itself and what its tests need."""
    project = _toml(folder / "pyproject.toml")
    is_package = "build-system" in project or (folder / "setup.py").exists()
    commands = [f"{_PIP} -r requirements.txt"] if (folder / "requirements.txt").is_file() else []
    if group := _first(_table(project, "dependency-groups")):
        commands += [f"{_PIP} --upgrade pip", f"{_PIP} --group {group}"]
    elif extra := _first((*_table(_table(project, "project"), "optional-dependencies"), *_old_extras(folder))):
        return [*commands, f'{_PIP} --editable ".[{extra}]"']
    elif _has_poetry_groups(project):
        return [*commands, f"{_PIP} poetry", f'VIRTUAL_ENV="$PWD/.build-venv" {_BIN}/poetry install --no-interaction']
    elif file := next((name for name in _FILES if (folder / name).is_file()), None):
        commands += [f"{_PIP} -r {file}"]
    return [*commands, f"{_PIP} --editable ."] if is_package else commands


def _first(names: Iterable[str]) -> str | None:
    found = set(names)
    return next((name for name in _NAMES if name in found), None)


def _toml(file: Path) -> dict[str, Any]:
    """Return a TOML file's data; nothing of one that is none, for its own tools will say so."""
    try:
        return tomllib.loads(text_of(file))
    except tomllib.TOMLDecodeError:
        return {}


def _table(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _old_extras(folder: Path) -> tuple[str, ...]:
    """Return the extras of setup.cfg."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text_of(folder / "setup.cfg"))
    except configparser.Error:
        return ()
    section = "options.extras_require"
    return tuple(parser[section]) if parser.has_section(section) else ()


def _has_poetry_groups(project: dict[str, Any]) -> bool:
    poetry = _table(_table(project, "tool"), "poetry")
    return bool(_table(poetry, "group") or _table(poetry, "dev-dependencies"))
