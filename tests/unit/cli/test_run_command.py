import contextlib
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from buildgate_cli.api_client import ApiClient
from buildgate_cli.cloud_context import read_local
from buildgate_cli.commands.run import _watch as watch_to_the_end
from buildgate_cli.errors import UserError
from buildgate_cli.run_watch import Watch
from cli_harness import Cli, OperatorApi

ID = "01kamr3v5c8q2w9x7y4z6t1b0n"
OTHER = "01kamr3v5c8q2w9x7y4z6t1b0p"
NOW = datetime.now(UTC)


def at(seconds_ago: float) -> str:
    return (NOW - timedelta(seconds=seconds_ago)).isoformat()


def run(status: str = "RUNNING", **changes: Any) -> dict[str, Any]:
    return {
        "run_id": ID,
        "pipeline": "shop",
        "version": "a" * 64,
        "status": status,
        "reason": "",
        "repository": "shop",
        "ref_type": "branch",
        "ref": "main",
        "commit": "0123456789abcdef",
        "message": "Add prices\n\nand more",
        "started_at": at(30),
        "finished_at": at(0) if status not in {"RUNNING", "QUEUED"} else None,
        "stages": [],
        **changes,
    }


def stage(status: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": "test",
        "status": status,
        "attempt": 1,
        "reason": "",
        "approval": None,
        "builds": [],
        "gates": [],
        **changes,
    }


def build(status: str, **changes: Any) -> dict[str, Any]:
    return {"name": "unit", "project": "shop-unit", "status": status, "phase": "BUILD", **changes}


DONE = build("SUCCEEDED", duration_seconds=12.3, cost_micro_usd=5000, phase="COMPLETED")
VERDICT = {
    "name": "quality",
    "status": "fail",
    "score": 40.0,
    "reasons": ["tests.failed is 1, wanted <= 0 (junit.xml)"],
}


def test_starting_sends_the_ref_and_prints_the_run(cli: Cli, api: OperatorApi) -> None:
    api.on("POST", "/v1/pipelines/shop/runs", (200, {"run": run()}))

    answer = cli("run", "start", "shop", "--branch", "main", "--commit", "abc")

    assert answer.stdout == f"started {ID} of shop\n"
    assert api.calls[0].body == {"ref": "branch:main", "commit": "abc"}


def test_starting_with_a_branch_and_a_tag_is_a_usage_error(cli: Cli) -> None:
    assert cli("run", "start", "shop", "--branch", "a", "--tag", "b").exit_code == 2


def test_runs_are_listed_newest_first_as_the_api_gives_them(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (200, {"runs": [run("FAILED", reason="gate quality fails"), run("RUNNING")]}))
    api.on("GET", "/v1/approvals", (200, {"approvals": []}))
    api.on("GET", "/v1/pipelines/shop/lanes", (200, {"lanes": []}))

    lines = cli("run", "list", "-p", "shop", "--limit", "2").stdout.splitlines()

    assert api.calls[0].query == {"pipeline": "shop", "limit": "2"}
    assert lines[0].split() == ["RUN", "PIPELINE", "STATUS", "SOURCE", "STARTED", "TOOK", "WHY"]
    assert "✘ FAILED" in lines[1]
    assert lines[1].endswith("gate quality fails")
    assert lines[2].endswith("Add prices")


def test_the_list_says_which_approval_a_run_waits_for(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (200, {"runs": [run("RUNNING")]}))
    api.on("GET", "/v1/approvals", (200, {"approvals": [{"run_id": ID, "stage": "release"}]}))

    assert cli("run", "list").stdout.rstrip().endswith("waits for approval of stage release")


def test_the_list_says_which_lane_a_run_waits_for(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (200, {"runs": [run("RUNNING")]}))
    api.on("GET", "/v1/approvals", (200, {"approvals": []}))
    lane = {"lane": "stage shop/release", "waiting": [{"run_id": ID}]}
    api.on("GET", "/v1/pipelines/shop/lanes", (200, {"lanes": [lane]}))

    assert cli("run", "list").stdout.rstrip().endswith("waits for stage shop/release")


def test_a_run_is_shown_as_a_tree_with_builds_gates_and_approvals(cli: Cli, api: OperatorApi) -> None:
    waiting = {"id": f"{ID}.01.1.entry", "status": "WAITING", "decided_by": None}
    stages = [stage("SUCCEEDED", builds=[DONE], gates=[VERDICT]), stage("RUNNING", name="release", approval=waiting)]
    api.on("GET", f"/v1/runs/{ID}", (200, {"run": run(stages=stages)}))

    shown = cli("run", "show", ID).stdout

    assert "stage test ✔ SUCCEEDED" in shown
    assert "build unit         ✔ SUCCEEDED  12s  $0.0050  shop-unit" in shown
    assert "gate quality      ✘ FAIL  score 40" in shown
    assert "tests.failed is 1, wanted <= 0 (junit.xml)" in shown
    assert f"approval ⏸ WAITING  buildgate approval approve {ID[-8:]}" in shown


