"""Each function may do what it was seen doing, and nothing else: policies against what was recorded, both ways.

Recorded are the calls of simulated bad days, of the ports' contract, and of whole end-to-end runs in local clouds, where
the emulated IAM judged them (`access_records`).
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

import pytest
import yaml

from access_records import allowed, by_group, is_recording, machines, not_granted, recorded, rest, resting, stale
from buildgate.adapters.memory.client import Call, Proceed, api_name
from buildgate.adapters.memory.faults import Fault
from buildgate.inbound import pipeline_file
from buildgate_cli.simulate.schedule import Schedule, Trial
from buildgate_cli.simulate.world import CHECKOUT, World
from contract.emulated_clouds import MEMORY_LACKS, InMemory
from contract.port_cases import CASES
from fault_world import PIPELINE, push
from lane_world import racing
from simulated_cloud import SimulatedCloud
from template_model import Template

pytestmark = pytest.mark.xdist_group("least privilege")

DAYS = 25
SERVICES = {"stepfunctions": "states"}
ACTIONS = {
    ("s3", "list_objects_v2"): "s3:ListBucket",
    ("s3", "head_object"): "s3:GetObject",
    ("lambda", "invoke"): "lambda:InvokeFunction",
}
WHY = {
    "EvaluateGateFunction": {
        "codecommit:GetBranch": "the branch that new code is compared with, when it is not the repository's own",
        **dict.fromkeys(
            ("codebuild:DescribeCodeCoverages", "codebuild:DescribeTestCases"),
            "reports of CodeBuild's own report groups that were not exported",
        ),
    },
    "FoldDaysFunction": dict.fromkeys(
        ("iam:GetPolicy", "iam:GetPolicyVersion"), "policies attached to the service roles of projects"
    ),
    "NextStepFunction": {"states:StartExecution": "hands a long run over to a new execution after 15,000 events"},
    "ReconcileFunction": {
        "codebuild:StopBuild": "a build that nobody waits for any more",
    },
    "RequestApprovalFunction": {"states:SendTaskSuccess": "decided before its task was parked again"},
    "ServeApiFunction": {
        "codecommit:GetDifferences": "shown beside a run",
        "s3:ListBucket": "judging a recorded gate again",
    },
    "StartBuildFunction": {
        "codebuild:ListBuildsForProject": "a start that was never answered, found by its nonce",
        "sns:Publish": "a build that ended before its start was answered, and whose slot is gone",
        "codebuild:StopBuild": "a build whose run ended while it was being started",
    },
    "StartRunFunction": {"codecommit:GetBranch": "new branches with path filters"},
}
E2E = recorded()
SOMETIMES = {("RequestApprovalFunction", "states:SendTaskSuccess")}
"""What some run has shown by chance, and none has to: its reason stays."""
LEAST_MEMBERS = 15
"""So many methods at least are known both to the contract and to functions."""
UNUSED = {(function, action): why for function, reasons in WHY.items() for action, why in reasons.items()}
"""What is allowed though no recorded day needed it, with the reason."""


@pytest.fixture(scope="module")
def called() -> dict[str, set[str]]:
    """Return the methods of adapters that each function (by logical id) was seen calling, by name; `seen` fills it."""
    return defaultdict(set)


@pytest.fixture(scope="module")
def seen(called: dict[str, set[str]]) -> dict[str, set[tuple[str, str]]]:
    """Return what each function (by logical id) was seen doing: (IAM action, where)."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    shop = pipeline_file.parse(yaml.safe_load((CHECKOUT / "samples/shop/pipeline.yaml").read_text(encoding="utf-8")))
    for seed in range(1, DAYS + 1):
        day = Schedule(Trial(shop, loose_builds=1), seed, prepare=_with_fold)
        _keep_calls(day.world)
        day.play()
        _note(day.world, found, called)
    for cloud in (_asked_everything(), _raced("queued"), _raced("superseded")):
        _note(cloud, found, called)
    return found


def _with_fold(world: World) -> None:
    fold = next(one for one in world.deployment.schedules if "FoldDays" in one.function)
    world.aws.timeline.after(1500, lambda: world.deployment.tick(fold))


