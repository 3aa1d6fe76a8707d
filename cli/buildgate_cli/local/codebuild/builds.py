"""StartBuild and everything else that is asked about builds."""

import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from buildgate_cli.local.codebuild import answers
from buildgate_cli.local.codebuild.assembly import Identity, in_own_place, new_build, overridden
from buildgate_cli.local.codebuild.conductor import Conductor
from buildgate_cli.local.codebuild.names import Clock, build_arn, initiator
from buildgate_cli.local.codebuild.progress import Ledger
from buildgate_cli.local.codebuild.projects import Projects, check_project
from buildgate_cli.local.codebuild.settings import Settings
from buildgate_cli.local.codebuild.store import Document, Store
from buildgate_cli.local.jsonservice import Caller, ServiceError

_TOKEN_SECONDS = 300.0
_TOKEN = "idempotency-token"  # noqa: S105 - a kind of document


@dataclass(frozen=True)
class Retry:
    """Which build an automatic retry follows, and the how-manieth of how many it is."""

    previous: str
    number: int
    limit: int


@dataclass(frozen=True)
class Member:
    """Which batch a build belongs to, as which of its tasks, and as which share of how many in a fan-out.

    `is_combined`: the batch brings its builds' artifacts together, so each build uploads to a place of its own.
    """

    batch_arn: str
    identifier: str
    share: tuple[int, int] | None = None
    is_combined: bool = False


