"""The main job and its failure paths, end to end: a real push, real builds, real reports, events in between."""

import json
import re
import threading
import time

import pytest

from buildgate_cli.demo import Demo, decide_by_page
from buildgate_cli.errors import UserError
from buildgate_cli.local.cloud import CHECKOUT, Cloud, Settings
from buildgate_cli.local.issuer import LocalIssuer
from buildgate_cli.local.state import Home
from e2e.shop import Shop
from local_cloud_asking import until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("main job"), pytest.mark.timeout(300)]
README = CHECKOUT / "README.md"
ON_THE_WAY = {"StartRun", "NextStep", "StartBuild", "RecordBuild", "EvaluateGate", "RequestApproval"} | {
    "ReviewApproval",
    "CloseRun",
}
"""The functions that a run passes from its push to its notice."""


@pytest.fixture
def shop(cloud, tmp_path, request):
    def make(**changes):
        name = "shop-" + request.node.name.removeprefix("test_")[:24].strip("_").replace("_", "-")
        return Shop.make(cloud, name, tmp_path, **changes)

    return make


def stage_of(run, name):
    return next(stage for stage in run["stages"] if stage["name"] == name)


def count_of(cloud, project):
    return cloud.api.get("metrics", "projects", project, days=1)["summary"]["builds"]


def shown(lines):
    """Return lines of the demo without what differs each time: how long things took, and what runs and commits are called."""
    plain = [re.sub(r"^ *[\d.]+ s  ", "", line) for line in lines]
    return [re.sub(r"\b[\d.]+m?s\b|\b[0-9a-z]{26}\b|\b[0-9a-f]{10}\b", "*", " ".join(line.split())) for line in plain]


def test_the_demos_push_becomes_an_approved_and_measured_release_as_the_readme_shows(cloud, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "of-a-hook"))
    said = []
    demo = Demo(Cloud(Settings(home=cloud.home.path)), said.append, approves=True, stop=threading.Event())

    run = demo.play()

    promised = README.read_text().split("$ make demo\n")[1].split("```")[0].split("   ...\n")[1].splitlines()
    assert [line for line in shown(promised) if line not in shown(said)] == []
    assert run["status"] == "SUCCEEDED"
    assert {build["status"] for stage in run["stages"] for build in stage["builds"]} == {"SUCCEEDED"}
    [gate] = stage_of(run, "test")["gates"]
    assert gate["status"] == "pass"
    assert "tests.total is 11, meets >= 5 (junit.xml)" in [objective["reason"] for objective in gate["objectives"]]
    approval = stage_of(run, "release")["approval"]
    assert (approval["decided_by"], approval["identity"]) == ("Alice", "link")
    assert approval["comment"] == "The reports look good."
    assert cloud.notice(containing="shop: SUCCEEDED").topic.split(":")[-1].startswith("buildgate-local-Success")
    for part in ("unit", "lint", "release"):
        assert count_of(cloud, f"shop-{part}") == 1
    assert until(lambda: functions_that_logged(cloud, run["correlation_id"]) >= ON_THE_WAY or None)


def functions_that_logged(cloud, correlation_id):
    """Return the functions whose lines carry an id."""
    group = cloud.description["outputs"]["FunctionLogGroupName"]
    pages = cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    found = [event["message"] for page in pages for event in page["events"] if correlation_id in event["message"]]
    return {json.loads(line)["function"].split("-")[2].removesuffix("Function") for line in found if line[0] == "{"}


def test_looking_at_a_link_decides_nothing_and_a_blind_post_neither(cloud, shop):
    one = shop(stages=["release"])
    run_id = one.run_of(one.push())
    approval_id = one.waiting_approval(run_id)
    link = one.link(approval_id)

    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"):
        for _ in range(3):
            cloud.ask(method, link)
    blind = cloud.ask("POST", link, fields={"decision": "approve", "name": "Scanner"})
    wrong = cloud.ask("GET", link[:-4] + "aaaa")
    unknown = cloud.ask("GET", f"/approvals/{run_id}.09.1.entry?k=x")

    assert blind.status == 403
    assert (wrong.status, unknown.status, wrong.data == unknown.data) == (403, 403, True)
    assert cloud.api.get("approvals", approval_id)["approval"]["status"] == "WAITING"
    one.buildgate("approval", "reject", approval_id, "--comment", "Only looking")
    assert cloud.run(run_id)["status"] == "REJECTED"


def test_a_failing_unit_test_is_stopped_by_the_gate_with_its_reason(cloud, shop):
    one = shop()
    one.break_a_test()
    run_id = one.run_of(one.push())

    watched = one.buildgate("run", "watch", run_id, code=1)

    run = cloud.run(run_id)
    assert run["status"] == "FAILED"
    assert "tests.failed is 1, must be <= 0 (junit.xml)" in run["reason"]
    assert "tests.failed is 1, must be <= 0 (junit.xml)" in watched.stdout
    assert stage_of(run, "release")["status"] == "PENDING"
    notice = cloud.notice(containing=f"{one.name}: FAILED")
    assert "tests.failed is 1" in notice.message


