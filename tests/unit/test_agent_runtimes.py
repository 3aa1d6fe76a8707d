"""Runtime versions against what a machine has."""

import platform
from pathlib import Path

import pytest

from agent_harness import run_buildspec
from buildgate_cli.local.agent.build import Failure
from buildgate_cli.local.agent.runtimes import check_runtimes, fits

PRINTED = {
    "python3": "Python 3.11.7",
    "node": "v22.4.1",
    "java": 'openjdk version "21.0.2" 2024-01-16',
    "go": "go version go1.24.3 linux/amd64",
}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("3.11.7", "3.11"),
        ("3.11.7", "3.x"),
        ("3.11.7", "latest"),
        ("22.4.1", "22"),
        ("21.0.2", "corretto21"),
        ("1.8.0", "corretto8"),
        ("1.24.3", "1.24"),
    ],
)
def test_a_version_fits_when_it_agrees_in_the_parts_given(found: str, wanted: str) -> None:
    assert fits(found, wanted)


@pytest.mark.parametrize("wanted", ["3.1", "3.13", "2.x", "3.11.8", "nonsense"])
def test_another_version_does_not_fit(wanted: str) -> None:
    assert not fits("3.11.7", wanted)


def check(wanted: dict[str, str], *, is_host_allowed: bool = False) -> list[str]:
    said: list[str] = []
    check_runtimes(
        wanted, ask=lambda command: PRINTED.get(command[0]), say=said.append, is_host_allowed=is_host_allowed
    )
    return said


def test_what_is_there_is_selected() -> None:
    said = check({"python": "3.11", "nodejs": "22", "java": "corretto21", "golang": "1.24"})

    assert said[0] == "Selecting 'python' runtime version '3.11': this machine has 3.11.7"
    assert len(said) == 4


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"python": "3.14"}, "Runtime python 3.14 is not available: this machine has 3.11.7"),
        ({"ruby": "3.4"}, "Runtime ruby 3.4 is not available: this machine has none"),
        ({"cobol": "1"}, "Unknown runtime named 'cobol'"),
    ],
)
def test_what_is_not_there_is_an_honest_failure(wanted: dict[str, str], message: str) -> None:
    with pytest.raises(Failure) as caught:
        check(wanted)
    assert message in caught.value.message


def test_the_hosts_own_may_be_allowed_and_the_log_says_so() -> None:
    assert check({"python": "3.14"}, is_host_allowed=True) == [
        "Runtime python 3.14 is not available: this machine has 3.11.7, which is used as asked"
    ]


def test_a_build_asks_the_machine_with_its_own_path(tmp_path: Path) -> None:
    major, minor, _ = platform.python_version_tuple()
    spec = (
        "version: 0.2\nphases:\n  install:\n    runtime-versions: {{python: {}}}\n  build: {{commands: [echo ran]}}\n"
    )

    there = run_buildspec(tmp_path / "1", spec.format(f'"{major}.{minor}"'))
    absent = run_buildspec(tmp_path / "2", spec.format('"2.6"'))

    assert there.outcome.status == "SUCCEEDED"
    assert "is not available" in absent.context("INSTALL")[1]
    assert absent.heard.output == []