def _asked_everything() -> SimulatedCloud:
    """Return a world in which an operator asked and did everything the API offers."""
    cloud = SimulatedCloud()
    _keep_calls(cloud)
    cloud.apply(PIPELINE)
    cloud.aws.timeline.advance(60)
    push(cloud)
    cloud.aws.timeline.advance(minutes=5)
    run = cloud.runs()[0]["run_id"]
    (approval,) = cloud.call("GET", "/v1/approvals")["approvals"]
    cloud.ask("POST", f"/v1/approvals/{approval['id']}/decision", {"decision": "approve", "comment": ""})
    cloud.aws.timeline.advance(minutes=5)
    cloud.ask("POST", f"/v1/runs/{run}/retry", {"stage": "release"})
    started = cloud.call("POST", "/v1/pipelines/shop/runs", {})["run"]["run_id"]
    cloud.aws.timeline.advance(30)
    cloud.call("POST", f"/v1/runs/{started}/stop", {"comment": ""})
    cloud.call("POST", "/v1/metrics/projects/shop-unit/backfill", {"days": 30})
    for route in cloud.deployment.http.routes:
        if route.method == "GET" and "approvals" not in route.path:
            path = route.path.replace("{name}", "shop").replace("{project}", "shop-unit").replace("{id}", run)
            for view in ("report", "tests", "attribution"):
                cloud.ask("GET", path.replace("{view}", view).replace("{kind}", "pipelines"))
    cloud.aws.timeline.advance(minutes=20)
    return cloud


def _raced(mode: str) -> SimulatedCloud:
    """Return a world in which runs waited for each other and for people, and all but the last have ended."""
    cloud = racing(mode, asks=mode == "superseded", prepare=_keep_calls)
    cloud.aws.timeline.advance(minutes=30)
    return cloud


class Calls(list[tuple[Call, Fault]]):
    """Calls as they are made, with who called through which method of an adapter."""

    def __init__(self) -> None:
        super().__init__()
        self.members: set[tuple[str, str]] = set()

    def append(self, made: tuple[Call, Fault]) -> None:
        super().append(made)
        self.members.add((made[0].caller, _member()))


def _keep_calls(cloud: World) -> None:
    cloud.aws.faults.keeps_calls, cloud.aws.faults.calls = True, Calls()


def _note(cloud: World, found: dict[str, set[tuple[str, str]]], called: dict[str, set[str]]) -> None:
    logical = {name: key for key, name in cloud.deployment.names.items()}
    calls = cloud.aws.faults.calls
    assert isinstance(calls, Calls)
    for call, _ in calls:
        found[logical[call.caller]] |= set(_uses(call))
    for caller, member in calls.members:
        called[logical[caller]].add(member)


def _uses(call: Call) -> list[tuple[str, str]]:
    """Return the (IAM action, where) that a call needs; a transaction needs those of its parts."""
    if "TransactItems" in call.parameters:
        parts = {
            "Put": "PutItem",
            "Update": "UpdateItem",
            "Delete": "DeleteItem",
            "ConditionCheck": "ConditionCheckItem",
        }
        return [(f"dynamodb:{parts[next(iter(one))]}", "Table") for one in call.parameters["TransactItems"]]
    known = ACTIONS.get((call.service, call.operation))
    action = known or f"{SERVICES.get(call.service, call.service)}:{api_name(call.operation)}"
    if call.operation == "get_object" and "VersionId" in call.parameters:
        action = "s3:GetObjectVersion"
    return [(action, _where(call))]


def _where(call: Call) -> str:
    """Return a word that the allowing statement's resources must hold."""
    if call.service == "dynamodb":
        return "index/*" if "IndexName" in call.parameters else "Table"
    if call.service == "sns":
        return str(call.parameters["TopicArn"]).rsplit("-", 1)[-1]
    folder = str(call.parameters.get("Key", "")).split("/", 1)[0]
    if folder in {"judgements", "tests"} and call.operation in {"get_object", "put_object"}:
        return f"ReportBucket.Arn}}/{folder}/*"
    return {"s3": "ReportBucket", "stepfunctions": "-run", "lambda": "RequestApprovalFunction"}.get(call.service, "")


