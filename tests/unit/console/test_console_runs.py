"""A run on one axis of time, a build's phases and log, and builds that are set aside."""

from datetime import UTC, datetime

import pytest

import console_world
from buildgate.adapters.table import keys
from buildgate_cli.console.pages import Pages
from buildgate_cli.console.run_rows import phases, said, stages
from console_world import ApiOf
from simulated_cloud import SimulatedCloud

NOW = datetime(2026, 11, 22, 12, 10, tzinfo=UTC)


def at(minute, second=0):
    return f"2026-11-22T12:{minute:02d}:{second:02d}+00:00"


def build(name, status, start=None, end=None, phase=""):
    facts = {"project": f"shop-{name}", "build_id": f"shop-{name}:1", "reason": "", "cost_micro_usd": None}
    return {"name": name, "status": status, "started_at": start, "finished_at": end, "phase": phase, **facts}


def stage(name, status, **more):
    return {
        "name": name,
        "status": status,
        "attempt": 1,
        "reason": "",
        "approval": None,
        "builds": [],
        "gates": [],
    } | more


@pytest.fixture
def run():
    asked = {"id": "r.1.1.entry", "name": "entry", "status": "WAITING", "asked_at": at(4), "decisions": []}
    tested = [build("unit", "SUCCEEDED", at(0, 10), at(3)), build("lint", "IN_PROGRESS", at(1), phase="POST_BUILD")]
    gates = [{"name": "quality", "status": "pass", "reasons": []}]
    first = stage("test", "SUCCEEDED", builds=tested, gates=gates, started_at=at(0), finished_at=at(4))
    second = stage("release", "RUNNING", approval=asked, builds=[build("out", "WAITING")], started_at=at(4))
    return {
        "status": "RUNNING",
        "started_at": at(0),
        "finished_at": None,
        "stages": [first, second, stage("clean", "PENDING")],
    }


def test_everything_of_a_run_is_placed_on_its_time_and_what_goes_on_lasts_until_now(run):
    first, second, last = stages(run, NOW)

    assert [first.span, second.span, last.span] == [(0, 240), (240, 360), None]
    assert [(row.kind, row.span) for row in first.rows] == [
        ("build", (10, 170)),
        ("build", (60, 540)),
        ("gate", None),
    ]
    assert [(row.kind, row.span) for row in second.rows] == [("approval", (240, 360)), ("build", None)]


def test_how_a_run_stands_is_one_sentence_a_stage_for_those_who_listen(run):
    assert said(run) == (
        "Run running. Stage test succeeded, build unit succeeded, build lint in phase post build, gate quality pass. "
        "Stage release running, approval waiting, build out waiting. Stage clean pending."
    )


def test_the_phase_under_way_lasts_until_now_and_a_failed_one_stands_out():
    going = {"started_at": at(8), "finished_at": None}
    known = [{"name": "QUEUED", "status": "SUCCEEDED", "seconds": 20.0}, {"name": "BUILD"}]

    shown, total = phases({**going, "phases": known}, NOW)
    ended, _ = phases({"started_at": at(0), "finished_at": at(1), "phases": [{**known[0], "status": "FAILED"}]}, NOW)

    assert [(one.name, one.start, one.seconds, one.kind) for one in shown] == [
        ("queued", 0, 20, "f-queue"),
        ("build", 20, 100, "busy"),
    ]
    assert total == 120
    assert (ended[0].kind, ended[0].is_bad) == ("bad", True)


@pytest.fixture(scope="module")
def cloud():
    return console_world.a_month(days=2)


def pages_of(cloud, logs=console_world.logs):
    return Pages(ApiOf(cloud), logs, cloud="test", me="alice", form="proof", clock=cloud.aws.timeline.now)


def test_a_page_with_a_log_of_many_megabytes_stays_small_and_shows_its_end(cloud):
    lines = ["[Container] " + "<'>" * 4_000 for _ in range(2_000)] + ["the end"]
    newest = next(iter(ApiOf(cloud).every("projects")))
    build_id = ApiOf(cloud).get("metrics", "projects", newest, "builds", days=30)["builds"][0]["build_id"]

    page = pages_of(cloud, lambda *_, **__: lines).find(f"/builds/{build_id}", {})

    assert len(page.encode()) < 100_000
    assert "the end</pre>" in page
    assert f"buildgate build logs {build_id}" in page


class ADayLikeAnother(ApiOf):
    """Has builds on each day of the window, good ones and bad ones."""

    def get(self, *path, **query):
        answer = super().get(*path, **query)
        if path[-1] == "report":
            full = next(day for day in answer["by_day"] if day["builds"])
            figures = full | {
                "builds": 117,
                "by_status": full["by_status"] | {"SUCCEEDED": 88},
                "cache_hit_ratio": 0.987,
            }
            answer["by_day"] = [figures | {"day": day["day"]} for day in answer["by_day"]]
        return answer


def test_a_project_that_was_built_on_each_of_ninety_days_has_a_page_below_a_hundred_kilobytes(cloud):
    api = ADayLikeAnother(cloud)
    pages = Pages(api, console_world.logs, cloud="test", me="alice", form="proof", clock=cloud.aws.timeline.now)

    page = pages.find("/projects/shop-unit", {"days": "90"})

    assert page.count('class="rect"') >= 270
    assert len(page.encode()) < 100_000


def test_builds_that_are_set_aside_are_counted_where_their_project_is_shown(cloud):
    table = cloud.aws.client("dynamodb")
    for number, project in enumerate(("shop-unit", "shop-unit", "shop-units")):
        item = {"pk": keys.QUARANTINE, "sk": f"{project}:{number}", "reason": "ended before it began", "seen_at": at(1)}
        table.put_item(TableName="buildgate-Table", Item={name: {"S": text} for name, text in item.items()})

    page, others = pages_of(cloud).find("/projects/shop-unit", {}), pages_of(cloud).find("/projects", {})

    assert "2 builds set aside" in page
    assert "ended before it began" in page
    assert "<small>2 set aside</small>" in page
    assert "3 builds that cannot be true" in others
    assert "set aside" not in pages_of(cloud).find("/projects/shop-lint", {})


def test_a_run_that_waits_for_its_turn_names_the_one_before_it():
    cloud = SimulatedCloud(schedules=False)
    trigger = {"repository": "shop", "branches": ["main"]}
    taken = {"name": "release", "mode": "queued", "builds": [{"name": "out", "project": "shop-release"}]}
    cloud.apply({"name": "shop", "triggers": [trigger], "stages": [taken]})
    for number in (1, 2):
        cloud.aws.codecommit.push("shop", "main", {"a": str(number)}, message=f"Change {number}")
        cloud.aws.timeline.advance(seconds=20)
    second, first = (run["run_id"] for run in cloud.runs()[:2])

    page = pages_of(cloud).find(f"/runs/{second}", {})

    assert "waits for its turn" in page
    assert f'href="/runs/{first}"' in page
    assert "Stage release running, waits for its turn" in page
