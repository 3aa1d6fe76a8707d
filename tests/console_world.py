"""A month of a small company in memory: what the console's pages look like when people work."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import urlencode

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.runtime.wiring import Wiring
from buildgate_cli.api_client import ApiError
from simulated_cloud import ALICE, SimulatedCloud

HOSTILE = "<script>alert(1)</script> change"
_MESSAGES = (
    "Show prices with the customer's own currency",
    "Retry the payment provider twice before giving up",
    "Upgrade the HTTP client",
    "Cache product pictures for a day",
    "Fix rounding of discounts",
    "Let people change their delivery address",
    "Read stock from the replica",
    HOSTILE,
)


def _pipeline(name: str, team: str, *, gated: bool = False) -> dict[str, Any]:
    gate = {"name": "quality", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"], "key": True}]}
    return {
        "name": name,
        "description": {"shop": "<b>Web shop</b>", "stock": "Stock service"}.get(name, "Nightly export"),
        "tags": {"team": team, "cost-centre": f"cc-{team}"},
        "triggers": [{"repository": name, "branches": ["main", "release/*"]}],
        "stages": [
            {
                "name": "test",
                "concurrency": 2,
                "builds": [{"name": "unit", "project": f"{name}-unit"}, {"name": "lint", "project": f"{name}-lint"}],
                **({"gates": [gate]} if gated else {}),
            },
            {
                "name": "release",
                "approval": {
                    "approvers": ["bob@example.com"],
                    "channel": "link",
                    "timeout": "24h",
                    "instructions": "Check the release notes.",
                },
                "builds": [{"name": "release", "project": f"{name}-release"}],
            },
        ],
    }


class ApiOf:
    """The operator's API of a cloud in memory, as the console's client sees it."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self.cloud = cloud

    def get(self, *path: str, **query: Any) -> Any:
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        url = "/v1/" + "/".join(path) + (f"?{asked}" if asked else "")
        answer = self.cloud.deployment.http.request("GET", url, caller=ALICE)
        if answer.status != 200:
            raise ApiError(answer.data["error"]["message"], kind="Rejected", status=answer.status)
        return answer.data

    def every(self, *path: str, **query: Any) -> list[Any]:
        rows: list[Any] = []
        following = None
        while True:
            page = self.get(*path, **query, next=following)
            rows += page[path[-1]]
            following = page["next"]
            if not following:
                return rows


_CASES = ("adds", "rounds", "converts", "refuses an unknown currency", "waits for the provider", "keeps the basket")


class _Plans:
    """How builds go: mostly well, slower from the middle of the month on, with a cache that mostly hits."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.started = 0

    def __call__(self, project: Any) -> BuildPlan:
        self.started += 1
        is_late = self.started > 60
        seconds = self._dice.gauss(190 if is_late else 130, 25)
        result = self._dice.choices(["hit", "partial", "miss"], [6, 2, 2])[0]
        status = self._dice.choices(["SUCCEEDED", "FAILED", "TIMED_OUT"], [17, 2, 1])[0]
        probe = {"BUILDGATE_CACHE_RESULT": result, "BUILDGATE_CACHE_KEY": "deps-3f1c", "VERSION": f"1.{self.started}"}
        work = max(20.0, seconds + (60 if result == "miss" else 0))
        is_tested = str(project.get("projectName", "")).endswith("-unit")
        return BuildPlan(work, status, exported=probe, reports=(self._report(status),) if is_tested else ())

    def _report(self, status: str) -> dict[str, Any]:
        """Return a report group's report: one case waits for others and flakes, one fails with the build."""
        arn = f"arn:aws:codebuild:us-east-1:000000000000:report/unit-tests:{self.started}"
        cases = [
            {
                "name": name,
                "prefix": "tests.prices",
                "status": "FAILED"
                if (name == "rounds" and status == "FAILED") or (name.startswith("waits") and self._dice.random() < 0.1)
                else "SUCCEEDED",
                "durationInNanoSeconds": int(self._dice.gauss(9e8, 2e8)) * (index + 1),
            }
            for index, name in enumerate(_CASES)
        ]
        return {"arn": arn, "type": "TEST", "status": status, "testCases": cases}


def a_month(*, days: int = 21, pushes: int = 2) -> SimulatedCloud:
    """Return a cloud with weeks of runs of three pipelines: good, bad, waiting, released, one still running."""
    dice = random.Random(7)
    cloud = SimulatedCloud(schedules=False)
    cloud.aws.codebuild.plan = _Plans(dice)
    for name, team in (("shop", "web"), ("stock", "logistics"), ("export", "data")):
        cloud.apply(_pipeline(name, team, gated=name == "shop"))
    seen = 0
    for day in range(days):
        for number in range(pushes):
            name = dice.choices(["shop", "stock", "export"], [5, 3, 2])[0]
            message = _MESSAGES[(day * pushes + number) % len(_MESSAGES)]
            cloud.aws.codecommit.push(name, "main", {"a": f"{day}.{number}"}, message=message)
            cloud.aws.timeline.advance(minutes=dice.randint(15, 90))
            links = cloud.links()
            for link in links[seen:-1] if day < days - 1 else ():
                cloud.decide(link, dice.choices(["approve", "reject"], [9, 1])[0])
            seen = max(seen, len(links) - 1)
        for schedule in cloud.deployment.schedules:
            cloud.deployment.tick(schedule)
        cloud.aws.timeline.advance(hours=dice.randint(18, 22))
    Wiring(cloud.aws, table="buildgate-Table").fold_days()
    return cloud


def keep_running(cloud: SimulatedCloud) -> str:
    """Push once more, let the first builds start, and return the id of the run that is still on its way."""
    cloud.aws.codecommit.push("shop", "main", {"a": "now"}, message="Show the cart on every page")
    cloud.aws.timeline.advance(seconds=45)
    return str(ApiOf(cloud).get("runs", limit=1)["runs"][0]["run_id"])


def logs(group: str, stream: str, *, limit: int) -> list[str]:
    """Return the end of a log, with what terminals understand and pages must not."""
    steps = ["install", "pre_build", "build", "post_build"]
    lines = [f"[Container] 2026/11/22 10:0{n}:12 Entering phase {step.upper()}" for n, step in enumerate(steps)]
    return [*lines, "\x1b[32m118 passed\x1b[0m in 41.20s", "<pre> not a tag"][:limit]


def paths(cloud: SimulatedCloud) -> list[str]:
    """Return one path of every kind of page."""
    api = ApiOf(cloud)
    runs = api.get("runs", limit=50)["runs"]
    run = next(one["run_id"] for one in runs if one["status"] == "SUCCEEDED")
    live = next(one["run_id"] for one in runs if one["status"] == "RUNNING")
    build = api.get("metrics", "projects", "shop-unit", "builds", days=30)["builds"][0]["build_id"]
    approval = api.get("approvals")["approvals"][0]["id"]
    lists = ["/", "/pipelines", "/pipelines/shop", "/runs", "/approvals", "/projects", "/tests", "/failures"]
    named = [f"/runs/{run}", f"/runs/{live}", f"/builds/{build}", f"/approvals/{approval}", "/projects/shop-unit"]
    return [*lists, "/releases", "/cost", "/security", "/find?q=shop", *named]
