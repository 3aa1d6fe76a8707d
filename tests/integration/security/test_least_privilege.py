"""Each function may do what it was seen doing, and nothing else: policies against what was recorded, both ways.

Recorded are the calls of simulated bad days, of the ports' contract, and of whole end-to-end runs in local clouds, where
the emulated IAM judged them (`access_records`).
"""

from __future__ import annotations

from collections import defaultdict

import pytest
import yaml

from access_records import allowed, machines, not_granted, recorded
from buildgate.adapters.memory.client import Call, api_name
from buildgate.inbound import pipeline_file
from buildgate_cli.simulate.schedule import Schedule, Trial
from buildgate_cli.simulate.world import CHECKOUT
from contract import port_cases
from contract.emulated_clouds import InMemory
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
    "CloseRunFunction": {
        "codebuild:StopBuild": "builds of a run whose execution was aborted",
        "states:StartExecution": "resumes an execution that died: Step Functions lets none die here",
    },
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
        "codebuild:ListBuildsForProject": "a start that was never answered, found by its nonce",
        "codebuild:StopBuild": "a build that nobody waits for any more",
        "lambda:InvokeFunction": "asks again for an approval whose message did not go out",
    },
    "RequestApprovalFunction": {"states:SendTaskSuccess": "decided before its task was parked again"},
    "ServeApiFunction": {
        "codecommit:GetDifferences": "shown beside a run",
        "s3:ListBucket": "judging a recorded gate again",
    },
    "StartBuildFunction": {
        "codebuild:ListBuildsForProject": "a start that was never answered, found by its nonce",
        "sns:Publish": "a build that ended before its start was answered, and whose slot is gone",
        "states:SendTaskSuccess": "a build that ended before its start was answered",
    },
    "StartRunFunction": {"codecommit:GetBranch": "new branches with path filters"},
}
E2E = recorded()
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
        day.world.aws.faults.keeps_calls = True
        day.play()
        _note(day.world, found)
    for cloud in (_asked_everything(), _raced("queued"), _raced("superseded")):
        _note(cloud, found)
    return found


def _with_fold(world: SimulatedCloud) -> None:
    fold = next(one for one in world.deployment.schedules if "FoldDays" in one.function)
    world.aws.timeline.after(1500, lambda: world.deployment.tick(fold))


def _asked_everything() -> SimulatedCloud:
    """Return a world in which an operator asked and did everything the API offers."""
    cloud = SimulatedCloud()
    cloud.aws.faults.keeps_calls = True
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


def _keep_calls(cloud: SimulatedCloud) -> None:
    cloud.aws.faults.keeps_calls = True


def _note(cloud: SimulatedCloud, found: dict[str, set[tuple[str, str]]]) -> None:
    logical = {name: key for key, name in cloud.deployment.names.items()}
    for call, _ in cloud.aws.faults.calls:
        found[logical[call.caller]] |= set(_uses(call))


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
    done = {(who, action) for who, action, _ in E2E} | {(who, used) for who, uses in seen.items() for used, _ in uses}

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
    frame, found = sys._getframe(2), ""  # noqa: SLF001 - what the test is about is who calls
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
