"""Each function may do what it was seen doing, and nothing else: policies against calls recorded on bad days."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest
import yaml

from buildgate.adapters.memory.client import Call, api_name
from buildgate.inbound import pipeline_file
from buildgate_cli.simulate.schedule import Schedule, Trial
from buildgate_cli.simulate.world import CHECKOUT
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
        "states:SendTaskFailure": "tasks of a run that ended while they waited",
        "states:StartExecution": "resumes an execution that died: Step Functions lets none die here",
    },
    "CollectTestsFunction": dict.fromkeys(
        (
            "codebuild:BatchGetReports",
            "codebuild:DescribeTestCases",
            "codecommit:GetFile",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:UpdateItem",
            "s3:PutObject",
        ),
        "CodeBuild's own report groups; the builds of these days have none",
    ),
    "EvaluateGateFunction": {
        **dict.fromkeys(
            ("codecommit:GetBlob", "codecommit:GetBranch", "codecommit:GetCommit", "codecommit:GetDifferences"),
            "new-code objectives; the sample has none",
        ),
        "codecommit:GetRepository": "new-code objectives; the sample has none",
        **dict.fromkeys(
            ("codebuild:BatchGetReports", "codebuild:DescribeCodeCoverages", "codebuild:DescribeTestCases"),
            "reports of CodeBuild's own report groups; the sample has none",
        ),
        **dict.fromkeys(
            (
                "cloudwatch:GetMetricData",
                "ecr:DescribeImageScanFindings",
                "inspector2:ListCoverage",
                "inspector2:ListFindings",
                "secretsmanager:GetSecretValue",
            ),
            "measurements fetched from elsewhere; the sample fetches none",
        ),
        "s3:GetObject": "reports of a bucket whose versions were switched off",
    },
    "FoldDaysFunction": dict.fromkeys(
        ("iam:GetPolicy", "iam:GetPolicyVersion", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"),
        "service roles of projects; the projects of these days have none",
    ),
    "NextStepFunction": {"states:StartExecution": "hands a long run over to a new execution after 15,000 events"},
    "ReconcileFunction": {
        "codebuild:ListBuildsForProject": "a start that was never answered, found by its nonce",
        "codebuild:StopBuild": "a build that nobody waits for any more",
        "lambda:InvokeFunction": "asks again for an approval whose message did not go out",
        "states:SendTaskFailure": "a start that was never answered, and no build found",
    },
    "RequestApprovalFunction": {"states:SendTaskSuccess": "decided before its task was parked again"},
    "ServeApiFunction": {
        "codecommit:GetDifferences": "shown beside a run",
        **dict.fromkeys(("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"), "judging a recorded gate again"),
    },
    "StartBuildFunction": {
        "codebuild:ListBuildsForProject": "a start that was never answered, found by its nonce",
        "codebuild:StopBuild": "a build whose run ended while it was being started",
        "sns:Publish": "a build that ended before its start was answered, and whose slot is gone",
        "states:SendTaskSuccess": "a build that had ended before its start was answered",
    },
    "StartRunFunction": dict.fromkeys(
        ("codecommit:GetBranch", "codecommit:GetRepository"), "new branches with path filters"
    ),
}
UNUSED = {(function, action): why for function, reasons in WHY.items() for action, why in reasons.items()}
"""What is allowed though no recorded day needed it, with the reason."""


@pytest.fixture(scope="module")
def seen() -> dict[str, set[tuple[str, str]]]:
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


def allowed() -> dict[str, dict[str, str]]:
    """Return for each function what it is allowed: action to the text of the resources."""
    found: dict[str, dict[str, str]] = defaultdict(lambda: defaultdict(str))
    for name, statement in Template.load().statements():
        if name not in Template.load().functions():
            continue
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        for action in actions:
            found[name][action] += json.dumps(statement["Resource"], default=str)
    return found


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
    surplus = {
        (function, action)
        for function, policy in allowed().items()
        for action in policy
        if action not in {used for used, _ in seen.get(function, set())}
    }

    left = sorted(surplus - set(UNUSED))
    assert not left, "\n".join(f"{function} {action}" for function, action in left)


def test_no_reason_is_given_for_what_is_not_allowed_any_more():
    policies = allowed()

    assert [pair for pair in UNUSED if pair[1] not in policies[pair[0]]] == []


def test_no_policy_allows_every_action_of_a_service():
    assert [action for policy in allowed().values() for action in policy if "*" in action] == []
