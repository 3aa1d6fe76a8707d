"""Whatever a service raises becomes one of four kinds of failure, by what the caller can do about it."""

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from buildgate.adapters.aws_errors import calling
from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.errors import AwsError
from buildgate.adapters.sns import SnsTopics
from buildgate.adapters.stepfunctions import StepFunctionsExecutions
from buildgate.adapters.table.conditions import Is, Missing
from buildgate.adapters.table.table import Change, Put, Table
from buildgate.domain.errors import BuildgateError, Conflict, Corrupt, NotFound, Rejected, Unavailable
from buildgate.domain.notices import Notice, NoticeRef, Topic
from core_world import CoreWorld
from run_records import run


def refusal(code, status=400):
    response = {"Error": {"Code": code, "Message": "so it is"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "Operation")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("ConditionalCheckFailedException"), Conflict),
        (refusal("ResourceNotFoundException"), NotFound),
        (refusal("NoSuchKey", 404), NotFound),
        (refusal("BranchDoesNotExistException"), NotFound),
        (refusal("InvalidInputException"), Rejected),
        (refusal("InvalidCommitIdException"), Rejected),
        (refusal("ThrottlingException"), Unavailable),
        (refusal("Throttled"), Unavailable),
        (refusal("ProvisionedThroughputExceededException"), Unavailable),
        (refusal("TransactionConflictException"), Unavailable),
        (refusal("SlowDown", 503), Unavailable),
        (refusal("SomethingNew", 500), Unavailable),
        (EndpointConnectionError(endpoint_url="https://x"), Unavailable),
        (ReadTimeoutError(endpoint_url="https://x"), Unavailable),
        (refusal("AccessDeniedException"), Corrupt),
        (refusal("ValidationException"), Corrupt),
    ],
)
def test_failures_are_told_apart_by_what_can_be_done(error, kind):
    with pytest.raises(BuildgateError) as caught, calling("Service Operation"):
        raise error

    assert type(caught.value) is kind
    assert caught.value.reason.startswith("Service Operation")
    assert caught.value.__cause__ is error


def test_our_own_mistakes_are_not_taken_for_a_services():
    with pytest.raises(KeyError), calling("Service Operation"):
        raise KeyError("x")


# ---------------------------------------------------------------------------------------------------- the table


class Refusing:
    """A client whose transactions are cancelled for a reason, a number of times."""

    def __init__(self, reason, times):
        self.reason, self.times, self.calls = reason, times, 0

    def transact_write_items(self, **_):
        self.calls += 1
        if self.calls <= self.times:
            response = {
                "Error": {"Code": "TransactionCanceledException", "Message": "cancelled"},
                "CancellationReasons": [{"Code": "None"}, {"Code": self.reason}],
                "ResponseMetadata": {"HTTPStatusCode": 400},
            }
            raise ClientError(response, "TransactWriteItems")
        return {}


WRITES = [Put({"pk": "a", "sk": "b"}, only_if=Missing("pk")), Change("a", "c", adds={"n": 1}, only_if=Is("x", 1))]


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_in_the_way_is_waited_for(reason):
    pauses = []
    client = Refusing(reason, 3)

    Table(client, "t", pause=pauses.append).transact(WRITES)

    assert (client.calls, len(pauses)) == (4, 3)


def test_writers_that_stay_in_the_way_are_unavailable():
    with pytest.raises(Unavailable, match="in the way"):
        Table(Refusing("TransactionConflict", 99), "t", pause=lambda _: None).transact(WRITES)


def test_a_condition_that_fails_is_a_conflict_and_not_tried_again():
    client = Refusing("ConditionalCheckFailed", 99)

    with pytest.raises(Conflict):
        Table(client, "t", pause=lambda _: None).transact(WRITES)
    assert client.calls == 1


def test_a_transaction_that_is_wrong_is_corrupt():
    with pytest.raises(Corrupt):
        Table(Refusing("ValidationError", 99), "t", pause=lambda _: None).transact(WRITES)


# ---------------------------------------------------------------------------------------------------- machines


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_task_that_waits_no_more_is_one_answer(code):
    world = CoreWorld()
    world.trouble("stepfunctions", "send_task_success", lambda: AwsError(code, "closed"))
    world.trouble("stepfunctions", "send_task_failure", lambda: AwsError(code, "closed"), times=2)

    assert world.w.executions.fail("token", error="Stopped", cause="x" * 50_000) is False


def test_an_execution_is_started_once_and_known_to_be_alive_or_not():
    world = CoreWorld()
    executions = StepFunctionsExecutions(world.aws.client("stepfunctions"), world.machine)
    assert executions.is_alive(run()) is False

    for _ in range(2):
        executions.start(run())
    assert executions.is_alive(run()) is True
    world.kill(run().execution_name)

    executions.start(run())
    assert executions.is_alive(run()) is False
    assert len(world.executions()) == 1


def test_an_execution_that_a_restart_ended_was_interrupted():
    ended = {"status": "FAILED", "error": "States.ServiceRestart"}
    executions = StepFunctionsExecutions(
        SimpleNamespace(describe_execution=lambda **_: ended), "arn:aws:states:::stateMachine:run"
    )

    assert executions.was_interrupted(run())
    assert not executions.is_alive(run())


# ---------------------------------------------------------------------------------------------------- topics


def test_a_notice_is_a_card_for_programs_and_a_text_for_mailboxes():
    aws = MemoryAws()
    arn = aws.client("sns").create_topic(Name="failure")["TopicArn"]
    title = f"❌ shop: FAILED\n{'x' * 200}"
    notice = Notice(
        NoticeRef("r1", "run-FAILED"), Topic.FAILURE, title, "unit failed", "r1", approver="bob@example.com"
    )

    SnsTopics(aws.client("sns"), {Topic.FAILURE: arn}).publish(notice)

    (sent,) = aws.sns.published
    card = json.loads(sent.text_for("https"))
    assert (card["id"], card["content"]["description"]) == ("r1/run-FAILED", "unit failed")
    assert sent.text_for("email") == "unit failed\n"
    assert sent.subject.isascii()
    assert len(sent.subject) <= 100
    assert sent.attributes == {"key": "r1/run-FAILED", "topic": "failure", "fmt": "1", "approver": "bob@example.com"}


def test_a_topic_that_is_gone_is_named():
    notice = Notice(NoticeRef("r1", "x"), Topic.SUCCESS, "t", "d", "r1")
    topics = SnsTopics(MemoryAws().client("sns"), {Topic.SUCCESS: "arn:aws:sns:us-east-1:000000000000:gone"})

    with pytest.raises(BuildgateError, match="SNS Publish"):
        topics.publish(notice)