def test_nothing_was_done_that_is_not_allowed(seen):
    policies = allowed()

    missing = sorted(
        f"{function} {action} on {where or 'anything'}"
        for function, uses in seen.items()
        for action, where in uses
        if where not in policies[function].get(action, "nothing at all" if where else "")
        or action not in policies[function]
    )

    assert missing == []


def test_nothing_is_allowed_that_was_not_done_unless_there_is_a_reason(seen):
    by_hand = {(who, action) for who, action, _ in E2E}
    surplus = {
        (function, action)
        for function, policy in allowed().items()
        for action in policy
        if action not in {used for used, _ in seen.get(function, set())} and (function, action) not in by_hand
    }

    left = sorted(surplus - set(UNUSED))
    assert not left, "\n".join(f"{function} {action}" for function, action in left)


def test_what_only_end_to_end_runs_show_a_need_for_is_named_in_the_record(seen):
    """A group holds the record to it: what is done no more fails there, and then here."""
    in_days = {(who, used) for who, uses in seen.items() for used, _ in uses}
    only_here = {(who, action) for who, action, _ in E2E if who in allowed()} - in_days - set(UNUSED)

    if is_recording():
        rest(only_here)
    assert resting().keys() == only_here
    assert all(pair in {(who, action) for who, action, _ in by_group()[group]} for pair, group in resting().items())


def test_what_a_group_shows_no_more_is_told():
    shown, seen = {("One", "s3:GetObject"), ("One", "sns:Publish")}, {("One", "sns:Publish", "Topic")}

    assert stale(shown, seen) == ["One s3:GetObject"]
    assert stale(shown, {*seen, ("One", "s3:GetObject", "Bucket")}) == []


def test_no_reason_is_given_for_what_is_not_allowed_any_more():
    policies = allowed()

    assert [pair for pair in UNUSED if pair[1] not in policies[pair[0]]] == []


def test_what_end_to_end_runs_did_is_allowed_where_they_did_it():
    missing = not_granted(E2E)

    assert missing == []


def test_the_machine_may_invoke_what_it_was_seen_invoking_and_no_other_function():
    seen_invoked = {where for who, action, where in E2E if (who, action) == ("RunMachine", "lambda:InvokeFunction")}

    granted = machines()["RunMachine"]["lambda:InvokeFunction"]

    assert {name for name in Template.load().functions() if name in granted} == seen_invoked


def test_no_reason_is_given_for_what_was_seen_after_all(seen):
    in_runs = {(who, action) for who, action, _ in E2E} - SOMETIMES
    done = in_runs | {(who, used) for who, uses in seen.items() for used, _ in uses}

    assert sorted(set(UNUSED) & done) == []


def test_each_function_may_do_all_that_the_contract_saw_of_what_it_calls(seen, called):
    """Of whatever a function was seen calling, the contract knows answers and ways that no recorded day met."""
    policies, contract = allowed(), _contract()

    missing = sorted(
        f"{function} {action} for {member}"
        for function, members in called.items()
        for member in members
        for action in contract.get(member, ())
        if action not in policies[function]
    )

    assert missing == []
    known = {member for members in called.values() for member in members}
    assert len(known & contract.keys()) > LEAST_MEMBERS, "the contract is not about what functions call"


def _contract() -> dict[str, set[str]]:
    """Return the actions that each method of an adapter was seen needing in the contract's cases."""
    cloud, found = InMemory(), defaultdict[str, set[str]](set)

    def note(call: Call, proceed: Proceed) -> dict[str, Any]:
        member = _member()
        if member:
            found[member] |= {action for action, _ in _uses(call)}
        return proceed()

    cloud.aws.boundary = note
    for case in CASES:
        if case.name not in MEMORY_LACKS:
            case.check(cloud)
    return found


def _member() -> str:
    """Return the method of an adapter through which the present call was asked for; empty when it was by no adapter."""
    frame, found = sys._getframe(1), ""
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith("buildgate.adapters.") and not module.startswith("buildgate.adapters.memory."):
            found = f"{module}.{frame.f_code.co_qualname}".partition(".<locals>")[0]
        elif found:
            return found
        frame = frame.f_back
    return found


def test_no_policy_allows_every_action_of_a_service():
    assert [action for policy in allowed().values() for action in policy if "*" in action] == []