def test_escape_sequences_of_strangers_do_not_reach_the_terminal(cli: Cli, api: OperatorApi) -> None:
    hostile = run("FAILED", message="\x1b]0;owned\x07\x1b[31m", ref="a\x1b[2Jb", reason="[bold]not markup[/bold]")
    api.on("GET", f"/v1/runs/{ID}", (200, {"run": hostile}))
    api.on("GET", "/v1/runs", (200, {"runs": [hostile]}))

    for shown in (cli("run", "show", ID).stdout, cli("run", "list").stdout):
        assert "\x1b" not in shown
        assert "[bold]not markup[/bold]" in shown


def test_a_run_may_be_named_by_the_end_of_its_id_or_as_latest(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (200, {"runs": [run(), {**run(), "run_id": OTHER}]}))
    api.on("GET", f"/v1/runs/{ID}", (200, {"run": run("SUCCEEDED")}))

    assert cli("run", "show", "latest").exit_code == 0
    assert cli("run", "show").exit_code == 0
    assert cli("run", "show", "B0N").exit_code == 0
    ambiguous = cli("run", "show", "01kamr")
    assert (ambiguous.exit_code, "fits 2 runs" in ambiguous.stderr) == (2, True)
    assert cli("run", "show", "zzz").exit_code == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("SUCCEEDED", 0),
        ("FAILED", 1),
        ("REJECTED", 1),
        ("EXPIRED", 1),
        ("STOPPED", 1),
        ("TIMED_OUT", 1),
        ("SUPERSEDED", 1),
    ],
)
def test_the_exit_code_of_watch_says_how_the_run_ended(cli: Cli, api: OperatorApi, status: str, code: int) -> None:
    api.on("GET", f"/v1/runs/{ID}", (200, {"run": run(status)}))

    assert cli("run", "watch", ID).exit_code == code


def test_watch_prints_each_change_once_through_a_pipe(cli: Cli, api: OperatorApi) -> None:
    looks = [
        run("RUNNING", stages=[stage("RUNNING", builds=[build("IN_PROGRESS")])]),
        run("RUNNING", stages=[stage("RUNNING", builds=[build("IN_PROGRESS", duration_seconds=3)])]),
        run("FAILED", reason="gate quality", stages=[stage("FAILED", builds=[DONE], gates=[VERDICT])]),
    ]
    api.on("GET", f"/v1/runs/{ID}", *[(200, {"run": look}) for look in looks])

    answer = cli("run", "watch", ID)

    assert answer.exit_code == 1
    lines = [line[9:] for line in answer.stdout.splitlines()[:-1]]
    assert lines == [
        f"run {ID} ▶ RUNNING",
        "stage test ▶ RUNNING",
        "test: build unit         ▶ IN_PROGRESS  BUILD  shop-unit",
        f"run {ID} ✘ FAILED  gate quality",
        "stage test ✘ FAILED",
        "test: build unit         ✔ SUCCEEDED  12s  $0.0050  shop-unit",
        "test: gate quality      ✘ FAIL  score 40  tests.failed is 1, wanted <= 0 (junit.xml)",
    ]
    assert answer.stdout.splitlines()[-1] == "run ✘ FAILED in 30s, builds cost $0.0050"