class Builds:
    """The builds of all projects."""

    def __init__(
        self,
        store: Store,
        projects: Projects,
        ledger: Ledger,
        conductor: Conductor,
        settings: Settings,
        now: Clock,
    ) -> None:
        self._store = store
        self._projects = projects
        self._ledger = ledger
        self._conductor = conductor
        self._settings = settings
        self._now = now
        self._lock = threading.RLock()

    def start(self, request: dict[str, Any], caller: Caller) -> Document:
        """Start a build; with an idempotency token, the same request within five minutes is the same build."""
        who = initiator(caller.arn)
        return self.once("start", request, lambda: self._start(request, who), self._ledger.build)

    def retry(self, request: dict[str, Any], caller: Caller) -> Document:
        """Start a build again as it was asked for."""
        who = initiator(caller.arn)
        return self.once("retry", request, lambda: self._start_again(request["id"], who), self._ledger.build)

    def start_member(self, request: Mapping[str, Any], who: str, member: Member) -> Document:
        """Start a build of a batch."""
        with self._lock:
            return self._start(request, who, member=member)

    def auto_retry(self, build_id: str, limit: int) -> None:
        """Start a failed build again on its own account, unless it has been retried that often."""
        record = self._ledger.record(build_id)
        if record is None:
            return
        number = int(record["build"].get("autoRetryConfig", {}).get("autoRetryNumber", 0)) + 1
        if number > limit:
            return
        with self._lock:
            retry = Retry(record["build"]["arn"], number, limit)
            again = self._start(record["request"], record["build"]["initiator"], retry=retry)
        config = {"autoRetryLimit": limit, "autoRetryNumber": number - 1, "nextAutoRetry": again["arn"]}
        self._ledger.note(build_id, autoRetryConfig=record["build"].get("autoRetryConfig", {}) | config)

    def _start_again(self, build_id: str, who: str) -> Document:
        record = self._ledger.record(build_id_of(build_id))
        if record is None:
            raise ServiceError("ResourceNotFoundException", f"Build not found: {build_id}")
        return self._start(record["request"], who)

    def _start(
        self, request: Mapping[str, Any], who: str, *, retry: Retry | None = None, member: Member | None = None
    ) -> Document:
        project = self._projects.get(request["projectName"])
        self._check_room(project)
        plan = overridden(project, request)
        check_project(plan)
        if member is not None and member.is_combined:
            plan = in_own_place(plan)
        number = self._store.count("build-number", project["name"])
        build_id = f"{project['name']}:{uuid.uuid4()}"
        identity = Identity(build_id, number, self._now().timestamp(), who)
        build = new_build(plan, identity, auto_retry=_retry_config(plan, retry))
        record = {"build": build, "plan": plan, "request": dict(request)}
        if member is not None:
            build["buildBatchArn"] = member.batch_arn
            record["member"] = {"identifier": member.identifier, "share": member.share}
        self._ledger.add(record)
        self._conductor.submit(build_id, build["queuedTimeoutInMinutes"] * self._settings.seconds_per_minute)
        return build

    def _check_room(self, project: Document) -> None:
        """A full project refuses, a full account queues and then refuses, as in AWS."""
        limit = project.get("concurrentBuildLimit")
        if limit is not None and len(self._ledger.open_ids(project["name"])) >= limit:
            text = f"Cannot have more than {limit} active builds for the project"
            raise ServiceError("AccountLimitExceededException", text)
        if not self._conductor.has_room():
            waiting = self._settings.queue_factor * self._settings.concurrent_builds
            raise ServiceError(
                "AccountLimitExceededException", f"Cannot have more than {waiting} builds in queue for the account"
            )

    def once(
        self,
        what: str,
        request: Mapping[str, Any],
        start: Callable[[], Document],
        find: Callable[[str], Document | None],
    ) -> Document:
        """Start something, or return what the same token started in the last five minutes.

        Raises InvalidInputException when the token was used with other parameters.
        """
        token = request.get("idempotencyToken")
        with self._lock:
            if not token:
                return start()
            key = f"{what}:{token}"
            digest = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
            seen = self._store.get(_TOKEN, key)
            if seen is not None and self._now().timestamp() - seen["at"] < _TOKEN_SECONDS:
                if seen["digest"] != digest:
                    text = f"Parameters do not match those of the earlier request with token {token}"
                    raise ServiceError("InvalidInputException", text)
                found = find(seen["id"])
                if found is not None:
                    return found
            started = start()
            self._store.put(_TOKEN, key, {"digest": digest, "id": started["id"], "at": self._now().timestamp()})
            return started

    def stop(self, build_id: str) -> Document:
        """Stop a build; stopping one that is complete changes nothing."""
        plain = build_id_of(build_id)
        if self._ledger.build(plain) is None:
            raise ServiceError("ResourceNotFoundException", f"Build not found: {build_id}")
        self._conductor.stop(plain)
        return self._ledger.build(plain) or {}

    def batch_get(self, ids: list[str]) -> dict[str, Any]:
        return answers.named("builds", ids, lambda build_id: self._ledger.build(build_id_of(build_id)))

    def listed(self, request: Mapping[str, Any], project: str | None = None) -> dict[str, Any]:
        """List build ids, newest first unless asked otherwise, a hundred at a time."""
        if project is not None:
            project = self._projects.get(project)["name"]
        is_ascending = request.get("sortOrder") == "ASCENDING"
        ids = self._ledger.ids(project=project, is_ascending=is_ascending)
        return answers.listed("ids", ids, request)

    def batch_delete(self, ids: list[str]) -> dict[str, Any]:
        """Delete complete builds; one that runs is not deleted."""
        deleted, kept = [], []
        for build_id in ids:
            build = self._ledger.build(build_id_of(build_id))
            if build is None or not build["buildComplete"]:
                kept.append({"id": build_id, "statusCode": "BUILD_NOT_DELETED" if build else "BUILD_NOT_FOUND"})
                continue
            self._ledger.delete(build["id"])
            deleted.append(build["arn"])
        return {"buildsDeleted": deleted, "buildsNotDeleted": kept}


def build_id_of(text: str) -> str:
    """Return the id in a build's ARN; an id comes back as it is."""
    return text.removeprefix(build_arn(""))


def _retry_config(plan: Mapping[str, Any], retry: Retry | None) -> Document | None:
    if retry is not None:
        return {"autoRetryLimit": retry.limit, "autoRetryNumber": retry.number, "previousAutoRetry": retry.previous}
    limit = plan.get("autoRetryLimit")
    return {"autoRetryLimit": limit, "autoRetryNumber": 0} if limit else None
