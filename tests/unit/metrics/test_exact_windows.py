"""Windows that begin or end within a day, and parts of a project: totals leave no build out, lists go on page by page."""

from datetime import timedelta

import pytest

from buildgate.domain.builds import BuildHead, BuildStatus
from buildgate.domain.metrics.rollups import DayTotals, Scope, fold, increments, merged
from buildgate.domain.metrics.windows import Window
from buildgate.domain.times import from_text
from buildgate.usecases.selection import Part, Selection, Stores
from buildgate.usecases.window_reads import place_of

SHOP = Scope("PROJECT", "shop")
NOON = from_text("2026-11-22T12:00:00Z")
HOUR = timedelta(hours=1)
EVERYTHING = Part()


def built(count, *, every=HOUR, branch="main"):
    """Return builds that ended one after the other up to noon, the newest first."""
    return [
        BuildHead(
            f"shop:{count - number:06}",
            "shop",
            BuildStatus.SUCCEEDED,
            NOON - every * number - HOUR,
            NOON - every * number,
            duration_seconds=3600.0,
            branch=branch if number % 2 else "other",
        )
        for number in range(count)
    ]


class Desk:
    """What was recorded, and how much of it was read."""

    def __init__(self, heads):
        self.heads = heads
        self.read = 0
        self.days_read = []

    def days(self, scope, days):
        self.days_read.append((min(days), max(days)))
        stored = fold(self.heads, seen_at=NOON)
        return [
            DayTotals(day, one)
            for (whose, day), one in stored.items()
            if whose == scope and min(days) <= day <= max(days)
        ]

    def finished_between(self, project, first, last, *, after="", page=None):
        for head in self.heads:
            if head.project == project and first <= head.ended_at < last and (not after or place_of(head) < after):
                self.read += 1
                yield head

    def asked(self, first, last, part=EVERYTHING, most=5):
        return Selection(Stores(self, self, None), SHOP, Window(from_text(first), from_text(last)), part, most)


def recounted(heads, asked):
    own = [one for one in heads if asked.window.first <= one.ended_at < asked.window.last and asked.part.has(one)]
    return merged([DayTotals("", increments(one)) for one in own], "").counters


def test_an_exact_window_counts_every_build_and_reads_only_those_of_its_first_and_last_day():
    desk = Desk(built(24 * 20))
    asked = desk.asked("2026-11-05T06:00:00Z", "2026-11-20T10:00:00Z")

    assert asked.summary.builds == 18 + 24 * 14 + 10
    assert merged(asked.days, "").counters == recounted(desk.heads, asked)
    assert desk.read == 18 + 10
    assert desk.days_read == [("2026-11-06", "2026-11-19")]
    assert not asked.is_cut


def test_hours_of_one_day_are_counted_from_its_builds_alone():
    desk = Desk(built(48))
    asked = desk.asked("2026-11-21T06:00:00Z", "2026-11-21T09:30:00Z")

    assert asked.summary.builds == 4
    assert desk.days_read == []


def test_the_totals_of_a_branch_leave_no_build_out_while_analyses_look_at_the_newest():
    desk = Desk(built(24 * 5))
    asked = desk.asked("2026-11-19T00:00:00Z", "2026-11-23T00:00:00Z", Part(branch="main"), most=5)

    assert merged(asked.days, "").counters == recounted(desk.heads, asked)
    assert [one.branch for one in asked.heads] == ["main"] * 5
    assert asked.is_cut


@pytest.mark.parametrize(("most", "is_cut"), [(85, False), (84, True)])
def test_whether_builds_were_left_out_is_said_of_whole_days_too(most, is_cut):
    desk = Desk(built(24 * 5))
    asked = desk.asked("2026-11-19T00:00:00Z", "2026-11-23T00:00:00Z", most=most)

    assert len(asked.heads) == most
    assert asked.is_cut is is_cut


def test_pages_of_builds_go_on_to_the_last_one_each_build_once():
    desk = Desk(built(23))
    found, after = [], ""
    while after is not None:
        page, after = desk.asked("2026-11-01T00:00:00Z", "2026-11-23T00:00:00Z").page(after, 5)
        found += page

    assert found == desk.heads


def test_a_page_reads_no_more_builds_than_it_shows():
    desk = Desk(built(500))

    desk.asked("2026-11-01T00:00:00Z", "2026-11-23T00:00:00Z").page("", 5)

    assert desk.read == 6


def test_a_window_of_whole_days_and_the_one_before_it_are_read_in_one_query():
    desk = Desk(built(24 * 8))
    asked = desk.asked("2026-11-19T00:00:00Z", "2026-11-23T00:00:00Z")

    assert asked.score is not None
    assert asked.summary.builds == 24 * 3 + 12 + 1
    assert desk.days_read == [("2026-11-15", "2026-11-22")]