def test_watch_for_programs_prints_one_document_a_line_and_the_run_last(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", f"/v1/runs/{ID}", (200, {"run": run("SUCCEEDED", stages=[stage("SUCCEEDED")])}))

    lines = [json.loads(line) for line in cli("run", "watch", ID, "--json").stdout.splitlines()]

    assert [line.get("what") for line in lines] == ["run", "test#1", None]
    assert lines[-1]["run"]["status"] == "SUCCEEDED"


def test_watch_without_an_id_waits_for_the_run_of_a_push(cli: Cli, api: OperatorApi) -> None:
    old = {**run("SUCCEEDED", started_at=at(4000)), "run_id": OTHER}
    api.on("GET", "/v1/runs", (200, {"runs": [old]}), (200, {"runs": [old]}), (200, {"runs": [run()]}))
    api.on("GET", f"/v1/runs/{ID}", (200, {"run": run("SUCCEEDED")}))

    answer = cli("run", "watch")

    assert (answer.exit_code, answer.stderr) == (0, "Waiting for a run to appear ...\n")


def test_watch_takes_the_newest_run_when_none_appears(cli: Cli, api: OperatorApi) -> None:
    old = run("FAILED", started_at=at(4000))
    api.on("GET", "/v1/runs", (200, {"runs": [old]}))
    api.on("GET", f"/v1/runs/{ID}", (200, {"run": old}))

    answer = cli("run", "watch", "--wait", "0.4")

    assert answer.exit_code == 1
    assert "No new run; `buildgate repo pushes NAME` says why a push opened none." in answer.stderr


def test_watch_without_any_run_says_how_to_make_one(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (200, {"runs": []}))

    answer = cli("run", "watch", "--wait", "0")

    assert answer.exit_code == 1
    assert "There is no run yet." in answer.stderr


def test_following_the_latest_goes_on_with_the_newer_run(cli: Cli, api: OperatorApi) -> None:
    newer = {**run("SUCCEEDED"), "run_id": OTHER}
    api.on("GET", f"/v1/runs/{ID}", (200, {"run": run("RUNNING")}))
    api.on("GET", f"/v1/runs/{OTHER}", (200, {"run": newer}))
    api.on("GET", "/v1/runs", (200, {"runs": [newer]}))

    answer = cli("run", "watch", ID, "--follow", "latest")

    assert answer.exit_code == 0
    assert f"run {OTHER} ✔ SUCCEEDED" in answer.stdout


def test_a_cloud_that_is_gone_ends_watch_with_3_after_a_few_attempts(cli: Cli, api: OperatorApi) -> None:
    pauses: list[float] = []
    api.on("GET", f"/v1/runs/{ID}", (503, {"message": "Service Unavailable"}))
    client = ApiClient(read_local(cli.home), pause=pauses.append)

    with pytest.raises(UserError) as caught:
        watch_to_the_end(Watch(client, 1.0), ID)

    assert caught.value.exit_code == 3
    assert len(pauses) == 3


def test_a_person_who_stops_watching_is_told_that_the_run_goes_on(
    cli: Cli, api: OperatorApi, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    api.on("GET", f"/v1/runs/{ID}", (200, {"run": run("RUNNING")}))
    watcher = Watch(ApiClient(read_local(cli.home)), 1.0, pause=interrupt)

    with pytest.raises(KeyboardInterrupt):
        watch_to_the_end(watcher, ID)

    assert f"The run goes on. Look again with `buildgate run watch {ID}`." in capsys.readouterr().err


def test_stopping_sends_the_comment(cli: Cli, api: OperatorApi) -> None:
    api.on("POST", f"/v1/runs/{ID}/stop", (200, {"result": "stopping"}))

    answer = cli("run", "stop", ID, "--comment", "wrong branch")

    assert answer.stdout == f"{ID}: stopping; its builds are being stopped\n"
    assert api.calls[0].body == {"comment": "wrong branch"}


def test_retrying_needs_a_stage_and_prints_the_new_run(cli: Cli, api: OperatorApi) -> None:
    api.on("POST", f"/v1/runs/{ID}/retry", (200, {"run": {**run(), "run_id": OTHER}}))

    assert cli("run", "retry", ID).exit_code == 2
    answer = cli("run", "retry", ID, "--from", "test")

    assert answer.stdout == f"retrying from stage test: run {OTHER}\n"
    assert api.calls[0].body == {"stage": "test"}


def test_every_command_that_prints_data_has_a_form_for_programs(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (200, {"runs": [run()]}))
    api.on("GET", f"/v1/runs/{ID}", (200, {"run": run("SUCCEEDED")}))
    for verb, path in (("stop", "stop"), ("retry", "retry")):
        api.on("POST", f"/v1/runs/{ID}/{path}", (200, {"run": run(verb)}))
    api.on("POST", "/v1/pipelines/shop/runs", (200, {"run": run()}))

    for words in (
        ["list"], ["show", ID], ["stop", ID], ["retry", ID, "--from", "test"], ["start", "shop"],
    ):  # fmt: skip
        assert json.loads(cli("run", *words, "--json").stdout)


def test_on_a_terminal_the_tree_lives_and_its_last_form_stays(cli: Cli, api: OperatorApi) -> None:
    looks = [
        run("RUNNING", stages=[stage("RUNNING", builds=[build("IN_PROGRESS")])]),
        run("SUCCEEDED", stages=[stage("SUCCEEDED", builds=[DONE])]),
    ]
    api.on("GET", f"/v1/runs/{ID}", *[(200, {"run": look}) for look in looks])

    shown, code = on_a_terminal(cli, "run", "watch", ID)

    assert code == 0
    assert "IN_PROGRESS" in shown
    assert "run ✔ SUCCEEDED in 30s, builds cost $0.0050" in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def on_a_terminal(cli: Cli, *arguments: str) -> tuple[str, int]:
    """Run a command whose output is a terminal, and return what it drew and its exit code."""
    ours, theirs = os.openpty()
    program = f"import sys; from buildgate_cli.main import main; sys.exit(main({list(arguments)!r}))"
    environment = {"BUILDGATE_HOME": str(cli.home), "TERM": "xterm", "COLUMNS": "120", "PATH": os.environ["PATH"]}
    with subprocess.Popen([sys.executable, "-c", program], stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        drawn = b""
        with contextlib.suppress(OSError):  # the other end closes with an input/output error
            while piece := os.read(ours, 65536):
                drawn += piece
        code = process.wait(timeout=30)
    os.close(ours)
    return drawn.decode(errors="replace"), code
