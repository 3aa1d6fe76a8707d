"""What looks for weaknesses is not silenced without a reason, and never reports clean what it could not look at."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from template_model import Template

ROOT = Path(__file__).parents[3]
KNOWN = {"name": "jinja2", "version": "2.10", "vulns": [{"id": "PYSEC-2019-217"}]}
CLEAN = {"name": "rich", "version": "14.0", "vulns": []}
UNKNOWN = {"name": "rich", "skip_reason": "Dependency not found on PyPI"}


def reasons(text: str, names: list[str]) -> dict[str, str]:
    """Return the comment beside each name; one comment may stand for all the names of its line."""
    lines = text.splitlines()
    return {name: next(line for line in lines if name in line).partition("#")[2].strip() for name in names}


def test_each_check_of_the_template_that_is_left_out_says_why():
    path = ROOT / ".ci/checkov.yaml"
    names = yaml.safe_load(path.read_text())["skip-check"]

    assert [name for name, why in reasons(path.read_text(), names).items() if len(why) < 20] == []


def test_each_check_of_a_resource_that_is_left_out_says_why():
    skipped = [
        (name, one["id"], one["comment"])
        for name, resource in Template.load().resources.items()
        for one in resource.get("Metadata", {}).get("checkov", {}).get("skip", ())
    ]

    assert [found[:2] for found in skipped] == [("AlarmTopic", "CKV_AWS_26")]
    assert all(len(comment) > 20 for _, _, comment in skipped)


def test_each_check_of_the_code_that_is_left_out_says_why():
    text = (ROOT / "pyproject.toml").read_text()
    names = tomllib.loads(text)["tool"]["bandit"]["skips"]

    assert [name for name, why in reasons(text, names).items() if len(why) < 10] == []


@pytest.mark.parametrize("name", ["checkov", "pip-audit"])
def test_tools_that_stand_apart_are_pinned_with_hashes(name):
    pins = (ROOT / f".ci/{name}.txt").read_text().replace("\\\n", " ").splitlines()
    named = [pin for pin in pins if pin and not pin.startswith("#")]

    assert [pin for pin in named if not re.match(r"\S+==\S+ .*--hash=sha256:", pin)] == []
    assert any(pin.startswith(f"{name}==") for pin in named)


def audit(folder: Path, known: object, rest: object) -> subprocess.CompletedProcess[str]:
    """Run the audit with a tool that answers so when it is asked about the known package, and about all the rest."""
    for name, answer in (("known", known), ("all", rest)):
        if answer is not None:
            (folder / f"{name}.answer").write_text(json.dumps({"dependencies": answer}))
    tool = folder / "tool"
    tool.write_text(
        "#!/bin/sh\n"
        'while [ $# -gt 0 ]; do case $1 in --requirement) asked=$(basename "$2" .txt) ;; --output) out=$2 ;; esac; shift; done\n'
        f'[ -f {folder}/"$asked".answer ] || {{ echo "no route to host" >&2; exit 1; }}\n'
        f'[ -z "${{out:-}}" ] || cp {folder}/"$asked".answer "$out"\n'
    )
    tool.chmod(0o755)
    environment = {**os.environ, "AUDIT_TOOL": str(tool)}
    return subprocess.run([ROOT / ".ci/audit"], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("known", "rest", "status", "says"),
    [
        ([KNOWN], [CLEAN], 0, "no known vulnerability in 1 packages"),
        ([KNOWN], [CLEAN, KNOWN], 1, ""),
        ([KNOWN], [CLEAN, UNKNOWN], 3, "could not look: 1 of 2 packages are unknown"),
        ([{**KNOWN, "vulns": []}], [CLEAN], 3, "could not look: this package index publishes no advisories"),
        ([UNKNOWN], [CLEAN], 3, "could not look: this package index publishes no advisories"),
        (None, [CLEAN], 3, "could not look: no route to host"),
        ([KNOWN], None, 3, "could not look: no route to host"),
    ],
)
def test_an_audit_that_could_not_look_is_never_green(tmp_path, known, rest, status, says):
    done = audit(tmp_path, known, rest)

    assert (done.returncode, says in done.stdout + done.stderr) == (status, True), done
