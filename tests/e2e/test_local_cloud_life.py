"""The local cloud as a process: what it keeps, what it leaves behind, and how it says no."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from buildgate_cli.cloud_context import Credentials
from buildgate_cli.errors import UserError
from buildgate_cli.local.state import Home
from e2e.harness import RunningCloud, running_cloud
from local_cloud_asking import until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("life")]
SMALL = Path(__file__).parents[1] / "integration" / "conformance" / "cloud" / "template.yaml"


def processes_of(home):
    """Return the ids of living processes that have the home in their command line or environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid():
            try:
                told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                is_alive = (folder / "stat").read_text().rsplit(") ", 1)[1][0] != "Z"
            except OSError:
                continue
            if is_alive and os.fsencode(home) in told:
                found.append(int(folder.name))
    return found


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with running_cloud(tmp_path_factory.mktemp("life"), template=SMALL) as running:
        yield running


def put(cloud, pk):
    item = {"pk": {"S": pk}, "sk": {"S": "1"}}
    cloud.client("dynamodb").put_item(TableName=cloud.description["outputs"]["Table"], Item=item)


def is_kept(cloud, pk):
    key = {"pk": {"S": pk}, "sk": {"S": "1"}}
    return "Item" in cloud.client("dynamodb").get_item(TableName=cloud.description["outputs"]["Table"], Key=key)


def publish(cloud, subject, text, **attributes):
    values = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    topic = cloud.description["outputs"]["Notices"]
    cloud.client("sns").publish(TopicArn=topic, Subject=subject, Message=text, MessageAttributes=values)


def test_the_front_answers_public_pages_and_refuses_foreign_hosts(cloud):
    page = cloud.ask("GET", "/approvals/r.1.release?k=capability")
    foreign = cloud.ask("GET", "/approvals/r.1.release", headers={"Host": "evil.example.com"})

    assert page.status == 200
    assert page.json()["path"] == "/approvals/r.1.release"
    assert foreign.status == 403


def test_the_front_passes_signed_requests_of_the_command_line(cloud):
    answer = cloud.api.put("pipelines", "shop", body={"pipeline": {"name": "shop"}})

    assert json.loads(answer["body"]) == {"pipeline": {"name": "shop"}}
    assert answer["authorizer"]["iam"]["userArn"].endswith(":root")


def test_the_front_refuses_a_body_that_no_function_could_take(cloud):
    answer = cloud.ask("POST", "/approvals/x", body=b"a" * (6 * 1024 * 1024 + 1))

    assert answer.status == 413


def test_our_own_services_take_only_what_their_caller_signed(cloud):
    genuine = cloud.client("codebuild").list_projects()
    forged = replace(cloud.context, credentials=Credentials(cloud.description["access_key_id"], "wrong"))
    unknown = replace(cloud.context, credentials=Credentials("AKIAUNKNOWNUNKNOWN12", "x"))

    assert genuine["ResponseMetadata"]["HTTPStatusCode"] == 200
    for context, code in ((forged, "InvalidSignatureException"), (unknown, "UnrecognizedClientException")):
        with pytest.raises(ClientError) as refused:
            context.client("codebuild").list_projects()
        assert refused.value.response["Error"]["Code"] == code


def test_our_own_services_ask_iam_what_a_user_may_do(cloud):
    iam = cloud.client("iam")
    iam.create_user(UserName="bob")
    made = iam.create_access_key(UserName="bob")["AccessKey"]
    bob = replace(cloud.context, credentials=Credentials(made["AccessKeyId"], made["SecretAccessKey"]))
    statement = {"Effect": "Allow", "Action": "codecommit:ListRepositories", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="bob", PolicyName="look", PolicyDocument=policy)

    bob.client("codecommit").list_repositories()
    with pytest.raises(ClientError, match="not authorized to perform: codecommit:CreateRepository"):
        bob.client("codecommit").create_repository(repositoryName="mine")


def test_notices_land_in_the_inbox_with_their_links_and_addressee(cloud):
    publish(cloud, "Release asks", "Open http://127.0.0.1:1/approvals/x?k=y.", approver="alice@example.com")

    notice = cloud.notice(containing="Release asks")

    assert notice.links == ("http://127.0.0.1:1/approvals/x?k=y",)
    assert notice.approver == "alice@example.com"


def noted(cloud, key):
    """Return what the worker noted under a key."""
    found = cloud.client("dynamodb").query(
        TableName=cloud.description["outputs"]["Table"],
        KeyConditionExpression="pk = :key",
        ExpressionAttributeValues={":key": {"S": key}},
    )
    return [json.loads(item["data"]["S"]) for item in found["Items"]]


def test_what_was_kept_and_the_links_survive_a_stop_and_a_start_and_schedules_fire_soon(cloud):
    put(cloud, "KEPT")
    before, ticks = cloud.description, len(noted(cloud, "TICK"))

    cloud.restart()

    assert is_kept(cloud, "KEPT")
    for same in ("front_url", "endpoint", "access_key_id", "outputs"):
        assert cloud.description[same] == before[same]
    until(lambda: len(noted(cloud, "TICK")) > ticks or None, within=15)


