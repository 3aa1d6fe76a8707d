"""The metrics that CodeBuild publishes about builds: namespace AWS/CodeBuild, by project and over all."""

import logging
import queue
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from buildgate_cli.local.agent.build import MEBIBYTE, Used
from buildgate_cli.local.codebuild.hosts import memory_bytes, processors
from buildgate_cli.local.codebuild.keeping import Clients
from buildgate_cli.local.codebuild.names import Clock
from buildgate_cli.local.codebuild.progress import Ledger

LOG = logging.getLogger(__name__)
NAMESPACE = "AWS/CodeBuild"
_CPU_UNITS = 1024
"""CPU units of one processor, as in ECS."""
_PHASES = {
    "SUBMITTED": "SubmittedDuration",
    "QUEUED": "QueuedDuration",
    "PROVISIONING": "ProvisioningDuration",
    "DOWNLOAD_SOURCE": "DownloadSourceDuration",
    "INSTALL": "InstallDuration",
    "PRE_BUILD": "PreBuildDuration",
    "BUILD": "BuildDuration",
    "POST_BUILD": "PostBuildDuration",
    "UPLOAD_ARTIFACTS": "UploadArtifactsDuration",
    "FINALIZING": "FinalizingDuration",
}


def metric_data(build: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return PutMetricData's data for a complete build: counts, whole duration and each phase's, in seconds."""
    at = datetime.fromtimestamp(build["endTime"], UTC)
    by_project = [{"Name": "ProjectName", "Value": build["projectName"]}]
    return [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value, "Unit": unit}
        for name, value, unit in _values(build)
        for dimensions in (by_project, [])
    ]


def _values(build: Mapping[str, Any]) -> Iterator[tuple[str, float, str]]:
    yield "Builds", 1.0, "Count"
    if build["buildStatus"] == "SUCCEEDED":
        yield "SucceededBuilds", 1.0, "Count"
    elif build["buildStatus"] != "STOPPED":
        yield "FailedBuilds", 1.0, "Count"
    yield "Duration", build["endTime"] - build["startTime"], "Seconds"
    for phase in build["phases"]:
        if phase["phaseType"] in _PHASES and "endTime" in phase:
            yield _PHASES[phase["phaseType"]], phase["endTime"] - phase["startTime"], "Seconds"


def usage_data(build: Mapping[str, Any], used: Used, at: datetime) -> list[dict[str, Any]]:
    """Return PutMetricData's data for what a build used in a minute: of the build, its project, and over all.

    Shares are of what the compute type has, at most all of it: this machine may have more. A compute type of no fixed
    size has no shares. Source: "CodeBuild CloudWatch resource utilization metrics" and "dimensions", CodeBuild user guide; they
    name BuildId and do not show one: it is taken as the part that also names the build's log stream.
    """
    project = {"Name": "ProjectName", "Value": build["projectName"]}
    own = [
        {"Name": "BuildId", "Value": build["id"].rpartition(":")[2]},
        {"Name": "BuildNumber", "Value": str(build["buildNumber"])},
        project,
    ]
    return [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": at, "Value": value, "Unit": unit}
        for name, value, unit in _used_values(build["environment"], used)
        for dimensions in (own, [project], [])
    ]


def _used_values(environment: Mapping[str, Any], used: Used) -> Iterator[tuple[str, float, str]]:
    cpus = used.cpu_seconds / used.seconds
    yield "CPUUtilized", cpus * _CPU_UNITS, "None"
    has_cpus, has_bytes = processors(environment), memory_bytes(environment)
    if has_cpus:
        yield "CPUUtilizedPercent", min(100 * cpus / has_cpus, 100.0), "Percent"
    yield "MemoryUtilized", used.memory_bytes / MEBIBYTE, "Megabytes"
    if has_bytes:
        yield "MemoryUtilizedPercent", min(100 * used.memory_bytes / has_bytes, 100.0), "Percent"
    yield "StorageReadBytes", used.read_bytes / used.seconds, "Bytes/Second"
    yield "StorageWriteBytes", used.written_bytes / used.seconds, "Bytes/Second"


class Measures:
    """Publishes the metrics of builds, from a thread: nothing waits for CloudWatch."""

    def __init__(self, clients: Clients, ledger: Ledger, now: Clock) -> None:
        self._clients = clients
        self._ledger = ledger
        self._now = now
        self._queue: queue.SimpleQueue[str | list[dict[str, Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="codebuild-metrics", daemon=True)
        self._thread.start()

    def build_ended(self, build_id: str) -> None:
        self._queue.put(build_id)

    def used(self, build: Mapping[str, Any], used: Used) -> None:
        """Publish what a build has used in the minute that ends now."""
        self._queue.put(usage_data(build, used, self._now()))

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Publish what is waiting and end."""
        self._queue.put(None)
        self._thread.join(timeout_seconds)

    def _work(self) -> None:
        while (one := self._queue.get()) is not None:
            try:
                data = one if isinstance(one, list) else self._of(one)
                if data:
                    self._clients("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)
            except Exception as error:  # noqa: BLE001 - a build is not worse for a metric that is lost
                LOG.warning("metrics of a build not kept: %s", error)

    def _of(self, build_id: str) -> list[dict[str, Any]]:
        build = self._ledger.build(build_id)
        return metric_data(build) if build else []
