"""Events for the rules of our template, for hypothesis to make up, and what each target of a rule is sent.

What cannot be alike is left out: an event's id, and the account.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.blueprints import Place, RulePlan, blueprint_of
from buildgate.adapters.memory.events import Rule, Target

ROOT = Path(__file__).parents[2]
RULES: tuple[RulePlan, ...] = blueprint_of(ROOT / "template.yaml", Place("gate", "us-east-1", "000000000000")).rules
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:gate-run"
TEXTS = st.sampled_from(["", "shop", 'a "quoted" one', "naïve\nline", "<id>", "\\"])

Transformer = Mapping[str, Any] | None
INSIDE_QUOTES: Transformer = {
    "InputPathsMap": {"kind": "$.detail-type", "number": "$.detail.number", "all": "$.detail", "more": "$.resources"},
    "InputTemplate": '{"told":"<kind> of <number>","all":<all>,"more":<more>}',
}  # fmt: skip


class Wired(NamedTuple):
    """A rule of the template as a history has it: with other targets, and perhaps switched off."""

    plan: RulePlan
    is_enabled: bool
    targets: tuple[Transformer, ...]

    @property
    def state(self) -> str:
        return "ENABLED" if self.is_enabled else "DISABLED"


def _transformers(plan: RulePlan) -> list[Transformer]:
    own = {"InputPathsMap": dict(plan.input_paths), "InputTemplate": plan.input_template}
    return [None, INSIDE_QUOTES, *([own] if plan.input_template else [])]


def _wired(plan: RulePlan) -> st.SearchStrategy[Wired]:
    targets = st.lists(st.sampled_from(_transformers(plan)), min_size=1, max_size=2).map(tuple)
    return st.builds(Wired, st.just(plan), st.sampled_from([True, True, False]), targets)


WIRINGS = st.tuples(*(_wired(plan) for plan in RULES))


def _mostly(*usual: str, other: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*usual, *usual, other])


def _event(source: str, kind: str, detail: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    fields = {
        "Source": _mostly(source, other="shop.builds"),
        "DetailType": _mostly(kind, other="Something Else"),
        "Detail": detail,
        "Resources": st.lists(st.just("arn:aws:codecommit:us-east-1:000000000000:shop"), min_size=1, max_size=2),
    }
    return st.fixed_dictionaries(fields)


EVENTS_OF_SERVICES = st.lists(
    st.one_of(
        _event(
            "aws.codebuild",
            "CodeBuild Build State Change",
            st.fixed_dictionaries(
                {
                    "build-id": TEXTS,
                    "project-name": TEXTS,
                    "build-status": _mostly("SUCCEEDED", "FAILED", "IN_PROGRESS", other="FAULT"),
                },
                optional={"secret": st.just("never forwarded")},
            ),
        ),
        _event(
            "aws.codecommit",
            "CodeCommit Repository State Change",
            st.fixed_dictionaries(
                {"event": _mostly("referenceCreated", "referenceUpdated", "referenceDeleted", other="commented")},
                optional={"referenceType": _mostly("branch", "tag", other="note"), "referenceName": TEXTS},
            ),
        ),
        _event(
            "aws.states",
            "Step Functions Execution Status Change",
            st.fixed_dictionaries(
                {"status": _mostly("FAILED", "TIMED_OUT", "ABORTED", other="SUCCEEDED")},
                optional={"stateMachineArn": _mostly(MACHINE, other=MACHINE + "-2"), "output": st.none()},
            ),
        ),
    ),
    min_size=1,
    max_size=4,
)


def sent_in_memory(aws: MemoryAws, wirings: Sequence[Wired], events: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return what each target of each rule is sent, in the order of rules and targets."""
    boxes: list[list[str]] = []

    def target(number: int, transformer: Transformer) -> Target:
        boxes.append([])
        made = transformer or {"InputPathsMap": {}, "InputTemplate": ""}
        return Target(str(number), boxes[-1].append, made["InputPathsMap"], made["InputTemplate"])

    for wired in wirings:
        targets = tuple(target(number, one) for number, one in enumerate(wired.targets))
        aws.events.rules.append(Rule(wired.plan.name, wired.plan.pattern, targets, wired.is_enabled))
    for number, event in enumerate(events):
        aws.events.emit(event["Source"], event["DetailType"], _numbered(event, number), event["Resources"])
    aws.timeline.settle()
    return [_told(box) for box in boxes]


def sent_by(
    client: Callable[[str], Any], name: str, wirings: Sequence[Wired], events: Sequence[Mapping[str, Any]]
) -> list[Any]:
    """Return the same of a cloud whose targets are queues."""
    rules, sqs = client("events"), client("sqs")
    urls: list[str] = []
    for place, wired in enumerate(wirings):
        rule = f"{name}-{place}"
        rules.put_rule(Name=rule, EventPattern=json.dumps(wired.plan.pattern), State=wired.state)
        for number, transformer in enumerate(wired.targets):
            urls.append(sqs.create_queue(QueueName=f"{rule}-{number}")["QueueUrl"])
            found = sqs.get_queue_attributes(QueueUrl=urls[-1], AttributeNames=["QueueArn"])
            target = {"Id": str(number), "Arn": found["Attributes"]["QueueArn"]}
            more = {"InputTransformer": transformer} if transformer else {}
            rules.put_targets(Rule=rule, Targets=[target | more])
    entries = [
        {**one, "Detail": json.dumps(_numbered(one, number)), "Time": _NOON} for number, one in enumerate(events)
    ]
    assert not rules.put_events(Entries=entries)["FailedEntryCount"]
    for place, wired in enumerate(wirings):
        rules.remove_targets(Rule=f"{name}-{place}", Ids=[str(number) for number in range(len(wired.targets))])
        rules.delete_rule(Name=f"{name}-{place}")
    return [_told(_bodies(sqs, url)) for url in urls]


_NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""The moment at which a timeline begins."""


def _numbered(event: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {**event["Detail"], "number": number}


def _bodies(sqs: Any, url: str) -> list[str]:
    return [one["Body"] for one in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())]


def _told(bodies: Sequence[str]) -> list[dict[str, Any]]:
    """Return what a target was sent, in no order: none is promised."""
    told = [
        {name: value for name, value in json.loads(body).items() if name not in ("id", "account")} for body in bodies
    ]
    return sorted(told, key=lambda one: json.dumps(one, sort_keys=True))