def test_a_killed_supervisor_leaves_no_process_and_loses_nothing_older_than_moments(cloud):
    put(cloud, "BEFORE THE CRASH")
    time.sleep(2.5)

    cloud.kill()

    until(lambda: True if processes_of(cloud.home.path) == [] else None, within=15)
    cloud.start()
    assert is_kept(cloud, "BEFORE THE CRASH")


def test_an_execution_that_ran_when_the_cloud_stopped_is_failed_and_its_token_closed(cloud):
    definition = {
        "StartAt": "Park",
        "States": {
            "Park": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Parameters": {
                    "FunctionName": cloud.description["outputs"]["Worker"],
                    "Payload": {"do": "park", "key": "RESTART", "token.$": "$$.Task.Token"},
                },
                "End": True,
            }
        },
    }
    states = cloud.client("stepfunctions")
    role = cloud.description["outputs"]["MachineRole"]
    machine = states.create_state_machine(name="waits", definition=json.dumps(definition), roleArn=role)
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    [note] = until(lambda: noted(cloud, "RESTART") or None)

    cloud.restart()

    states = cloud.client("stepfunctions")
    assert states.describe_execution(executionArn=execution)["status"] == "FAILED"
    with pytest.raises(states.exceptions.TaskTimedOut):
        states.send_task_success(taskToken=note["token"], output="{}")


def test_a_second_cloud_in_the_same_home_is_refused_in_one_sentence(cloud):
    refused = run(buildgate("local", "up", "--detach"), cloud.home.path)

    assert refused.returncode == 1
    assert "already runs" in refused.stderr
    assert "Traceback" not in refused.stderr


def buildgate(*arguments):
    code = "import sys; from buildgate_cli.main import main; sys.exit(main(sys.argv[1:]))"
    return [sys.executable, "-c", code, *arguments]


def run(command, home, **environment):
    return subprocess.run(
        command,
        env={**os.environ, "BUILDGATE_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_status_tells_where_the_parts_answer_and_keeps_the_secret(cloud):
    shown = run(buildgate("local", "status", "--json"), cloud.home.path)

    status = json.loads(shown.stdout)
    assert status["running"] is True
    assert status["front_url"] == cloud.description["front_url"]
    assert cloud.description["secret_access_key"] not in shown.stdout


def test_the_consoles_link_works_at_once_stays_the_same_and_lets_in_nobody_else(cloud):
    link = cloud.description["console_url"]
    place = link.partition("?")[0]

    entered = cloud.ask("GET", link)
    cookie = entered.headers["set-cookie"].partition(";")[0]

    assert entered.status == 303
    assert cloud.ask("GET", f"{place}style.css", headers={"Cookie": cookie}).status == 200
    assert cloud.ask("GET", place).status == 403
    assert link.endswith(cloud.home.console_key())
    assert link in run(buildgate("local", "status"), cloud.home.path).stdout


def test_the_inbox_command_prints_links_whole(cloud):
    publish(cloud, "A long link", "http://127.0.0.1:1/approvals/" + "x" * 200)
    cloud.notice(containing="A long link")

    shown = run(buildgate("local", "inbox"), cloud.home.path)

    assert "http://127.0.0.1:1/approvals/" + "x" * 200 in shown.stdout


def test_down_ends_everything_and_a_second_down_says_that_nothing_runs(tmp_path):
    cloud = RunningCloud(Home(tmp_path / "home"), template=SMALL)
    cloud.start()
    try:
        first = run(buildgate("local", "down"), cloud.home.path)
        second = run(buildgate("local", "down"), cloud.home.path)
    finally:
        cloud.stop()

    assert first.returncode == second.returncode == 0
    assert "No local cloud runs" in second.stdout
    assert until(lambda: True if processes_of(cloud.home.path) == [] else None, within=10)


def test_ctrl_c_ends_everything_that_was_started(tmp_path):
    cloud = RunningCloud(Home(tmp_path / "home"), template=SMALL)
    cloud.start()

    cloud._end(signal.SIGINT)

    until(lambda: True if processes_of(cloud.home.path) == [] else None, within=10)
    assert not cloud.home.cloud_file.exists()
    assert list((cloud.home.path / "tmp").iterdir()) == []


def test_a_template_that_cannot_be_deployed_is_refused_and_leaves_nothing_running(tmp_path):
    template = tmp_path / "template.yaml"
    template.write_text("Resources:\n  Bad: {Type: AWS::Nothing::Known}\n")
    cloud = RunningCloud(Home(tmp_path / "home"), template=template)

    with pytest.raises(UserError, match="AWS::Nothing::Known"):
        cloud.start()

    assert until(lambda: True if processes_of(cloud.home.path) == [] else None, within=10)
