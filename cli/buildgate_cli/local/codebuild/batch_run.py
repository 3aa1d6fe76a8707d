"""One batch on its way: its buildspec, its builds in order, its end."""

import logging
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildgate_cli.buildspecs import Batch, Buildspec, BuildspecError, load_bytes
from buildgate_cli.local.agent.build import DEFAULT_BUILDSPEC, BroughtSource, Failure, is_inline
from buildgate_cli.local.agent.execution import Execution, Interrupt, InterruptedBuildError
from buildgate_cli.local.codebuild.batch_record import BatchBook, BatchRecord
from buildgate_cli.local.codebuild.builds import Builds, Member
from buildgate_cli.local.codebuild.combining import Combiner, Part
from buildgate_cli.local.codebuild.execution import Surroundings
from buildgate_cli.local.codebuild.objects import fetch_object
from buildgate_cli.local.codebuild.progress import Ledger
from buildgate_cli.local.codebuild.sources import source_for
from buildgate_cli.local.codebuild.store import Document
from buildgate_cli.local.codebuild.tasks import BadBatchError, Task, tasks_of
from buildgate_cli.local.jsonservice import ServiceError

LOG = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
_DEFAULT_MAXIMUM = 100
_OWN_MEMBERS = frozenset(
    {"buildBatchConfigOverride", "reportBuildBatchStatusOverride", "idempotencyToken", "buildTimeoutInMinutesOverride"}
)


@dataclass(frozen=True)
class _Objects:
    """S3 for the download of the batch's buildspec."""

    around: Surroundings

    def fetch_object(self, location: str, into: Path) -> str | None:
        return fetch_object(self.around.clients("s3"), location, into)

    def keep_source(self, brought: BroughtSource) -> None:
        """The builds of the batch keep their source; this clone is for its buildspec only."""


