from datetime import UTC, datetime
from io import StringIO
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner

from buildgate_cli import run_tree
from buildgate_cli.output import Folding

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
RUN: dict[str, Any] = {
    "run_id": "01k",
    "pipeline": "shop",
    "status": "RUNNING",
    "repository": "shop",
    "ref": "main",
    "commit": "0123456789",
    "started_at": "2026-11-22T11:59:00Z",
    "stages": [
        {
            "name": "test",
            "status": "RUNNING",
            "attempt": 2,
            "builds": [
                {"name": "unit", "project": "p", "status": "IN_PROGRESS", "phase": "BUILD"},
                {"name": "lint", "project": "q", "status": "SUCCEEDED", "duration_seconds": 2, "cost_micro_usd": 5000},
            ],
        }
    ],
}


def drawn(value: Any) -> str:
    stream = StringIO()
    Console(file=stream, width=120, force_terminal=True, color_system=None).print(value)
    return stream.getvalue()


def test_a_live_tree_shows_phases_and_turns_where_something_runs() -> None:
    shown = drawn(run_tree.tree(RUN, NOW, {"build": Spinner("dots")}))

    assert "shop 01k ▶ RUNNING  shop main 01234567  1m 00s" in shown
    assert "stage test ▶ RUNNING  attempt 2" in shown
    assert "build unit         ▶ IN_PROGRESS                 BUILD  p" in shown
    assert "build lint         ✔ SUCCEEDED    2.0s  $0.0050  q" in shown


def test_what_goes_on_says_how_long_so_far_in_columns_that_stand_below_each_other() -> None:
    stage = {**RUN["stages"][0], "started_at": "2026-11-22T11:59:10Z"}
    unit = {**stage["builds"][0], "name": "unit-tests-of-everything", "started_at": "2026-11-22T11:59:15Z"}

    shown = drawn(run_tree.tree({**RUN, "stages": [{**stage, "builds": [unit, stage["builds"][1]]}]}, NOW)).splitlines()

    assert "stage test ▶ RUNNING  attempt 2  50s" in shown[1]
    assert shown[2].endswith("build unit-tests-of-everything ▶ IN_PROGRESS   45s           BUILD  p")
    assert shown[3].endswith("build lint                     ✔ SUCCEEDED    2.0s  $0.0050  q")


def test_how_to_decide_fits_into_eighty_columns() -> None:
    asked = {"id": "01m82ag75j3s490dqtb6xtw9mx.01.1.entry", "name": "entry", "status": "WAITING"}
    stage = {"name": "release", "status": "RUNNING", "approvals": [asked]}

    line = drawn(run_tree.tree({**RUN, "stages": [stage]}, NOW)).splitlines()[-1]

    assert line.endswith("buildgate approval approve b6xtw9mx")
    assert len(line) < 80
    assert run_tree.approval_text(asked).plain.endswith(asked["id"])


def test_a_live_display_folds_long_lines_instead_of_cutting_them() -> None:
    long = {**RUN, "reason": "word " * 40 + "end"}
    stream = StringIO()
    screen = Console(file=stream, width=80, force_terminal=True, color_system=None, soft_wrap=True)

    with Live(Folding(run_tree.tree(long, NOW)), console=screen, transient=False):
        pass

    assert "word end" in stream.getvalue()


def test_a_reason_that_a_stage_gives_is_not_said_again_below_the_tree() -> None:
    failed = {**RUN["stages"][0], "status": "FAILED", "reason": "build unit FAILED"}

    shown = drawn(
        run_tree.tree({**RUN, "status": "FAILED", "reason": "stage test: build unit FAILED", "stages": [failed]}, NOW)
    )

    assert shown.count("build unit FAILED") == 1
    assert "because" in drawn(run_tree.tree({**RUN, "reason": "stopped because"}, NOW))


def test_a_run_with_nothing_but_its_head_is_drawn() -> None:
    bare = {"run_id": "r", "pipeline": "p", "status": "QUEUED"}

    assert "p r · QUEUED" in drawn(run_tree.tree(bare, NOW))
    assert run_tree.cost(bare) is None


def test_the_cost_of_a_run_is_the_sum_of_known_costs() -> None:
    assert run_tree.cost(RUN) == 5000


def test_only_what_changed_is_told_and_time_going_by_is_no_change() -> None:
    before = run_tree.facts(RUN)
    later = {**RUN, "stages": [{**RUN["stages"][0], "builds": [
        {**RUN["stages"][0]["builds"][0], "duration_seconds": 9},
        {**RUN["stages"][0]["builds"][1], "status": "FAILED"},
    ]}]}  # fmt: skip

    assert [key for key, _ in run_tree.changes(before, run_tree.facts(later))] == ["test#2/build/lint"]
    assert list(run_tree.changes(before, before)) == []


def test_the_end_of_a_run_reaches_what_it_left_open() -> None:
    waiting = {"name": "go", "project": "p", "status": "WAITING"}
    stages = [
        *RUN["stages"],
        {"name": "release", "status": "RUNNING", "builds": [waiting]},
        {"name": "x", "status": "PENDING"},
    ]

    shown = drawn(run_tree.tree({**RUN, "status": "STOPPED", "stages": stages}, NOW))

    assert "stage release ■ STOPPED" in shown
    assert "build go           · NOT STARTED" in shown
    assert "stage x · NOT STARTED" in shown
    assert "stage release ▶ RUNNING" in drawn(run_tree.tree({**RUN, "stages": stages}, NOW))
