"""Crashes, throttles, outages and lost answers strike where a plan says."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError, ReadTimeoutError

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.faults import Crashed, Fault, at_random, nth_call
from buildgate.adapters.memory.lambdas import Function


@pytest.fixture
def aws() -> MemoryAws:
    return MemoryAws()


def deploy(aws: MemoryAws, act: Any, **more: Any) -> list[float]:
    times: list[float] = []

    def build() -> Any:
        def handle(event: Any, context: Any) -> Any:
            times.append(aws.timeline.elapsed)
            return act(event)

        return handle

    aws.lambdas.deploy(Function("f", build, **more))
    return times


def put(aws: MemoryAws) -> Any:
    client = aws.client("s3")
    return lambda _: client.put_object(Bucket="b", Key="k", Body=b"x")["ETag"]


@pytest.mark.parametrize(
    ("fault", "error", "is_done"),
    [
        (Fault.CRASH_BEFORE, "Runtime.ExitError", False),
        (Fault.CRASH_AFTER, "Runtime.ExitError", True),
        (Fault.THROTTLE, "SlowDown", False),
        (Fault.OUTAGE, "InternalServerError", False),
        (Fault.UNREACHABLE, "EndpointConnectionError", False),
        (Fault.LOST_ANSWER, "ReadTimeoutError", True),
    ],
)
def test_a_fault_strikes_before_or_after_the_call(aws, fault, error, is_done):
    aws.client("s3").create_bucket(Bucket="b")
    deploy(aws, put(aws))
    aws.faults.plan = nth_call(1, fault, service="s3")

    answer = aws.client("lambda").invoke(FunctionName="f", Payload=b"{}")

    assert json.loads(answer["Payload"].read())["errorType"] == error
    assert bool(aws.s3.buckets["b"].objects) is is_done


def test_a_crash_is_not_caught_and_the_next_invocation_starts_anew(aws):
    built: list[int] = []

    def build() -> Any:
        built.append(1)

        def handle(event: Any, context: Any) -> Any:
            try:
                aws.client("s3").create_bucket(Bucket="b")
            except Exception as error:  # noqa: BLE001 - what a careless handler would do
                return str(error)
            return "done"

        return handle

    aws.lambdas.deploy(Function("f", build))
    aws.faults.plan = nth_call(1, Fault.CRASH_BEFORE)
    assert issubclass(Crashed, BaseException)

    answers = [aws.client("lambda").invoke(FunctionName="f", Payload=b"{}") for _ in range(2)]

    assert (answers[0].get("FunctionError"), answers[1].get("FunctionError"), len(built)) == ("Unhandled", None, 2)


def test_another_function_may_run_between_two_calls_of_this_one(aws):
    order: list[str] = []
    aws.client("s3").create_bucket(Bucket="b")

    def first(event: Any, context: Any) -> None:
        order.append("first begins")
        aws.client("s3").put_object(Bucket="b", Key="k")
        order.append("first ends")

    aws.lambdas.deploy(Function("first", lambda: first))
    aws.lambdas.deploy(Function("second", lambda: lambda *_: order.append("second")))
    for name in ("first", "second"):
        aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    aws.faults.preempt = lambda _: aws.timeline.step()
    aws.timeline.settle()

    assert order == ["first begins", "second", "first ends"]


def test_faults_drawn_by_a_seed_repeat(aws):
    plans = [at_random(random.Random(7), {Fault.THROTTLE: 0.3, Fault.CRASH_AFTER: 0.2}) for _ in range(2)]

    drawn = [[plan(None) for _ in range(50)] for plan in plans]

    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {Fault.NONE, Fault.THROTTLE, Fault.CRASH_AFTER}


def test_parameters_are_checked_as_botocore_checks_them(aws):
    with pytest.raises(ParamValidationError):
        aws.client("codebuild").start_build(project="unit")
    with pytest.raises(AttributeError, match="no operation"):
        aws.client("codebuild").settle(build_id="x")
    assert issubclass(ReadTimeoutError, Exception)
