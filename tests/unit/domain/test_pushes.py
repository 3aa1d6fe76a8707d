from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildgate.domain.pushes import (
    Cursor,
    Fresh,
    Matched,
    NeedsPaths,
    Push,
    Seen,
    Unmatched,
    asks_to_skip,
    judge_push,
    match_paths,
    match_ref,
    matches,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Trigger:
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


def push(commit="b", old="a", seconds=0, *, ref="main", ref_type="branch", healed=False):
    at = NOON + timedelta(seconds=seconds)
    return Push(f"{old}{commit}{seconds}", at, "codecommit", "shop", ref_type, ref, commit, old, "arn", healed)


def test_the_first_push_of_a_branch_is_new():
    assert isinstance(judge_push(push(), None), Fresh)


def test_a_branch_that_goes_back_and_forth_was_pushed_each_time():
    cursor, opened = None, 0
    for second, (old, new) in enumerate([("", "a"), ("a", "b"), ("b", "a"), ("a", "b")]):
        judged = judge_push(push(new, old, second), cursor)
        assert isinstance(judged, Fresh)
        cursor, opened = judged.cursor, opened + 1

    assert (opened, cursor.commit) == (4, "b")


def test_an_older_push_that_comes_late_opens_its_run_but_does_not_move_the_branch_back():
    newer = judge_push(push("c", "b", 10), None)

    late = judge_push(push("b", "a", 0), newer.cursor)

    assert isinstance(late, Fresh)
    assert late.cursor.commit == "c"


def test_pushes_of_the_same_second_follow_each_other_by_their_old_commit():
    first = judge_push(push("b", "a", 0), None)

    second = judge_push(push("c", "b", 0), first.cursor)

    assert second.cursor.commit == "c"


def test_a_push_that_was_healed_is_seen_when_its_own_event_comes_at_last():
    cursor = Cursor("a", NOON, 1)
    healed = judge_push(push("b", "a", 60, healed=True), cursor)

    late = judge_push(push("b", "a", 30), healed.cursor)

    assert isinstance(late, Seen)


def test_the_same_commit_pushed_again_after_the_healing_is_new():
    healed = judge_push(push("b", "a", 60, healed=True), Cursor("a", NOON, 1))
    back = judge_push(push("a", "b", 70), healed.cursor)

    again = judge_push(push("b", "a", 80), back.cursor)

    assert isinstance(again, Fresh)


def test_healing_a_branch_whose_head_is_known_changes_nothing():
    assert isinstance(judge_push(push("b", "a", 60, healed=True), Cursor("b", NOON, 1)), Seen)


def test_a_deletion_opens_nothing_and_says_so():
    answer = match_ref(push(commit=""), Trigger(branches=("*",)))

    assert isinstance(answer, Unmatched)
    assert "deleted" in answer.reason


def test_a_tag_named_like_a_branch_does_not_match_the_branch():
    trigger = Trigger(branches=("main",))

    assert isinstance(match_ref(push(ref_type="tag"), trigger), Unmatched)
    assert isinstance(match_ref(push(), trigger), Matched)


def test_path_filters_are_asked_for_branches_only():
    trigger = Trigger(branches=("main",), tags=("v*",), include=("src/**",))

    assert isinstance(match_ref(push(), trigger), NeedsPaths)
    assert isinstance(match_ref(push(ref="v1", ref_type="tag"), trigger), Matched)


@pytest.mark.parametrize(
    ("paths", "fits"),
    [(["src/a.py"], True), (["docs/a.md"], False), (["src/gen/a.py"], False), (["docs/a.md", "src/b.py"], True)],
)
def test_one_included_path_that_is_not_excluded_is_enough(paths, fits):
    trigger = Trigger(include=("src/**",), exclude=("src/gen/**",))

    assert isinstance(match_paths(paths, trigger), Matched) is fits


def test_the_reason_for_no_match_counts_the_paths():
    assert "2 changed paths" in match_paths(["a.md", "b.md"], Trigger(exclude=("*.md",))).reason


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("main", "main", True),
        ("main", "maintenance", False),
        ("release/*", "release/1.0", True),
        ("release/*", "release/1.0/hotfix", False),
        ("release/**", "release/1.0/hotfix", True),
        ("**", "any/thing", True),
        ("v[0-9]*", "v1.2", True),
        ("v[0-9]*", "vx", False),
        ("**/*.py", "a.py", True),
        ("**/*.py", "src/deep/a.py", True),
        ("src/**", "src/a/b", True),
        ("src/**", "srcx/a", False),
        ("a.b", "axb", False),
        ("feature-?", "feature-1", True),
        ("MAIN", "main", False),
    ],
)
def test_globs_keep_stars_within_segments_and_double_stars_across(glob, text, fits):
    assert matches(glob, text) is fits


@given(st.text(min_size=1, max_size=30))
def test_a_text_without_wildcards_matches_itself_only(text):
    plain = text.translate(str.maketrans("*?[]", "____"))

    assert matches(plain, plain)
    assert not matches(plain, plain + "x")


@pytest.mark.parametrize("message", ["Fix it [skip ci]", "[CI SKIP] docs", "Docs\n\nskip-checks: true"])
def test_skip_markers_are_seen(message):
    assert asks_to_skip(message)


def test_a_message_about_skipping_is_no_marker():
    assert not asks_to_skip("Teach the parser about skip ci markers")


def test_the_same_change_at_the_same_time_under_another_event_is_seen_even_after_later_pushes():
    first = judge_push(push("b", "a", 0), None).cursor
    later = judge_push(push("c", "b", 5), first).cursor

    assert isinstance(judge_push(push("b", "a", 0), first), Seen)
    assert isinstance(judge_push(push("b", "a", 0), later), Seen)


def test_back_and_forth_within_one_second_is_three_pushes():
    cursor = None
    for old, new in (("a", "b"), ("b", "a"), ("a", "b")):
        judged = judge_push(push(new, old, 0), cursor)
        assert isinstance(judged, Fresh)
        cursor = judged.cursor
