"""The page about the local CodeBuild says what the code does."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

from buildgate_cli.local import call_faults
from buildgate_cli.local.agent import host
from buildgate_cli.local.codebuild import Settings, settings
from buildgate_cli.local.events import FAULTS_FILE, Event, with_faults
from local_harness import RecordingBus

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "local-codebuild.md").read_text("utf-8")

EXAMPLES = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"| {Settings().log_bytes // 2**20} MB |" in PAGE
    assert f"| {Settings().concurrent_builds}, or twice the processors |" in PAGE
    assert Settings().queue_factor == 5


def test_the_variables_are_those_of_the_code() -> None:
    assert settings.MINUTE_VARIABLE in PAGE
    assert host.ALLOW_HOST in PAGE
    assert host.ALLOW_HOST_RUNTIMES in PAGE


def test_the_example_of_faults_drops_the_event_it_describes(tmp_path: Path) -> None:
    example = EXAMPLES[0]
    (tmp_path / FAULTS_FILE).write_text(example)
    bus = RecordingBus()
    emit = with_faults(bus, tmp_path)
    at = datetime(2026, 11, 22, tzinfo=UTC)
    for status in ("IN_PROGRESS", "SUCCEEDED", "SUCCEEDED"):
        emit(Event("aws.codebuild", "CodeBuild Build State Change", (), {"build-status": status}, at))

    assert [event.detail["build-status"] for event in bus.events] == ["IN_PROGRESS", "SUCCEEDED"]


def test_the_example_of_calls_that_go_wrong_meets_the_call_it_describes(tmp_path: Path) -> None:
    (tmp_path / call_faults.RULES_FILE).write_text(EXAMPLES[1])
    caller = "arn:aws:sts::000000000000:assumed-role/buildgate-local-RecordBuildFunctionRole-1/x"

    met = call_faults.CallFaults(tmp_path).take("DynamoDB_20120810.TransactWriteItems", caller)

    assert met == {**json.loads(EXAMPLES[1])[0], "times": 0}
    assert all(f"`{action}`" in PAGE for action in (*call_faults.REFUSALS, "lose", "amend"))
    assert call_faults.SWITCH in PAGE