class BatchRun:
    """Drives one batch in a thread of its own."""

    def __init__(self, batch_id: str, book: BatchBook, builds: Builds, ledger: Ledger, around: Surroundings) -> None:
        self._id = batch_id
        self._book = book
        self._builds = builds
        self._ledger = ledger
        self._around = around
        self._written = BatchRecord(batch_id, book, around.now)
        self._changed = threading.Condition()
        self._interrupt = Interrupt()
        self._ending: str | None = None
        self._is_abandoned = False
        self._skipped: set[str] = set()

    def begin(self, *, again: str | None = None) -> None:
        """Start the batch, or start it again: RETRY_ALL_BUILDS or RETRY_FAILED_BUILDS."""
        if again is not None:
            self._written.reopen(keeps_good=again == "RETRY_FAILED_BUILDS")
        threading.Thread(target=self._work, name=f"batch-{self._id}", daemon=True).start()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        self._end("STOPPED")

    def abandon(self) -> None:
        """Leave the batch as it is: the cloud goes down."""
        with self._changed:
            self._is_abandoned = True
        self._end("STOPPED")

    def fail(self, status: str, code: str, message: str) -> None:
        """End the batch at once, with the phase it is in."""
        self._written.close_phase(status, code, message)
        self._written.finish(status)

    def _end(self, status: str) -> None:
        with self._changed:
            self._ending = self._ending or status
            self._changed.notify_all()
        self._interrupt.request("STOPPED")

    def _batch(self) -> Document:
        return dict(self._book.record(self._id)["batch"])

    def _work(self) -> None:
        try:
            self._drive()
        except (Failure, BadBatchError, BuildspecError) as error:
            code = error.code if isinstance(error, (Failure, BuildspecError)) else "YAML_FILE_ERROR"
            self.fail("FAILED", code, getattr(error, "message", str(error)))
        except InterruptedBuildError:
            self.fail("STOPPED", "", "")
        except Exception:  # a defect must end this batch and no other
            LOG.exception("batch %s broke", self._id)
            self.fail("FAULT", "INTERNAL_ERROR", "The local cloud failed; its log says why.")
        finally:
            self.close()

    def close(self) -> None:
        """Leave the book; the run is over."""
        self._book.ended(self._id)
        self._interrupt.close()

    def _drive(self) -> None:
        self._written.open_phase("DOWNLOAD_BATCHSPEC")
        spec, commit = self._download()
        tasks = tasks_of(spec.batch)
        self._check(tasks)
        known = {group["identifier"]: group for group in self._batch()["buildGroups"]}
        groups = [{**_group(task), **known.get(task.identifier, {})} for task in tasks]
        members = {"resolvedSourceVersion": commit} if commit else {}
        self._book.change(self._id, buildGroups=groups, **members)
        self._written.open_phase("IN_PROGRESS")
        self._run_tasks(tasks, spec.batch or Batch(), commit)
        if self._is_abandoned:
            return
        status = self._ending or ("SUCCEEDED" if not self._failed(tasks) else "FAILED")
        if status == "SUCCEEDED" and self._combines:
            self._written.open_phase("COMBINE_ARTIFACTS")
            self._combine()
        self._written.close_phase(status, "", "")
        self._written.finish(status)

    @property
    def _combines(self) -> bool:
        return bool(self._batch()["buildBatchConfig"].get("combineArtifacts"))

    def _combine(self) -> None:
        """Bring the builds' artifacts together, in the order in which the buildspec names the builds."""
        with self._scratch() as folder:
            plan = self._book.record(self._id)["plan"]
            summaries = [(g["identifier"], g.get("currentBuildSummary")) for g in self._batch()["buildGroups"]]
            found = [(name, self._build_of(summary)) for name, summary in summaries if summary]
            parts = [Part(name, build) for name, build in found if build is not None]
            places = Combiner(self._around.clients("s3"), plan, self._id, folder).combine(parts)
        self._book.change(self._id, **places)

    def _build_of(self, summary: Mapping[str, Any]) -> Document | None:
        return self._ledger.build(summary["arn"].partition("build/")[2])

    # The buildspec

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """Lend a folder for a while."""
        folder = self._around.builds / f"batch-{self._id.rpartition(':')[2]}"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _download(self) -> tuple[Buildspec, str | None]:
        batch = self._batch()
        execution = Execution(lambda _: None, self._interrupt, deadline=time.monotonic() + 600, mark=self._id)
        try:
            with self._scratch() as folder:
                source = source_for(batch["source"], batch.get("sourceVersion"), self._around.repositories)
                commit = source.fetch(folder / "src", execution, _Objects(self._around))
                return self._read_spec(batch["source"].get("buildspec"), folder / "src"), commit
        finally:
            execution.close()

    @staticmethod
    def _read_spec(text: str | None, folder: Path) -> Buildspec:
        if text and is_inline(text):
            return load_bytes(text.encode())
        try:
            return load_bytes((folder / (text or DEFAULT_BUILDSPEC)).read_bytes())
        except OSError:
            raise Failure("YAML_FILE_ERROR", "YAML file does not exist") from None

    def _check(self, tasks: list[Task]) -> None:
        limits = self._batch()["buildBatchConfig"].get("restrictions", {})
        most = limits.get("maximumBuildsAllowed", _DEFAULT_MAXIMUM)
        if len(tasks) > most:
            raise BadBatchError(f"the batch has {len(tasks)} builds, {most} are allowed")
        allowed = limits.get("computeTypesAllowed")
        for task in tasks:
            wanted = task.changes.get("computeTypeOverride")
            if allowed and wanted and wanted not in allowed:
                raise BadBatchError(f"{task.identifier}: compute type {wanted} is not allowed")

    # The builds

    def _run_tasks(self, tasks: list[Task], spec: Batch, commit: str | None) -> None:
        deadline = time.monotonic() + self._timeout_seconds()
        while True:
            states = self._states(tasks)
            if self._is_abandoned:
                return
            if time.monotonic() >= deadline:
                self._end("TIMED_OUT")
            if spec.fast_fail and self._failed(tasks):
                self._end("FAILED")
            if self._ending:
                self._stop_members(states)
            else:
                self._start_ready(tasks, states, commit)
            if not self._is_waiting(tasks):
                return
            with self._changed:
                self._changed.wait(_LOOK_SECONDS)

    def _timeout_seconds(self) -> float:
        minutes = self._batch()["buildBatchConfig"].get("timeoutInMins", 480)
        return float(minutes) * self._around.settings.seconds_per_minute

    def _states(self, tasks: list[Task]) -> dict[str, str | None]:
        """Return each task's build status, None for one that has not started; write down what has changed."""
        groups = self._batch()["buildGroups"]
        reports: list[str] = []
        for group in groups:
            summary = group.get("currentBuildSummary")
            build = self._build_of(summary) if summary else None
            if build is not None:
                group["currentBuildSummary"] = _summary(build)
                reports += build.get("reportArns", [])
        self._book.change(self._id, buildGroups=groups, reportArns=reports)
        return {group["identifier"]: group.get("currentBuildSummary", {}).get("buildStatus") for group in groups}

    def _start_ready(self, tasks: list[Task], states: Mapping[str, str | None], commit: str | None) -> None:
        for task in tasks:
            if states[task.identifier] is not None or task.identifier in self._skipped:
                continue
            needs = [name for name in task.depends_on if states.get(name) != "SUCCEEDED"]
            lost = [name for name in needs if self._is_lost(name, tasks, states)]
            if lost:
                self._skipped.add(task.identifier)
            elif not [name for name in needs if not self._is_forgiven(name, tasks, states)]:
                self._start(task, commit)

    def _is_lost(self, name: str, tasks: list[Task], states: Mapping[str, str | None]) -> bool:
        if name in self._skipped:
            return True
        return states[name] not in {None, "IN_PROGRESS", "SUCCEEDED"} and not self._is_forgiven(name, tasks, states)

    @staticmethod
    def _is_forgiven(name: str, tasks: list[Task], states: Mapping[str, str | None]) -> bool:
        """Say whether a task has failed without holding up those that depend on it."""
        ignored = any(task.identifier == name and task.is_failure_ignored for task in tasks)
        return ignored and states[name] not in {None, "IN_PROGRESS"}

    def _start(self, task: Task, commit: str | None) -> None:
        record = self._book.record(self._id)
        request = _member_request(record["request"], task.changes, commit)
        member = Member(record["batch"]["arn"], task.identifier, task.share, is_combined=self._combines)
        try:
            build = self._builds.start_member(request, record["batch"]["initiator"], member)
        except ServiceError as error:
            if error.code != "AccountLimitExceededException":
                raise Failure("CLIENT_ERROR", error.message) from error
            return  # no room now; looked at again when a build ends
        groups = record["batch"]["buildGroups"]
        for group in groups:
            if group["identifier"] == task.identifier:
                group["currentBuildSummary"] = _summary(build)
        self._book.change(self._id, buildGroups=groups)

    def _stop_members(self, states: Mapping[str, str | None]) -> None:
        for group in self._batch()["buildGroups"]:
            if states[group["identifier"]] == "IN_PROGRESS":
                self._builds.stop(group["currentBuildSummary"]["arn"])

    def _is_waiting(self, tasks: list[Task]) -> bool:
        states = self._states(tasks)
        is_running = "IN_PROGRESS" in states.values()
        is_pending = any(states[task.identifier] is None and task.identifier not in self._skipped for task in tasks)
        return is_running or (is_pending and not self._ending)

    def _failed(self, tasks: list[Task]) -> list[str]:
        states = self._states(tasks)
        bad = [t.identifier for t in tasks if not t.is_failure_ignored and _is_bad(states[t.identifier])]
        return [*bad, *self._skipped]


