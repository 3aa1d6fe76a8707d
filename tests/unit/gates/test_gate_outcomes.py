"""What became of judged runs: told by the runs of the same pipeline, and unknown rather than guessed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from buildgate.domain.gates.outcomes import Afterwards, outcome
from buildgate.domain.gates.record import JudgementHead
from buildgate.domain.runs import Run, RunStatus, Source

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SUCCEEDED, FAILED = RunStatus.SUCCEEDED, RunStatus.FAILED


def run(number, commit, status=SUCCEEDED, *, old="", message="", ref="main", ref_type="branch", reason=""):
    """Return the run opened `number` hours after noon, of a commit that is one letter forty times."""
    source = Source("codecommit", "shop", ref_type, ref, commit * 40, old_commit=old * 40, message=message)
    opened = NOON + timedelta(hours=number)
    return Run(f"r{number}", "shop", "v", status, source, opened, opened, reason=reason)


def head(number, **changes):
    return replace(JudgementHead("shop", "test", "quality", "main", f"r{number}", NOON, "pass", False, True), **changes)


def fates(*runs):
    known = Afterwards(reversed(runs))
    return {one.run_id: known.fate(head(one.run_id.removeprefix("r"))) for one in runs}


def test_a_run_that_the_next_release_builds_upon_has_held_and_the_newest_is_unknown():
    assert fates(run(1, "a"), run(2, "b", old="a"), run(3, "c", FAILED)) == {"r1": "held", "r2": None, "r3": "failed"}


def test_a_retry_or_a_start_by_hand_of_an_older_commit_rolls_back_what_stood_between():
    known = fates(run(1, "a"), run(2, "b", old="a"), run(3, "c", old="b"), run(4, "b"))

    assert known == {"r1": "held", "r2": "held", "r3": "rolled back", "r4": None}


def test_a_branch_moved_back_to_a_commit_that_no_run_had_built_rolls_back_what_replaced_it():
    assert fates(run(1, "b", old="a"), run(2, "a", old="b"))["r1"] == "rolled back"


def test_the_same_commit_again_says_nothing_and_what_follows_it_decides():
    assert fates(run(1, "a"), run(2, "b"), run(3, "b"), run(4, "a"))["r2"] == "rolled back"
    assert fates(run(1, "a"), run(2, "b"), run(3, "b"), run(4, "c"))["r2"] == "held"
    assert fates(run(1, "a"), run(2, "b"), run(3, "b"))["r2"] is None


def test_a_way_back_that_failed_has_not_rolled_back():
    assert fates(run(1, "a"), run(2, "b"), run(3, "a", FAILED))["r2"] is None


def test_what_was_rolled_back_and_came_again_has_held_the_second_time():
    assert fates(run(1, "a"), run(2, "b"), run(3, "a"), run(4, "b"), run(5, "c"))["r2"] == "rolled back"
    assert fates(run(1, "b"), run(2, "c"))["r1"] == "held"


def test_another_branch_is_another_line_and_tags_are_one():
    assert fates(run(1, "b", old="a"), run(2, "a", ref="other"))["r1"] is None
    releases = [run(n, c, ref=ref, ref_type="tag") for n, c, ref in ((1, "a", "v1"), (2, "b", "v2"), (3, "a", "v1"))]
    assert fates(*releases) == {"r1": "held", "r2": "rolled back", "r3": None}


def test_a_revert_is_named_before_anything_else():
    revert = run(3, "d", old="b", message=f"Revert it\n\nThis reverts commit {'b' * 12}.")

    assert fates(run(1, "a"), run(2, "b", old="a"), revert)["r2"] == "reverted"
    assert fates(run(2, "b", FAILED, reason="stage release: no"), revert)["r2"] == "reverted"


@pytest.mark.parametrize(
    ("judged", "about"),
    [
        (run(1, "a", FAILED, reason="stage test: build unit FAILED"), {}),
        (run(1, "a", RunStatus.REJECTED), {}),
        (run(1, "a"), {"is_blocking": True}),
        (run(1, "a"), {"run_id": "gone"}),
    ],
)
def test_what_nobody_saw_in_use_is_unknown(judged, about):
    assert Afterwards([judged, run(2, "b")]).fate(head(1, **about)) is None


def test_a_fate_is_good_or_bad():
    runs = [run(1, "a"), run(2, "b", old="a"), run(3, "a", old="b")]

    assert [outcome(head(number), runs) for number in (1, 2, 3)] == ["good", "bad", None]
