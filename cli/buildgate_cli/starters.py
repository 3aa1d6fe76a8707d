"""Starter files for a repository: a pipeline, its two projects and their buildspecs, fitted to what the folder holds."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Kind:
    """One way to test a repository: the commands, and the reports they leave, by name, format and file."""

    name: str
    install: tuple[str, ...]
    test: tuple[str, ...]
    reports: tuple[tuple[str, str, str], ...] = ()


PYTHON: Final = Kind(
    "python",
    ("python3 -m venv .build-venv", ".build-venv/bin/pip install --quiet pytest pytest-cov"),
    (
        "mkdir -p reports",
        ".build-venv/bin/python -m pytest --junitxml=reports/junit.xml --cov=. --cov-report=xml:reports/coverage.xml",
    ),
    (("tests", "JUNITXML", "junit.xml"), ("coverage", "COBERTURAXML", "coverage.xml")),
)
NODE: Final = Kind(
    "node",
    ("npm ci",),
    (
        "mkdir -p reports",
        "node --test --test-reporter=junit --test-reporter-destination=reports/junit.xml",
    ),
    (("tests", "JUNITXML", "junit.xml"),),
)
MAKE: Final = Kind("make", (), ("make test",))
_PYTHON_MARKS: Final = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt")
_PYTHON_TESTS: Final = ("test_*.py", "tests/test_*.py")
PLAIN: Final = Kind("plain", (), ('echo "Put the commands that test this repository here."',))


def kind_of(folder: Path) -> Kind:
    """Return how a repository is best tested, by the files at its root."""
    if any((folder / name).exists() for name in _PYTHON_MARKS):
        return _python(folder)
    if (folder / "package.json").exists():
        return NODE
    makefile = folder / "Makefile"
    if makefile.is_file() and re.search(r"^test\s*:", makefile.read_text("utf-8", "replace"), re.MULTILINE):
        return MAKE
    return _python(folder) if any(any(folder.glob(glob)) for glob in _PYTHON_TESTS) else PLAIN


def _python(folder: Path) -> Kind:
    """Return how a Python repository is tested: its own requirements, or the package itself, installed first."""
    if (folder / "requirements.txt").is_file():
        own: tuple[str, ...] = (".build-venv/bin/pip install --quiet -r requirements.txt",)
    else:
        project = folder / "pyproject.toml"
        is_package = project.is_file() and "[build-system]" in project.read_text("utf-8", "replace")
        own = (".build-venv/bin/pip install --quiet --editable .",) if is_package else ()
    return replace(PYTHON, install=(*PYTHON.install, *own))


def name_of(text: str) -> str:
    """Return a folder's name as the name of a pipeline, a repository and the beginning of its projects' names."""
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", text).strip("-").lower()[:48].strip("-")
    return plain if len(plain) > 1 else f"app-{plain}".rstrip("-")


def files(name: str, branch: str, kind: Kind) -> dict[str, str]:
    """Return the starter files by path."""
    release = ('echo "Put the commands that release this repository here."',)
    return {
        "pipeline.yaml": _pipeline(name, branch, kind),
        "projects/test.yaml": _project(name, "test", "buildspec.yml", kind),
        "projects/release.yaml": _project(name, "release", "buildspec-release.yml", None),
        "buildspec.yml": _buildspec(kind),
        "buildspec-release.yml": _buildspec(Kind("release", (), release)),
    }


def _pipeline(name: str, branch: str, kind: Kind) -> str:
    return f"""\
# Apply with: buildgate pipeline apply pipeline.yaml
name: {name}
triggers:
  - repository: {name}
    branches: ["{branch}"]
stages:
  - name: test
    builds:
      - {{name: test, project: {name}-test}}
{_gates(kind)}  - name: release
    approval:
      timeout: 24h
      instructions: Look at the test stage before you approve.
    builds:
      - {{name: release, project: {name}-release}}
"""


def _gates(kind: Kind) -> str:
    names = {name for name, _, _ in kind.reports}
    if not names:
        return ""
    lines = ["    gates:", "      - name: quality", "        objectives:"]
    if "tests" in names:
        lines.append('          - {measurement: tests.failed, pass: ["<= 0"], key: true}')
        lines.append('          - {measurement: tests.errored, pass: ["<= 0"], key: true}')
    if "coverage" in names:
        lines.append('          - {measurement: coverage.line_percent, pass: [">= 80"], warn: [">= 60"]}')
    return "\n".join(lines) + "\n"


def _project(name: str, part: str, buildspec: str, kind: Kind | None) -> str:
    text = f"""\
# The shape of CodeBuild's CreateProject. Apply with: buildgate project apply projects/{part}.yaml
name: {name}-{part}
source:
  type: CODECOMMIT
  location: {name}
  buildspec: {buildspec}
artifacts:
  type: NO_ARTIFACTS
environment:
  type: LINUX_CONTAINER
  image: aws/codebuild/standard:7.0
  computeType: BUILD_GENERAL1_SMALL
timeoutInMinutes: 30
"""
    if kind is not None and kind.reports:
        text += "reportGroups:\n"
        for group, form, _ in kind.reports:
            sort = "TEST" if form == "JUNITXML" else "CODE_COVERAGE"
            text += f"  - {{name: {group}, type: {sort}}}\n"
    return text


def _buildspec(kind: Kind) -> str:
    lines = ["version: 0.2", "", "phases:"]
    for phase, commands in (("install", kind.install), ("build", kind.test)):
        if commands:
            lines += [f"  {phase}:", "    commands:", *[f"      - {command}" for command in commands]]
    if kind.reports:
        lines += ["", "reports:"]
    for group, form, file in kind.reports:
        lines += [f"  {group}:", "    base-directory: reports", f"    files: [{file}]", f"    file-format: {form}"]
    return "\n".join(lines) + "\n"
