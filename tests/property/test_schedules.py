"""Short seeded schedules of the product: bad weather for a quarter of an hour, then calm, and every promise kept.

`make soak` plays as many as wanted. A seed that breaks a promise is played again by `buildgate simulate --seed`.
"""

from __future__ import annotations

from collections import Counter

import pytest
import yaml

from buildgate.adapters.memory.faults import Fault
from buildgate.inbound import pipeline_file
from buildgate_cli.simulate.campaign import Campaign
from buildgate_cli.simulate.fate import Fate
from buildgate_cli.simulate.schedule import Ended, Schedule, Trial
from buildgate_cli.simulate.shrinking import shrink
from buildgate_cli.simulate.story import told
from buildgate_cli.simulate.weather import KINDS, kinds_of
from buildgate_cli.simulate.world import CHECKOUT, CannotStartError
from guards import owed_first
from lane_world import pipeline as taking_turns

RUNS = 30
RACES = 12
RECORDINGS = 500
BATCHES = 2
RECORDING_BATCHES = 20
CRASHES = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
QUORUM = {
    "name": "quorum",
    "triggers": [{"repository": "web", "branches": ["release/*"], "paths": {"include": ["src/**"]}}],
    "stages": [
        {"name": "test", "concurrency": 1, "on-failure": "continue",
         "builds": [{"name": name, "project": f"web-{name}"} for name in ("unit", "lint")]},
        {"name": "release",
         "approval": {"approvers": ["ann@example.com", "bob@example.com"], "required": 2, "channel": "mailbox",
                      "timeout": "8h"},
         "builds": [{"name": "release", "project": "web-release"}]},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def shop():
    return pipeline_file.parse(yaml.safe_load((CHECKOUT / "samples/shop/pipeline.yaml").read_text(encoding="utf-8")))


def story(trial, campaign) -> str:
    return "\n".join(told(trial, campaign.broken).lines) if campaign.broken else ""


@pytest.mark.parametrize("batch", range(BATCHES))
def test_runs_of_the_sample_keep_every_promise(shop, batch):
    trial = Trial(shop, loose_builds=1)

    campaign = Campaign(trial).play(range(1 + batch * RUNS, 1 + (batch + 1) * RUNS))

    assert campaign.broken is None, story(trial, campaign)
    assert set(campaign.met) >= set(KINDS) - {"reports", "people", "strangers", "repeat-notice"}


def test_runs_with_a_quorum_by_mail_and_globs_keep_every_promise():
    trial = Trial(pipeline_file.parse(QUORUM))

    campaign = Campaign(trial).play(range(1, RUNS // 2))

    assert campaign.broken is None, story(trial, campaign)
    assert campaign.outcomes


@pytest.mark.parametrize(("mode", "asks"), [("queued", True), ("superseded", False), ("superseded", True)])
def test_runs_that_race_for_a_stage_keep_every_promise(mode, asks):
    trial = Trial(pipeline_file.parse(taking_turns(mode, asks=asks)))

    campaign = Campaign(trial).play(range(1, 1 + RACES))

    assert campaign.broken is None, story(trial, campaign)
    assert (campaign.outcomes["SUPERSEDED"] > 0) is (mode == "superseded")


@pytest.mark.parametrize("batch", range(RECORDING_BATCHES))
def test_builds_are_counted_once_whatever_becomes_of_their_events(batch):
    trial, passed, crashed = Trial(None, loose_builds=3), Counter(), set()

    def note(ended: Ended) -> None:
        passed.update({place: times for place, times in ended.passed.items() if place.startswith("buildgate-")})
        crashed.update((place.split(" #")[0], what) for place, what in ended.taken.items() if what in CRASHES)

    campaign = Campaign(trial).play(range(1 + batch * RECORDINGS, 1 + (batch + 1) * RECORDINGS), after=note)

    assert campaign.broken is None, story(trial, campaign)
    assert campaign.met["duplicate"] >= 0.3 * campaign.events
    assert campaign.met["drop"] >= 0.1 * campaign.events
    usual = [place for place, times in passed.items() if times >= 500]
    assert crashed >= {(place, crash) for place in usual for crash in CRASHES}
    assert len(usual) > 10


def test_a_day_on_which_nothing_goes_wrong_succeeds(shop):
    ended = Schedule(Trial(shop, frozenset()), 1).play()

    assert (ended.breaches, ended.outcomes, ended.taken) == ((), Counter(SUCCEEDED=1), {})


def test_what_went_wrong_played_again_is_the_same_day(shop):
    trial = Trial(shop, loose_builds=1)
    first = Schedule(trial, 7)
    ended = first.play()

    again = Schedule(trial, 7, script=ended.taken)
    again.play()

    assert [row.item for row in again.world.table.rows()] == [row.item for row in first.world.table.rows()]


def test_a_broken_promise_is_told_by_the_fewest_mishaps(shop, monkeypatch):
    trial = Trial(shop, kinds_of("crash,builds"), loose_builds=2)
    prepare = lambda world: owed_first(world, monkeypatch)  # noqa: E731
    broken = Campaign(trial).play(range(1, 200), prepare=prepare).broken
    monkeypatch.undo()

    assert broken is not None
    assert len(broken.taken) > 6
    assert told_without_guard(trial, broken, monkeypatch) < len(broken.taken)


def told_without_guard(trial, broken, monkeypatch) -> int:
    owed_first(None, monkeypatch)
    found = told(trial, broken)
    assert found.lines[-1].split("BROKEN: ")[1].startswith(broken.breaches[0].promise.value)
    return len(found.mishaps)


def test_shrinking_leaves_what_is_needed_and_nothing_else():
    script = {f"place #{number}": number for number in range(40)}

    assert shrink(script, lambda part: {"place #7", "place #31"} <= set(part)) == {"place #7": 7, "place #31": 31}


def test_a_script_that_is_not_drawn_from_chooses_nothing():
    fate = Fate(1, {"here #2": "late"})

    assert [fate.choose("here", lambda _: "early") for _ in range(3)] == [None, "late", None]


def test_a_function_that_cannot_start_ends_the_day_at_once():
    def without_table(world):
        del world.deployment.environments["buildgate-ReconcileFunction"]["BUILDGATE_TABLE"]

    with pytest.raises(CannotStartError, match="functions/reconcile cannot start: Corrupt"):
        Schedule(Trial(None, loose_builds=1), 1, prepare=without_table).play()
