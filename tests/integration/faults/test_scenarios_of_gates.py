"""Fault scenarios 21 to 24: gates whose reports are absent, hostile, late, or judged twice."""

from __future__ import annotations

import gzip
import json

import pytest

from buildgate.adapters.memory.errors import AwsError
from fault_world import change_answers, items
from gated_world import GOOD, ended, gated, put
from simulated_cloud import SimulatedCloud

COBERTURA = """<coverage line-rate="{rate}" branch-rate="0" version="1" timestamp="1"><packages><package name="p"><classes>
<class name="c" filename="c.py"><lines>{lines}</lines></class></classes></package></packages></coverage>"""
HOSTILE = {
    "cut off": ("metrics.json", GOOD[:-9]),
    "truncated XML": ("coverage.xml", b"<coverage line-rate='1'><packages>"),
    "billion laughs": (
        "coverage.xml",
        b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><coverage>&b;</coverage>',
    ),
    "too deep": ("coverage.xml", b"<a>" * 500_000),
    "zip bomb": ("coverage.xml.gz", gzip.compress(b"<coverage line-rate='1'>" + b" " * 60_000_000, 1, mtime=0)),
    "NUL": ("coverage.xml", b"<coverage line-rate='1'>\x00</coverage>"),
    "wrong encoding": ("metrics.json", b"\xff\xfe\xfa\xfb" * 20),
    "deep JSON": ("metrics.json", b"[" * 200_000),
    "empty": ("metrics.json", b""),
}


def test_21_a_good_report_passes():
    assert ended(gated("metrics.json", GOOD))[0] == "SUCCEEDED"


def test_21_a_missing_report_fails_closed():
    status, gate = ended(gated("", None))

    assert status == "FAILED"
    assert gate["reasons"]


def test_21_a_report_that_may_not_be_read_fails_closed():
    cloud = gated("metrics.json", GOOD)
    boundary = cloud.aws.boundary

    def forbidden(call, proceed):
        if call.operation == "get_object":
            raise AwsError("AccessDenied", "Access Denied", status=403)
        return boundary(call, proceed)

    cloud.aws.boundary = forbidden
    cloud.aws.timeline.advance(hours=2)

    assert cloud.runs()[0]["status"] == "FAILED"


def test_21_a_report_that_is_overwritten_later_changes_no_verdict():
    cloud = gated("metrics.json", GOOD)
    status, gate = ended(cloud)

    put(cloud, "metrics.json", b'{"measurements": {"coverage.line_percent": 1}}')
    again = invoke_gate(cloud)

    assert status == "SUCCEEDED"
    assert cloud.runs()[0]["stages"][0]["gates"] == [gate]
    assert again.error == ""


@pytest.mark.parametrize(("name", "body"), HOSTILE.values(), ids=HOSTILE)
def test_22_a_hostile_report_fails_its_gate_with_a_reason(name, body):
    status, gate = ended(gated(name, body))

    assert status == "FAILED"
    assert gate["status"] in {"error", "fail"}
    assert gate["reasons"][0]


def test_22_a_report_of_a_gigabyte_is_refused_in_pieces_that_fit_into_any_memory():
    cloud = gated("coverage.xml", b"not what is read")
    stream = Gigabyte()
    change_answers(cloud, "get_object", lambda answer: answer.update(Body=stream))

    status, gate = ended(cloud)

    assert (status, bool(gate["reasons"])) == ("FAILED", True)
    assert (stream.served, stream.largest) == (1 << 30, 1 << 20)


class Gigabyte:
    """The body of a gigabyte of one attribute, made as it is read."""

    def __init__(self) -> None:
        self.served = self.largest = 0
        self.piece = b"x" * (1 << 20)

    def read(self, size: int = 1 << 30) -> bytes:
        self.largest = max(self.largest, size)
        left = min(size, (1 << 30) - self.served)
        begins = b"" if self.served else b"<coverage line-rate='1' version='"
        self.served += left
        return begins + self.piece[: left - len(begins)] if left else b""


def test_23_a_header_that_is_better_than_its_lines_fails():
    lines = "".join(f'<line number="{number}" hits="{int(number < 5)}"/>' for number in range(1, 11))

    status, _ = ended(gated("coverage.xml", COBERTURA.format(rate="1.0", lines=lines).encode()))

    assert status == "FAILED"


def invoke_gate(cloud: SimulatedCloud):
    (run,) = cloud.runs()
    payload = json.dumps({"run_id": run["run_id"], "stage": 0, "name": "quality"})
    return cloud.aws.lambdas.run(cloud.function("evaluate_gate"), payload)


def test_24_a_gate_that_is_judged_twice_keeps_its_first_verdict():
    cloud = gated("metrics.json", GOOD)
    ended(cloud)
    before = [one for one in items(cloud) if "#G#" in one["sk"]]

    invoke_gate(cloud)

    assert [one for one in items(cloud) if "#G#" in one["sk"]] == before


def test_24_two_judgements_of_different_evidence_at_once_are_both_kept_and_the_first_stored_stands():
    """As two releases of the code may judge one gate in the middle of an upgrade, each in its own way."""
    cloud = gated("metrics.json", GOOD)
    kept: list[str] = []
    boundary = cloud.aws.boundary

    def overtaken(call, proceed):
        answer = boundary(call, proceed)
        if call.operation == "put_object" and "EvaluateGate" in call.caller:
            kept.append(answer["VersionId"])
            if len(kept) == 1:
                put(cloud, "metrics.json", b'{"measurements": {"coverage.line_percent": 1}}')
                invoke_gate(cloud)
        return answer

    cloud.aws.boundary = overtaken
    status, gate = ended(cloud)

    stored = [one for one in items(cloud) if "#G#" in one["sk"]]
    assert (status, gate["status"], len(stored)) == ("FAILED", "fail", 1)
    assert len(set(kept)) == 2
