"""What a pipeline file says of runs that come to one stage at once."""

from typing import Any

import pytest

from buildgate.domain.errors import Corrupt
from buildgate.domain.pipelines import WAIT_MINUTES, BuildStep, Pipeline, Stage
from buildgate.inbound import pipeline_file
from buildgate.inbound.pipeline_file import PipelineFileError, Problem

BUILDS = [{"name": "go", "project": "shop-go"}]


def stage(**changes: Any) -> Stage:
    data = {"name": "shop", "stages": [{"name": "release", "builds": BUILDS, **changes}]}
    return pipeline_file.parse(data).stages[0]


def only(**changes: Any) -> Problem:
    with pytest.raises(PipelineFileError) as caught:
        stage(**changes)
    (problem,) = caught.value.problems
    return problem


def test_runs_go_side_by_side_unless_the_file_says_otherwise() -> None:
    assert (stage().mode, stage().lock, stage().wait_minutes) == ("parallel", "", WAIT_MINUTES)


def test_a_lock_alone_is_queued() -> None:
    assert (stage(lock="production").mode, stage(lock="production").lock) == ("queued", "production")


def test_mode_lock_and_wait_reach_the_domain() -> None:
    found = stage(mode="superseded", lock="production", wait="1h30m")

    assert (found.mode, found.lock, found.wait_minutes) == ("superseded", "production", 90)


def test_a_mode_that_is_misspelt_is_shown_the_nearest() -> None:
    found = only(mode="superseeded")

    assert (found.field, found.nearest) == ("stages[0].mode", "superseded")
    assert found.expected == "one of parallel, queued, superseded"


@pytest.mark.parametrize(
    ("wait", "what"), [("soon", "not a duration"), ("0m", "out of range"), ("91d", "out of range")]
)
def test_a_wait_is_a_length_of_time_within_bounds(wait: str, what: str) -> None:
    found = only(mode="queued", wait=wait)

    assert found.field == "stages[0].wait"
    assert what in found.message


def test_a_wait_without_anything_to_wait_for_is_refused() -> None:
    found = only(wait="2h")

    assert (found.field, found.fix) == ("stages[0].wait", "add mode: queued (or superseded), or leave wait out")


def test_a_lock_that_would_lock_nothing_is_refused() -> None:
    found = only(mode="parallel", lock="production")

    assert (found.field, found.fix) == ("stages[0].mode", "set mode: queued, or leave mode out")


def test_a_lock_has_a_name() -> None:
    assert only(lock="a lock").field == "stages[0].lock"


def test_a_stage_without_a_mode_is_the_same_version_as_before_there_were_modes() -> None:
    text = Pipeline("x", (Stage("s", builds=(BuildStep("b", "p1"),)),)).to_text()

    assert not [word for word in ("mode", "lock", "wait") if f'"{word}"' in text]
    assert Pipeline.from_text(text).stages[0].mode == "parallel"


def test_a_stored_mode_that_is_unknown_is_corrupt() -> None:
    stored = Pipeline("x", (Stage("s", mode="queued"),)).to_text()

    with pytest.raises(Corrupt, match="hasty"):
        Pipeline.from_text(stored.replace('"queued"', '"hasty"'))
