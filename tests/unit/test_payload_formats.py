"""What outlives a process outside the table names its format; a newer one is refused with its reason, and kept."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from buildgate.adapters.codebuild_reports import S3TestCases
from buildgate.adapters.memory import MemoryAws
from buildgate.domain import payloads
from buildgate.domain.errors import Unavailable
from buildgate.runtime.entrypoint import entrypoint
from fault_world import PIPELINE, push
from simulated_cloud import SimulatedCloud

NEWER = payloads.FORMAT + 1


@pytest.mark.parametrize("kept", [{}, {"fmt": payloads.FORMAT}, {"fmt": str(payloads.FORMAT)}, {"other": 9}])
def test_a_payload_of_a_known_format_or_of_none_is_read(kept):
    payloads.refuse_newer(kept, "the event")


@pytest.mark.parametrize("written", [NEWER, str(NEWER), "soon", None, {}])
def test_a_payload_of_a_format_yet_unknown_is_refused_with_its_reason(written):
    with pytest.raises(Unavailable, match="has format") as refused:
        payloads.refuse_newer({"fmt": written}, "the event")

    assert refused.value.fix == "deploy the newer release again"


class NoSettings(NamedTuple):
    """A function that needs none."""


def handled(event):
    handler = entrypoint(lambda _settings, _aws: lambda given, _line: given, NoSettings, warm=())
    return handler(event, None)


@pytest.mark.parametrize("event", [{"fmt": NEWER}, {"run_id": "r", "input": {"fmt": NEWER}}])
def test_no_function_works_on_what_a_newer_release_sent_or_began(event):
    with pytest.raises(Unavailable, match="has format 2"):
        handled(event)
    assert handled({"run_id": "r", "input": {"correlation_id": "c"}})["run_id"] == "r"


def test_what_leaves_for_good_names_its_format():
    cloud = SimulatedCloud()
    cloud.apply(PIPELINE)
    cloud.aws.timeline.advance(60)
    push(cloud)
    cloud.aws.timeline.advance(minutes=20)

    inputs = [one.input for one in cloud.aws.stepfunctions.executions.values()]
    notices = [one.attributes for one in cloud.aws.sns.published]

    assert [one["fmt"] for one in inputs] == [1]
    assert {one["fmt"] for one in notices} == {"1"}


def test_stored_cases_of_a_newer_release_are_not_guessed_at():
    s3 = MemoryAws().client("s3")
    s3.create_bucket(Bucket="reports")
    cases = S3TestCases(s3, "reports")
    cases.store("shop:1", [])
    kept = s3.head_object(Bucket="reports", Key="tests/shop/1.ndjson")["Metadata"]
    s3.put_object(Bucket="reports", Key="tests/shop/2.ndjson", Body=b"{}\n", Metadata={"fmt": str(NEWER)})

    assert (kept, cases.load("shop:1")) == ({"fmt": "1"}, [])
    with pytest.raises(Unavailable, match=r"tests/shop/2\.ndjson has format 2"):
        cases.load("shop:2")


def test_an_event_of_a_newer_release_lies_in_the_failure_queue_with_its_reason():
    cloud = SimulatedCloud()
    name = cloud.deployment.names["RecordBuildFunction"]
    payload = json.dumps({"id": "e1", "build": "shop:1", "fmt": NEWER}).encode()

    cloud.aws.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=payload)
    cloud.aws.timeline.advance(hours=1)

    (kept,) = cloud.failures()
    assert "has format 2" in json.dumps(kept, default=str)
