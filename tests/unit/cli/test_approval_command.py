import json
from typing import Any

from cli_harness import Cli, OperatorApi

RUN = "01kamr3v5c8q2w9x7y4z6t1b0n"
ID = f"{RUN}.01.1.entry"
WAITING: dict[str, Any] = {
    "id": ID,
    "pipeline": "shop",
    "stage": "release",
    "status": "WAITING",
    "approvers": ["alice@example.com"],
    "required": 1,
    "channel": "link",
    "due_at": "2099-01-01T00:00:00Z",
    "instructions": "Check the notes.",
}


def test_what_waits_is_listed(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/approvals", (200, {"approvals": [WAITING]}))

    lines = cli("approval", "list").stdout.splitlines()

    assert api.calls[0].query == {"status": "waiting"}
    assert lines[0].split() == ["APPROVAL", "PIPELINE", "STAGE", "STATUS", "WHO", "EXPIRES"]
    assert f"{ID}  shop      release  ⏸ WAITING  alice@example.com (link)" in lines[1]


def test_nothing_that_waits_is_a_remark(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/approvals", (200, {"approvals": []}))

    assert cli("approval", "list").stderr == "Nothing waits for a decision.\n"


def test_an_approval_is_shown_with_its_decisions(cli: Cli, api: OperatorApi) -> None:
    decision = {
        "decision": "approve",
        "actor": "alice",
        "identity": "iam",
        "comment": "ok",
        "at": "2026-11-22T11:00:00Z",
    }
    api.on("GET", f"/v1/approvals/{ID}", (200, {"approval": {**WAITING, "decisions": [decision]}}))

    shown = cli("approval", "show", ID).stdout

    assert "instructions  Check the notes." in shown
    assert "approved  by alice (iam)" in shown


def test_an_approval_shows_the_run_that_it_holds_up(cli: Cli, api: OperatorApi) -> None:
    gate = {"name": "quality", "status": "pass", "score": 100, "reasons": ["3 of 3 objectives hold"]}
    stages = [
        {"name": "test", "status": "SUCCEEDED", "attempt": 1, "builds": [], "gates": [gate]},
        {"name": "release", "status": "RUNNING", "attempt": 1, "builds": [], "gates": []},
    ]
    run = {"run_id": RUN, "pipeline": "shop", "status": "RUNNING", "message": "Price books", "stages": stages}
    api.on("GET", f"/v1/approvals/{ID}", (200, {"approval": {**WAITING, "run_id": RUN}}))
    api.on("GET", f"/v1/runs/{RUN}", (200, {"run": run}))

    shown = cli("approval", "show", ID).stdout

    assert "“Price books”" in shown
    assert "gate quality" in shown
    assert "stage release" in shown


def test_approving_posts_the_decision_and_says_what_it_changed(cli: Cli, api: OperatorApi) -> None:
    api.on("POST", f"/v1/approvals/{ID}/decision", (200, {"approval": WAITING, "result": "approved by alice"}))

    answer = cli("approval", "approve", ID)

    assert answer.stdout == f"approved {ID}: approved by alice\n"
    assert api.calls[0].body == {"decision": "approve", "comment": ""}


def test_an_approval_may_be_named_by_its_run(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/approvals", (200, {"approvals": [WAITING]}))
    api.on("POST", f"/v1/approvals/{ID}/decision", (200, {}))

    assert cli("approval", "approve", RUN[-4:]).exit_code == 0
    assert cli("approval", "approve", "zzzz").exit_code == 1


def test_two_approvals_of_one_run_must_be_told_apart(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/approvals", (200, {"approvals": [WAITING, {**WAITING, "id": f"{RUN}.01.1.business"}]}))

    answer = cli("approval", "approve", RUN)

    assert answer.exit_code == 2
    assert "fits 2 approvals" in answer.stderr


def test_a_rejection_needs_a_reason(cli: Cli, api: OperatorApi) -> None:
    assert cli("approval", "reject", ID).exit_code == 2
    assert cli("approval", "reject", ID, "--comment", "  ").exit_code == 2
    assert api.calls == []


def test_rejecting_sends_the_reason(cli: Cli, api: OperatorApi) -> None:
    api.on("POST", f"/v1/approvals/{ID}/decision", (200, {}))

    assert cli("approval", "reject", ID, "--comment", "not today").exit_code == 0
    assert api.calls[0].body == {"decision": "reject", "comment": "not today"}


def test_a_decision_that_came_too_late_is_refused_in_the_clouds_words(cli: Cli, api: OperatorApi) -> None:
    error = {"class": "Conflict", "message": "bob rejected this at 2026-11-22T11:00:00", "field": None, "fix": None}
    api.on("POST", f"/v1/approvals/{ID}/decision", (409, {"error": error}))

    answer = cli("approval", "approve", ID)

    assert (answer.exit_code, answer.stderr) == (1, "Error: bob rejected this at 2026-11-22T11:00:00\n")


def test_data_for_programs_is_the_answer_itself(cli: Cli, api: OperatorApi) -> None:
    api.on("GET", "/v1/approvals", (200, {"approvals": [WAITING]}))
    api.on("GET", f"/v1/approvals/{ID}", (200, {"approval": WAITING}))
    api.on("POST", f"/v1/approvals/{ID}/decision", (200, {"approval": WAITING}))

    assert json.loads(cli("approval", "list", "--json").stdout) == {"approvals": [WAITING]}
    assert json.loads(cli("approval", "show", ID, "--json").stdout) == {"approval": WAITING}
    assert json.loads(cli("approval", "approve", ID, "--json").stdout) == {"approval": WAITING}
