"""What a build leaves behind, on its way to S3: artifacts, and the raw files of reports."""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent.build import CollectedFile, Failure
from buildgate_cli.local.agent.pack import zipped
from buildgate_cli.local.codebuild.assembly import artifact_location, artifact_place
from buildgate_cli.local.codebuild.objects import put_object
from buildgate_cli.local.codebuild.progress import Ledger
from buildgate_cli.local.codebuild.reportgroups import ReportGroups, report_id, report_type
from buildgate_cli.local.codebuild.store import Document
from buildgate_cli.local.codebuild.summaries import read_files, summarise
from buildgate_cli.local.jsonservice import ServiceError

LOG = logging.getLogger(__name__)
Clients = Callable[[str], Any]
"""Returns a client of the emulated cloud by botocore's service name."""


def remembered(clients: Clients) -> Clients:
    """Return the factory with each client made once: making one loads a service model."""
    made: dict[str, Any] = {}
    lock = threading.Lock()

    def client(service: str) -> Any:
        with lock:
            if service not in made:
                made[service] = clients(service)
            return made[service]

    return client


class Keeper:
    """Uploads for builds. `clients` hands out S3 clients of the local cloud."""

    def __init__(self, clients: Clients, ledger: Ledger, groups: ReportGroups) -> None:
        self._clients = clients
        self._ledger = ledger
        self._groups = groups

    def artifact(self, record: Document, message: Mapping[str, Any]) -> None:
        """Upload one artifact and note its place and checksums in the build. Raises Failure."""
        build_id, identifier = record["build"]["id"], message["identifier"]
        config = _artifact_config(record["plan"], identifier)
        bucket, key = artifact_place(config, build_id, message["name"], message["s3_prefix"])
        if "zip" in message:
            self._upload(bucket, key, Path(message["zip"]))
        else:
            for path, name in message["files"]:
                self._upload(bucket, f"{key}/{name}", Path(path))
        sums = {"sha256sum": message.get("sha256"), "md5sum": message.get("md5")}
        place = artifact_location(config, build_id, message["name"]) | {k: v for k, v in sums.items() if v}
        place["location"] = f"arn:aws:s3:::{bucket}/{key}"
        self._ledger.change(build_id, lambda build: _note_artifact(build, identifier, place))

    def report(self, record: Document, message: Mapping[str, Any], folder: Path) -> None:
        """Keep a report: raw files exported as its group says, and the summary. Raises Failure."""
        build = record["build"]
        files = tuple(CollectedFile(Path(path), name) for path, name in message["files"])
        try:
            group = self._groups.named(message["group"], build["projectName"], report_type(message["file_format"]))
        except ServiceError as error:
            raise Failure("CLIENT_ERROR", error.message) from None
        report = self._groups.add_report(group, build["arn"])
        self._ledger.change(build["id"], lambda build: build.setdefault("reportArns", []).append(report["arn"]))
        self._export(report, files, folder)
        read = read_files(files)
        for reason in read.refused:
            LOG.info("report file of %s not read: %s", build["id"], reason)
        self._groups.describe(report, *summarise(report, read))

    def _export(self, report: Document, files: tuple[CollectedFile, ...], folder: Path) -> None:
        target = report["exportConfig"].get("s3Destination")
        if report["exportConfig"].get("exportConfigType") != "S3" or not target:
            return
        own = report_id(report["arn"])
        prefix = "/".join(part for part in (target.get("path", "").strip("/"), report["name"], own) if part)
        if target.get("packaging") == "ZIP":
            packed = zipped(files, folder / f"report-{own}.zip")
            self._upload(target["bucket"], f"{prefix}/{report['name']}.zip", packed.path)
            return
        for file in files:
            self._upload(target["bucket"], f"{prefix}/{file.name}", file.path)

    def _upload(self, bucket: str, key: str, path: Path) -> None:
        put_object(self._clients("s3"), bucket, key, path)


def _artifact_config(plan: Mapping[str, Any], identifier: str | None) -> Mapping[str, Any]:
    if identifier is None:
        return dict(plan["artifacts"])
    return next(dict(a) for a in plan["secondaryArtifacts"] if a.get("artifactIdentifier") == identifier)


def _note_artifact(build: Document, identifier: str | None, place: Document) -> None:
    if identifier is None:
        build["artifacts"] = place
        return
    others = [a for a in build["secondaryArtifacts"] if a.get("artifactIdentifier") != identifier]
    build["secondaryArtifacts"] = [*others, place]