def test_a_rejection_ends_the_run_and_a_second_opinion_is_told_who_was_first(cloud, shop):
    tags = [{"Key": "buildgate", "Value": "managed"}]
    own_topic = cloud.topic("shops-own", Tags=tags)
    one = shop(stages=["release"], topics={"approval": own_topic, "failure": own_topic})
    run_id = one.run_of(one.push())
    approval_id = one.waiting_approval(run_id)
    link = one.link(approval_id)

    one.buildgate("approval", "reject", approval_id, "--comment", "Not on a Friday")

    run = cloud.run(run_id)
    assert (run["status"], "Not on a Friday" in run["reason"]) == ("REJECTED", True)
    with pytest.raises(UserError):
        decide_by_page(link, name="Bob", comment="", say=lambda _: None)
    assert cloud.notice(containing=f"{one.name}: REJECTED").topic == own_topic


def test_an_oidc_approval_takes_a_token_of_a_listed_person_and_no_other(cloud, shop, tmp_path):
    one = shop(stages=["release"], approval={"channel": "oidc", "approvers": ["alice@example.com"]})
    run_id = one.run_of(one.push())
    approval_id = one.waiting_approval(run_id)
    issuer, now = LocalIssuer(cloud.home, cloud.description["oidc_issuer"]), int(time.time())
    stranger = LocalIssuer(Home(tmp_path), issuer.url)
    alice = {"email": "alice@example.com", "now": now, "seconds": 600}
    genuine = issuer.token(**alice)
    tokens = {
        "none": "",
        "of another key": stranger.token(**alice),
        "of another issuer": issuer.token(**alice, iss="https://login.example.com"),
        "for another audience": issuer.token(**alice, audience="another"),
        "expired": issuer.token(**alice | {"seconds": -1}),
        "not yet good": issuer.token(**alice, nbf=now + 600),
        "without an end": issuer.token(**alice, exp=None),
        "altered": genuine[:-8] + genuine[-8:].swapcase(),
    }

    def decide(token):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body = json.dumps({"decision": "approve"})
        return cloud.ask("POST", f"/oidc/v1/approvals/{approval_id}/decision", headers=headers, body=body)

    assert {name: decide(token).status for name, token in tokens.items()} == dict.fromkeys(tokens, 401)
    bob = decide(issuer.token("bob@example.com", now=now, seconds=600))
    unproved = decide(issuer.token(**alice, email_verified=False, sub="mallory"))
    assert (bob.status, "bob@example.com is not among the approvers" in bob.data.decode()) == (403, True)
    assert (unproved.status, "mallory is not among the approvers" in unproved.data.decode()) == (403, True)
    assert "not among the approvers" in one.buildgate("approval", "approve", approval_id, code=1).stderr

    one.buildgate("approval", "reject", approval_id, "--comment", "Not yet", "--token", genuine)
    decided = stage_of(cloud.run(run_id), "release")["approval"]
    assert (decided["status"], decided["decided_by"], decided["identity"]) == ("REJECTED", "alice@example.com", "oidc")


def test_an_iam_approval_is_decided_by_the_listed_user_alone(cloud, shop, monkeypatch):
    one = shop(stages=["release"], approval={"channel": "iam", "approvers": ["alice@example.com"]})
    run_id = one.run_of(one.push())
    approval_id = one.waiting_approval(run_id)
    for name in ("alice@example.com", "bob@example.com", "carol@example.com"):
        one.buildgate("local", "user", name)
    cloud.client("iam").delete_user_policy(UserName="carol@example.com", PolicyName="operators-api")

    def decide(name, code):
        monkeypatch.setenv("BUILDGATE_LOCAL_USER", name)
        return one.buildgate("approval", "reject", approval_id, "--comment", "Not yet", code=code).stderr

    assert "user/bob@example.com is not among the approvers: alice@example.com" in decide("bob@example.com", 1)
    assert "does not let these credentials in (HTTP 403)" in decide("carol@example.com", 1)
    assert "not among the approvers" in decide("", 1)
    decide("alice@example.com", 0)

    monkeypatch.delenv("BUILDGATE_LOCAL_USER")
    decided = stage_of(cloud.run(run_id), "release")["approval"]
    assert (decided["decided_by"], decided["identity"]) == (
        "arn:aws:iam::000000000000:user/alice@example.com",
        "iam",
    )


def test_an_approval_nobody_gives_expires_the_run(cloud, shop):
    one = shop(stages=["release"], approval={"timeout": "3m"})
    run_id = one.run_of(one.push())
    link = one.link(one.waiting_approval(run_id))

    run = cloud.run(run_id)

    assert run["status"] == "EXPIRED"
    assert cloud.ask("GET", link).status == 410


def test_stopping_a_run_stops_its_builds(cloud, shop):
    one = shop(stages=["release"], approval={})
    one.write("buildspec-release.yml", "version: 0.2\nphases:\n  build:\n    commands:\n      - sleep 120\n")
    run_id = one.run_of(one.push())
    build_id = cloud.building(run_id)

    one.buildgate("run", "stop", run_id)

    run = cloud.run(run_id)
    assert run["status"] == "STOPPED"
    [build] = until(
        lambda: (
            [b for b in cloud.client("codebuild").batch_get_builds(ids=[build_id])["builds"] if b["buildComplete"]]
            or None
        )
    )
    assert build["buildStatus"] == "STOPPED"