def _is_bad(status: str | None) -> bool:
    return status not in {None, "IN_PROGRESS", "SUCCEEDED"}


def _group(task: Task) -> Document:
    return {
        "identifier": task.identifier,
        "dependsOn": list(task.depends_on),
        "ignoreFailure": task.is_failure_ignored,
    }


def _summary(build: Document) -> Document:
    location = build["artifacts"].get("location")
    artifact = {"type": "S3", "location": location} if location else {"type": "NO_ARTIFACTS"}
    return {
        "arn": build["arn"],
        "requestedOn": build["startTime"],
        "buildStatus": build["buildStatus"],
        "primaryArtifact": artifact,
    }


def _member_request(request: Mapping[str, Any], changes: Mapping[str, Any], commit: str | None) -> dict[str, Any]:
    """Return the StartBuild request of a member: the batch's own overrides, then the task's; the commit is pinned."""
    base = {name: value for name, value in request.items() if name not in _OWN_MEMBERS}
    if "buildTimeoutInMinutesOverride" in request:
        base["timeoutInMinutesOverride"] = request["buildTimeoutInMinutesOverride"]
    variables = [
        *request.get("environmentVariablesOverride", []),
        *changes.get("environmentVariablesOverride", []),
    ]
    merged = {**base, **changes}
    if variables:
        merged["environmentVariablesOverride"] = variables
    if commit:
        merged["sourceVersion"] = commit
    return merged
