"""How a Node repository is tested: by its own runner, told to leave a JUnit file, and coverage where it can.

Where the script `test` ends with the runner, `npm test --` hands it what it is told, so that the script's own arguments
stay; else the runner is called. A script that Buildgate does not know runs as it is, and leaves no report.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buildgate_cli.kinds.kind import MAKE_REPORTS, Kind, Reported, cobertura, junit, text_of

if TYPE_CHECKING:
    from pathlib import Path

_COVERAGE: Final = "cobertura-coverage.xml"
_BUILT_IN: Final = "node --test --test-reporter=junit --test-reporter-destination=reports/junit.xml"


class _Runner(NamedTuple):
    """A test runner: its name, what it must be told, as a script of its own and behind one, and what it writes."""

    name: str
    told: str
    alone: str = ""
    needs: str = ""
    before: str = ""
    coverage: str = ""
    measured_by: tuple[str, ...] = ()


_RUNNERS: Final = (
    _Runner(
        "vitest",
        "--reporter=default --reporter=junit --outputFile.junit=reports/junit.xml",
        alone="run ",
        coverage=" --coverage --coverage.reporter=cobertura --coverage.reportsDirectory=reports",
        measured_by=("@vitest/coverage-v8", "@vitest/coverage-istanbul"),
    ),
    _Runner(
        "jest",
        "--ci --reporters=default --reporters=jest-junit",
        needs="npm install --no-save jest-junit",
        before="JEST_JUNIT_OUTPUT_DIR=reports ",
        coverage=" --coverage --coverageReporters=cobertura --coverageDirectory=reports",
        measured_by=("jest",),
    ),
    _Runner("mocha", "--reporter xunit --reporter-option output=reports/junit.xml"),
)


def node(folder: Path) -> Kind | None:
    """Return how a repository with a package.json at its root is tested; None for another."""
    if not (folder / "package.json").is_file():
        return None
    package = _package(folder)
    known = {name for part in ("dependencies", "devDependencies") for name in _part(package, part)}
    script = str(_part(package, "scripts").get("test", ""))
    install = _install(folder)
    for runner in _RUNNERS:
        if runner.name in known or re.search(rf"\b{runner.name}\b", script):
            return _with(runner, install, known, script)
    if script and "no test specified" not in script and not re.search(r"\bnode\b.*--test", script):
        return Kind("node", install, ("npm test",))
    return Kind("node", install, (MAKE_REPORTS, _BUILT_IN), (junit(),))


def _with(runner: _Runner, install: tuple[str, ...], known: set[str], script: str) -> Kind:
    measures = any(name in known for name in runner.measured_by)
    told = runner.told + (runner.coverage if measures else "")
    last = re.split(r"&&|;|\|\|", script)[-1]
    if re.search(rf"\b{runner.name}\b", last):
        once = "--run " if runner.name == "vitest" and not re.search(r"\brun\b|--run\b", last) else ""
        command = f"npm test -- {once}{told}"
    else:
        command = f"npx {runner.name} {runner.alone}{told}"
    reports: tuple[Reported, ...] = (junit(), cobertura(_COVERAGE)) if measures else (junit(),)
    needs = (runner.needs,) if runner.needs and "jest-junit" not in known else ()
    return Kind("node", (*install, *needs), (MAKE_REPORTS, runner.before + command), reports)


def _install(folder: Path) -> tuple[str, ...]:
    """Return what installs by the lock file that is there; without one, npm finds versions anew."""
    if (folder / "pnpm-lock.yaml").is_file():
        return ("npx --yes pnpm install --frozen-lockfile",)
    if (folder / "yarn.lock").is_file():
        is_classic = "yarn lockfile v1" in text_of(folder / "yarn.lock")
        return ("npx --yes yarn@1 install --frozen-lockfile" if is_classic else "corepack yarn install --immutable",)
    is_locked = any((folder / name).is_file() for name in ("package-lock.json", "npm-shrinkwrap.json"))
    return ("npm ci" if is_locked else "npm install",)


def _package(folder: Path) -> dict[str, Any]:
    try:
        data = json.loads(text_of(folder / "package.json"))
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _part(package: dict[str, Any], name: str) -> dict[str, Any]:
    found = package.get(name)
    return found if isinstance(found, dict) else {}