def test_a_push_whose_event_was_lost_opens_its_run_all_the_same(cloud, shop):
    one = shop(stages=["release"], approval={})
    cloud.lose_events("aws.codecommit", times=1)

    commit = one.push()

    run = cloud.run(one.run_of(commit, within=60))
    assert (run["status"], run["trigger"]) == ("SUCCEEDED", "reconcile")
    assert len(one.runs()) == 1


def test_a_build_whose_events_were_lost_is_counted_once_and_its_run_goes_on(cloud, shop):
    one = shop(stages=["release"], approval={})
    cloud.lose_events("aws.codebuild", times=50)
    try:
        run = cloud.run(one.run_of(one.push()), within=120)
    finally:
        (cloud.home.path / "event-faults.json").unlink(missing_ok=True)

    assert run["status"] == "SUCCEEDED"
    assert count_of(cloud, f"{one.name}-release") == 1


def test_events_delivered_twice_open_one_run_and_count_one_build(cloud, shop):
    one = shop(stages=["release"], approval={})
    faults = [{"source": source, "action": "duplicate", "times": 20} for source in ("aws.codecommit", "aws.codebuild")]
    (cloud.home.path / "event-faults.json").write_text(json.dumps(faults))
    try:
        run = cloud.run(one.run_of(one.push()))
    finally:
        (cloud.home.path / "event-faults.json").unlink(missing_ok=True)
    time.sleep(2)

    assert run["status"] == "SUCCEEDED"
    assert len(one.runs()) == 1
    assert count_of(cloud, f"{one.name}-release") == 1


def test_a_retry_goes_on_from_a_stage_with_the_same_commit(cloud, shop):
    one = shop()
    run_id = one.run_of(one.push())
    one.buildgate("approval", "reject", one.waiting_approval(run_id), "--comment", "Wait for marketing")
    first = cloud.run(run_id)

    one.buildgate("run", "retry", run_id, "--from", "release")

    again = until(lambda: next((r for r in one.runs() if r["run_id"] != run_id), None))
    one.buildgate("approval", "approve", one.waiting_approval(again["run_id"]))
    second = cloud.run(again["run_id"])
    assert (second["status"], second["commit"], second["retry_of"]) == ("SUCCEEDED", first["commit"], run_id)
    assert stage_of(second, "test")["status"] == "CARRIED"


def test_a_project_that_is_not_tagged_as_managed_cannot_be_started(cloud, shop):
    one = shop(stages=["release"], approval={})
    codebuild = cloud.client("codebuild")
    [project] = codebuild.batch_get_projects(names=[f"{one.name}-release"])["projects"]
    codebuild.update_project(name=project["name"], tags=[{"key": "team", "value": "shop"}])

    run = cloud.run(one.run_of(one.push()))

    assert run["status"] == "FAILED"
    assert "not authorized to perform: codebuild:StartBuild" in run["reason"]


def test_a_broken_buildspec_fails_the_build_with_its_line(cloud, shop):
    one = shop(stages=["release"], approval={})
    one.write("buildspec-release.yml", "version: 0.2\nphases:\n\tbuild:\n")

    run = cloud.run(one.run_of(one.push()))

    assert run["status"] == "FAILED"
    assert "YAML_FILE_ERROR" in run["reason"]
    assert "line 3" in run["reason"]


def test_a_push_that_fits_no_trigger_leaves_its_reason(cloud, shop):
    one = shop(stages=["release"], approval={})
    one.run_of(one.push())
    one.write("notes.md", "Only words.")
    one.push("Words")

    one.push("On another branch", ref="feature/x")
    one.write("shop/__init__.py", "")
    one.push("Quick fix [skip ci]")

    def rows():
        found = cloud.api.get("pushes", one.name)["ignored"]
        return found if len(found) >= 3 else None

    ignored = until(rows)
    assert {row["ref"] for row in ignored} == {"feature/x", "main"}
    assert any("fits none of main" in row["reason"] for row in ignored)
    assert any("asks to skip" in row["reason"] for row in ignored)
    assert any("the one changed path is not included" in row["reason"] for row in ignored)


def test_an_event_that_makes_no_sense_is_set_aside_with_its_reason_and_hinders_nobody(cloud, shop):
    one = shop(stages=["release"], approval={})
    detail = {"event": "referenceUpdated", "referenceType": "branch", "referenceName": "main", "commitId": "c0ffee"}
    entry = {
        "Source": "aws.codecommit",
        "DetailType": "CodeCommit Repository State Change",
        "Detail": json.dumps(detail),
    }

    cloud.client("events").put_events(Entries=[entry])
    run = cloud.run(one.run_of(one.push()))

    queue = cloud.description["outputs"]["ExecutionFailureQueueUrl"]
    [message] = until(
        lambda: cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages"), within=30
    )
    assert "KeyError: 'repositoryName'" in message["Body"]
    assert "Corrupt" in message["Body"]
    assert run["status"] == "SUCCEEDED"
