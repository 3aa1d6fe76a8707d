"""CodeBuild in memory: projects, builds that end by a plan or when a test says so, and their events."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from buildgate.adapters.memory.builds import BuildPlan, FakeBuild
from buildgate.adapters.memory.errors import AwsError

if TYPE_CHECKING:
    import random

    from buildgate.adapters.memory.events import Events
    from buildgate.adapters.memory.timeline import Appointment, Timeline

Plan = Callable[[dict[str, Any]], BuildPlan | None]
TOKEN_SECONDS = 300
PAGE = 100
MAX_IDS = 100
QUEUE_FACTOR = 5
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(slots=True)
class _Life:
    build: FakeBuild
    plan: BuildPlan | None
    next: Appointment | None = None


@dataclass(slots=True)
class CodeBuild:
    """Builds and projects.

    `plan` says, for a StartBuild request, what becomes of the build; None leaves it running until `settle` (or its
    time-out). `concurrency` builds run at once, five times as many wait, more are refused.
    """

    timeline: Timeline
    events: Events
    dice: random.Random
    region: str
    account: str
    plan: Plan = lambda _: None
    concurrency: int = 60
    projects: dict[str, dict[str, Any]] = field(default_factory=dict)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    _lives: dict[str, _Life] = field(default_factory=dict)
    _order: list[str] = field(default_factory=list)
    _tokens: dict[str, tuple[float, str, str]] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def create_project(self, **project: Any) -> dict[str, Any]:
        """Create a project."""
        name = project["name"]
        if name in self.projects:
            raise AwsError("ResourceAlreadyExistsException", f"Project already exists: {self._arn('project', name)}")
        self.projects[name] = {"arn": self._arn("project", name), "created": self.timeline.now(), **project}
        return {"project": dict(self.projects[name])}

    def batch_get_projects(self, *, names: list[str]) -> dict[str, Any]:
        """Describe projects, and name those that are not there."""
        _check_count(names)
        found = [dict(self.projects[name]) for name in names if name in self.projects]
        return {"projects": found, "projectsNotFound": [name for name in names if name not in self.projects]}

    def list_projects(self, **_: Any) -> dict[str, Any]:
        """List the names of all projects."""
        return {"projects": sorted(self.projects)}

    def start_build(self, **request: Any) -> dict[str, Any]:
        """Start a build. An idempotency token is good for five minutes, for the very same request only."""
        name, token = request["projectName"], request.get("idempotencyToken")
        if name not in self.projects:
            raise AwsError("ResourceNotFoundException", f"Project cannot be found: {self._arn('project', name)}")
        wanted = json.dumps(request, sort_keys=True, default=str) if token else ""
        known = self._tokens.get(token) if token else None
        if known is not None and self.timeline.elapsed - known[0] < TOKEN_SECONDS:
            if known[1] != wanted:
                raise _bad("Idempotency token was used with other parameters")
            return {"build": self._data(known[2])}
        if sum(not life.build.is_over for life in self._lives.values()) >= self.concurrency * (1 + QUEUE_FACTOR):
            most = self.concurrency * QUEUE_FACTOR
            raise AwsError(
                "AccountLimitExceededException", f"Cannot have more than {most} builds in queue for the account"
            )
        build = self._born(name, request)
        if token:
            self._tokens[token] = (self.timeline.elapsed, wanted, build.build_id)
        return {"build": self._data(build.build_id)}

    def _born(self, name: str, request: dict[str, Any]) -> FakeBuild:
        uuid = UUID(int=self.dice.getrandbits(128), version=4)
        build_id = f"{name}:{uuid}"
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        build = FakeBuild(
            build_id,
            self._arn("build", build_id),
            number,
            self.projects[name],
            json.loads(json.dumps(request)),
            self.timeline.now(),
            "buildgate/memory",
        )
        if _COMMIT.fullmatch(request.get("sourceVersion", "")):
            build.commit = request["sourceVersion"]
        life = _Life(build, self.plan(request))
        self._lives[build_id] = life
        self._order.append(build_id)
        self._emit(build, "IN_PROGRESS")
        self._wait_in_queue(life)
        return build

    def _wait_in_queue(self, life: _Life) -> None:
        """Leave the queue when the plan says so and there is room."""
        wait = life.plan.queued_seconds if life.plan else 0.0
        life.next = self.timeline.after(wait, lambda: self._begin(life), f"{life.build.build_id} leaves the queue")

    def _begin(self, life: _Life) -> None:
        if sum(not other.build.is_queued and not other.build.is_over for other in self._running()) >= self.concurrency:
            life.next = self.timeline.after(10, lambda: self._begin(life), f"{life.build.build_id} waits for room")
            return
        life.build.is_queued = False
        limit = life.build.timeout_minutes * 60.0
        plan = life.plan
        if plan is None or plan.seconds >= limit:
            life.next = self.timeline.after(
                limit, lambda: self.settle(life.build.build_id, "TIMED_OUT"), f"{life.build.build_id} times out"
            )
            return
        life.next = self.timeline.after(
            plan.seconds,
            lambda: self.settle(
                life.build.build_id, plan.status, phase=plan.phase, reports=plan.reports, exported=plan.exported
            ),
            f"{life.build.build_id} ends",
        )

    def _running(self) -> Iterable[_Life]:
        return (life for life in self._lives.values() if not life.build.is_over)

    def settle(
        self,
        build_id: str,
        status: str,
        *,
        phase: str = "BUILD",
        reports: Iterable[dict[str, Any]] = (),
        exported: dict[str, str] | None = None,
        is_silent: bool = False,
    ) -> None:
        """End a build, as CodeBuild would, with its event unless it is silent. A build ends once.

        `reports` are entries of BatchGetReports; each needs at least its `arn`.
        """
        life = self._lives[build_id]
        build = life.build
        if build.is_over:
            return
        if life.next is not None:
            life.next.cancel()
        build.status, build.ended_at, build.is_queued = status, self.timeline.now(), False
        build.failed_phase = "" if status == "SUCCEEDED" else phase
        build.reports = list(reports)
        build.exported = dict(exported or {})
        self.reports.update({report["arn"]: report for report in build.reports})
        if not is_silent:
            self._emit(build, status)

    def _emit(self, build: FakeBuild, status: str) -> None:
        detail = build.event_detail(status, self.timeline.now())
        self.events.emit("aws.codebuild", "CodeBuild Build State Change", detail, [build.arn])

    def stop_build(self, *, id: str) -> dict[str, Any]:  # noqa: A002 - botocore's name
        """Stop a build; one that has ended stays as it is."""
        if id not in self._lives:
            raise AwsError("ResourceNotFoundException", f"Build cannot be found: {id}")
        self.settle(id, "STOPPED")
        return {"build": self._data(id)}

    def builds(self, *, since: int = 0) -> list[FakeBuild]:
        """Return all builds but the first so many, oldest first."""
        return [self._lives[build_id].build for build_id in self._order[since:]]

    def batch_get_builds(self, *, ids: list[str]) -> dict[str, Any]:
        """Describe up to 100 builds, and name those that are not there."""
        _check_count(ids)
        found = [self._data(build_id) for build_id in ids if build_id in self._lives]
        return {"builds": found, "buildsNotFound": [build_id for build_id in ids if build_id not in self._lives]}

    def _data(self, build_id: str) -> dict[str, Any]:
        return self._lives[build_id].build.data(self.timeline.now())

    def list_builds(self, **request: Any) -> dict[str, Any]:
        """List build ids, a hundred a page, newest first unless asked otherwise."""
        return _page(self._order, request)

    def list_builds_for_project(self, *, projectName: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        """List a project's build ids, a hundred a page."""
        if projectName not in self.projects:
            raise AwsError("ResourceNotFoundException", f"Project cannot be found: {projectName}")
        mine = [build_id for build_id in self._order if build_id.split(":")[0] == projectName]
        return _page(mine, request)

    def batch_get_reports(self, *, reportArns: list[str]) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Describe reports, and name those that are not there."""
        _check_count(reportArns)
        found = [
            {name: value for name, value in self.reports[arn].items() if name != "testCases"}
            for arn in reportArns
            if arn in self.reports
        ]
        return {"reports": found, "reportsNotFound": [arn for arn in reportArns if arn not in self.reports]}

    def describe_test_cases(self, *, reportArn: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """List a report's cases: what its plan gave as `testCases`."""
        if reportArn not in self.reports:
            raise AwsError("ResourceNotFoundException", f"Report does not exist: {reportArn}")
        return {
            "testCases": [{"reportArn": reportArn, **case} for case in self.reports[reportArn].get("testCases", ())]
        }

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:codebuild:{self.region}:{self.account}:{kind}/{name}"


def _check_count(names: list[str]) -> None:
    if not 1 <= len(names) <= MAX_IDS:
        raise _bad(f"Invalid number of items: {len(names)}, must be between 1 and {MAX_IDS}")


def _bad(message: str) -> AwsError:
    return AwsError("InvalidInputException", message)


def _page(ids: list[str], request: dict[str, Any]) -> dict[str, Any]:
    """Return a page. The token names where it starts from the oldest end, so new builds do not shift the pages."""
    newest_first = request.get("sortOrder", "DESCENDING") == "DESCENDING"
    token = request.get("nextToken")
    if token is not None and not token.isdigit():
        raise _bad("Invalid next token")
    if newest_first:
        end = int(token) if token else len(ids)
        start = max(0, end - PAGE)
        page, following = ids[start:end][::-1], start
        return {"ids": page, "nextToken": str(following)} if following else {"ids": page}
    start = int(token) if token else 0
    page = ids[start : start + PAGE]
    return {"ids": page, "nextToken": str(start + PAGE)} if start + PAGE < len(ids) else {"ids": page}
