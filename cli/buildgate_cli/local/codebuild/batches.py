"""Batch builds as the API sees them."""

import threading
import uuid
from collections.abc import Mapping
from typing import Any

from buildgate_cli.local.codebuild import answers
from buildgate_cli.local.codebuild.assembly import artifact_location, overridden
from buildgate_cli.local.codebuild.batch_run import BatchRun
from buildgate_cli.local.codebuild.builds import Builds
from buildgate_cli.local.codebuild.execution import Surroundings
from buildgate_cli.local.codebuild.names import Clock, arn, initiator
from buildgate_cli.local.codebuild.progress import Ledger
from buildgate_cli.local.codebuild.projects import Projects
from buildgate_cli.local.codebuild.store import Document, Store
from buildgate_cli.local.jsonservice import Caller, ServiceError

KIND = "batch"
_MEMBERS = (
    "source", "secondarySources", "secondarySourceVersions", "cache", "environment", "serviceRole",
    "queuedTimeoutInMinutes", "vpcConfig", "encryptionKey", "fileSystemLocations", "buildBatchConfig", "sourceVersion",
)  # fmt: skip


class Batches:
    """Batches of all projects. Each open one has a thread that starts its builds when their turn has come."""

    def __init__(
        self, store: Store, projects: Projects, builds: Builds, ledger: Ledger, around: Surroundings, now: Clock
    ) -> None:
        self._store = store
        self._projects = projects
        self._builds = builds
        self._ledger = ledger
        self._around = around
        self._now = now
        self._lock = threading.RLock()
        self._runs: dict[str, BatchRun] = {}

    def build_ended(self, build_id: str) -> None:
        """Hear that a build is complete."""
        for run in list(self._runs.values()):
            run.wake()

    def recover(self) -> None:
        """End the batches that an earlier cloud left open, as FAULT."""
        for batch_id in self._store.keys(KIND):
            record = self._store.get(KIND, batch_id)
            if record is not None and not record["batch"]["complete"]:
                run = self._run(batch_id)
                run.fail("FAULT", "INTERNAL_ERROR", "The local cloud went away while the batch ran.")
                run.close()

    def close(self) -> None:
        for run in list(self._runs.values()):
            run.abandon()

    def start(self, request: dict[str, Any], caller: Caller) -> Document:
        """Start a batch; with an idempotency token, the same request within five minutes is the same batch."""
        return self._builds.once("batch", request, lambda: self._start(request, initiator(caller.arn)), self._find)

    def _start(self, request: Mapping[str, Any], who: str) -> Document:
        project = self._projects.get(request["projectName"])
        plan = overridden(project, request)
        config = request.get("buildBatchConfigOverride") or plan.get("buildBatchConfig")
        if not config:
            raise ServiceError("InvalidInputException", "The project has no batch configuration")
        plan["buildBatchConfig"] = config
        batch_id = f"{project['name']}:{uuid.uuid4()}"
        stamp = self._now().timestamp()
        batch = {
            **{name: plan[name] for name in _MEMBERS if name in plan},
            "id": batch_id,
            "arn": arn("build-batch", batch_id),
            "startTime": stamp,
            "currentPhase": "SUBMITTED",
            "buildBatchStatus": "IN_PROGRESS",
            "projectName": project["name"],
            "phases": [{"phaseType": "SUBMITTED", "startTime": stamp}],
            "artifacts": artifact_location(plan["artifacts"], batch_id, None),
            "secondaryArtifacts": [artifact_location(e, batch_id, None) for e in plan.get("secondaryArtifacts", ())],
            "logConfig": plan.get("logsConfig", {}),
            "buildTimeoutInMinutes": request.get("buildTimeoutInMinutesOverride", plan["timeoutInMinutes"]),
            "complete": False,
            "initiator": who,
            "buildBatchNumber": self._store.count("batch-number", project["name"]),
            "buildGroups": [],
        }
        outputs = {name: plan[name] for name in ("artifacts", "secondaryArtifacts") if name in plan}
        self._save({"batch": batch, "request": dict(request), "plan": outputs})
        self._run(batch_id).begin()
        return batch

    def _run(self, batch_id: str) -> BatchRun:
        with self._lock:
            run = BatchRun(batch_id, self, self._builds, self._ledger, self._around)
            self._runs[batch_id] = run
            return run

    def ended(self, batch_id: str) -> None:
        """Hear from a batch's run that it is over."""
        with self._lock:
            self._runs.pop(batch_id, None)

    def retry(self, request: dict[str, Any], caller: Caller) -> Document:
        """Run a failed batch again: all of its builds, or those that failed and what depends on them."""
        batch_id = batch_id_of(request.get("id", ""))

        def again() -> Document:
            record = self.record(batch_id)
            if not record["batch"]["complete"] or record["batch"]["buildBatchStatus"] == "SUCCEEDED":
                raise ServiceError("InvalidInputException", f"Only failed batches can be retried: {batch_id}")
            self._run(batch_id).begin(again=request.get("retryType", "RETRY_ALL_BUILDS"))
            return self._batch(batch_id)

        return self._builds.once("retry-batch", request, again, self._find)

    def stop(self, batch_id: str) -> Document:
        plain = batch_id_of(batch_id)
        batch = self._batch(plain)
        run = self._runs.get(plain)
        if run is not None and not batch["complete"]:
            run.stop()
        return self._batch(plain)

    def batch_get(self, ids: list[str]) -> dict[str, Any]:
        return answers.named("buildBatches", ids, lambda batch_id: self._find(batch_id_of(batch_id)))

    def listed(self, request: Mapping[str, Any], project: str | None = None) -> dict[str, Any]:
        if project is not None:
            project = self._projects.get(project)["name"]
        ids = self._store.keys(KIND, parent=project, is_ascending=request.get("sortOrder") == "ASCENDING")
        wanted = request.get("filter", {}).get("status")
        if wanted:
            ids = [batch_id for batch_id in ids if (self._find(batch_id) or {}).get("buildBatchStatus") == wanted]
        return answers.listed("ids", ids, request)

    def delete(self, batch_id: str) -> dict[str, Any]:
        """Delete a complete batch with its builds."""
        batch = self._find(batch_id_of(batch_id))
        if batch is None:
            return {"statusCode": "BATCH_NOT_FOUND"}
        if not batch["complete"]:
            raise ServiceError("InvalidInputException", f"The batch is in progress: {batch_id}")
        arns = [group["currentBuildSummary"]["arn"] for group in batch["buildGroups"] if "currentBuildSummary" in group]
        self._store.delete(KIND, batch["id"])
        return {"statusCode": "BATCH_DELETED", **self._builds.batch_delete(arns)}

    def change(self, batch_id: str, **members: Any) -> None:
        """Set members of a batch."""
        with self._lock:
            record = self.record(batch_id)
            record["batch"] |= members
            self._save(record)

    def record(self, batch_id: str) -> Document:
        """Return a batch and its request. Raises ResourceNotFoundException."""
        record = self._store.get(KIND, batch_id)
        if record is None:
            raise ServiceError("ResourceNotFoundException", f"Build batch not found: {batch_id}")
        return record

    def _batch(self, batch_id: str) -> Document:
        return dict(self.record(batch_id)["batch"])

    def _find(self, batch_id: str) -> Document | None:
        record = self._store.get(KIND, batch_id)
        return record["batch"] if record else None

    def _save(self, record: Document) -> None:
        batch = record["batch"]
        self._store.put(KIND, batch["id"], record, parent=batch["projectName"], rank=batch["startTime"])


def batch_id_of(text: str) -> str:
    """Return the id in a batch's ARN; an id comes back as it is."""
    return text.removeprefix(arn("build-batch", ""))
