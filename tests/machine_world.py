"""One pipeline in a deployed cloud in memory, for tests of the real run machine with the real functions."""

from __future__ import annotations

from collections import Counter
from typing import Any

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.adapters.memory.faults import Fault
from buildgate.runtime.wiring import Wiring
from simulated_cloud import SimulatedCloud

GATE = {"name": "quality", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"], "key": True}]}
APPROVAL = {"approvers": ["bob@example.com"], "channel": "link", "timeout": "24h"}


def build(name: str) -> dict[str, str]:
    return {"name": name, "project": f"shop-{name}"}


def stage(name: str, *builds: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "builds": [build(one) for one in builds], **more}


def junit(failures: int) -> bytes:
    failed = "".join(f'<testcase classname="t" name="f{n}"><failure/></testcase>' for n in range(failures))
    return f'<testsuite name="t"><testcase classname="t" name="good"/>{failed}</testsuite>'.encode()


class Machine:
    """A deployed cloud with one pipeline, and what the tests ask about its newest run."""

    def __init__(self, *stages: dict[str, Any], schedules: bool = False) -> None:
        self.cloud = SimulatedCloud(checks_parameters=False, schedules=schedules)
        self.aws = self.cloud.aws
        triggers = [{"repository": "shop", "branches": ["main"]}]
        self.cloud.apply({"name": "shop", "triggers": triggers, "stages": list(stages)})
        (table,) = self.aws.dynamodb.tables
        self.wiring = Wiring(self.aws, table=table)
        self.aws.timeline.advance(60)

    def push(self, **duration: float) -> None:
        """Push to the watched branch and let time pass."""
        self.aws.codecommit.push("shop", "main", {"src/a": str(self.aws.timeline.elapsed)})
        self.aws.timeline.advance(**duration)

    def report(self, failures: int = 0) -> None:
        """Let every build upload a report as it starts."""
        bucket = next(name for name in self.aws.s3.buckets if "report" in name)

        def plan(request: dict[str, Any]) -> BuildPlan:
            variables = {entry["name"]: entry["value"] for entry in request["environmentVariablesOverride"]}
            key = variables["BUILDGATE_REPORTS"].removeprefix(f"s3://{bucket}/")
            self.aws.client("s3").put_object(Bucket=bucket, Key=f"{key}junit.xml", Body=junit(failures))
            return BuildPlan(60, "FAILED" if failures else "SUCCEEDED")

        self.aws.codebuild.plan = plan

    @property
    def run(self) -> dict[str, Any]:
        return self.cloud.runs()[0]

    @property
    def outcome(self) -> tuple[str, list[str]]:
        """How the newest run stands, and each of its stages."""
        run = self.run
        return run["status"], [one["status"] for one in run["stages"]]

    def executions(self) -> list[str]:
        """How each execution of the newest run stands, oldest first."""
        mine = [one for one in self.aws.stepfunctions.executions.values() if one.input["run_id"] == self.run["run_id"]]
        return [one.status for one in mine]

    def told(self) -> Counter[str]:
        return Counter(message.attributes["topic"] for message in self.aws.sns.published)

    def crash(self, function: str, fault: Fault = Fault.CRASH_BEFORE, *, times: int = 1) -> None:
        """Let a function die at the first call it makes, so many times."""
        left = times

        def plan(call: Any) -> Fault:
            nonlocal left
            if not call.caller.endswith(function) or not left:
                return Fault.NONE
            left -= 1
            return fault

        self.aws.faults.plan = plan

    def nothing_is_left(self) -> bool:
        """Whether nothing runs, waits or failed: builds, executions, tokens, approvals, notices, failure queues."""
        executions = self.aws.stepfunctions.executions.values()
        return (
            all(build.is_over for build in self.aws.codebuild.builds())
            and not any(one.status == "RUNNING" for one in executions)
            and self.wiring.approvals.waiting() == []
            and self.wiring.work.due_notices(self.aws.timeline.now().replace(year=2099)) == []
            and self.wiring.work.due_slots(self.aws.timeline.now().replace(year=2099)) == []
            and self.wiring.work.due_runs(self.aws.timeline.now().replace(year=2099)) == []
            and self.cloud.failures() == []
        )
