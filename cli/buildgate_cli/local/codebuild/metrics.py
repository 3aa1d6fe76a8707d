"""The metrics that CodeBuild publishes about builds: namespace AWS/CodeBuild, by project and over all."""

import logging
import queue
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from buildgate_cli.local.codebuild.keeping import Clients
from buildgate_cli.local.codebuild.progress import Ledger

LOG = logging.getLogger(__name__)
NAMESPACE = "AWS/CodeBuild"
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


class Measures:
    """Publishes the metrics of every build that ends, from a thread: nothing waits for CloudWatch."""

    def __init__(self, clients: Clients, ledger: Ledger) -> None:
        self._clients = clients
        self._ledger = ledger
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="codebuild-metrics", daemon=True)
        self._thread.start()

    def build_ended(self, build_id: str) -> None:
        self._queue.put(build_id)

    def close(self, timeout_seconds: float = 5.0) -> None:
        """Publish what is waiting and end."""
        self._queue.put(None)
        self._thread.join(timeout_seconds)

    def _work(self) -> None:
        while (build_id := self._queue.get()) is not None:
            build = self._ledger.build(build_id)
            if build is None:
                continue
            try:
                client = self._clients("cloudwatch")
                client.put_metric_data(Namespace=NAMESPACE, MetricData=metric_data(build))
            except Exception as error:  # noqa: BLE001 - a build is not worse for a metric that is lost
                LOG.warning("metrics of %s not kept: %s", build_id, error)
