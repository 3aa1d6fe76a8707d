"""Starter files for a repository: a pipeline, its two projects and their buildspecs, fitted to what the folder holds."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import yaml

from buildgate_cli.kinds import Kind

if TYPE_CHECKING:
    from buildgate_cli.kinds import Reported


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
    names = {report.group for report in kind.reports}
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
        for report in kind.reports:
            sort = "CODE_COVERAGE" if report.group == "coverage" else "TEST"
            text += f"  - {{name: {report.group}, type: {sort}}}\n"
    return text


def _buildspec(kind: Kind) -> str:
    lines = ["version: 0.2", "", "phases:"]
    for phase, commands in (("install", kind.install), ("build", kind.test)):
        if commands:
            lines += [f"  {phase}:", "    commands:", *[f"      - {_scalar(command)}" for command in commands]]
    if kind.reports:
        lines += ["", "reports:"]
    for report in kind.reports:
        lines += _report(report)
    return "\n".join(lines) + "\n"


def _scalar(command: str) -> str:
    """Return a command as YAML writes it: plain where that means the same, else in double quotes."""
    try:
        is_plain = yaml.safe_load(command) == command
    except yaml.YAMLError:
        is_plain = False
    return command if is_plain else json.dumps(command)


def _report(report: Reported) -> list[str]:
    files = f'"{report.files}"' if "*" in report.files else report.files
    lines = [f"  {report.group}:", f"    files: [{files}]", f"    file-format: {report.file_format}"]
    return lines if report.folder == "." else [lines[0], f"    base-directory: {report.folder}", *lines[1:]]
