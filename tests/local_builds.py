"""A local CodeBuild with a repository, S3, logs, parameters and secrets that only remember."""

import functools
import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buildgate_cli.local.codebuild import LocalCodeBuild, Settings
from buildgate_cli.local.codecommit import LocalCodeCommit
from local_harness import RecordingBus, client, commit, git, new_work_tree, serving

REMOTE = "https://git-codecommit.us-east-1.amazonaws.com/v1/repos/shop"


class NoSuchKeyError(Exception):
    pass


@dataclass
class FakeS3:
    """Objects by `bucket/key`."""

    objects: dict[str, bytes] = field(default_factory=dict)
    is_down: bool = False
    exceptions: Any = field(default_factory=lambda: SimpleNamespace(NoSuchKey=NoSuchKeyError))

    def put_object(self, *, Bucket: str, Key: str, Body: Any) -> dict[str, Any]:  # noqa: N803
        if self.is_down:
            raise ConnectionError("S3 is away")
        self.objects[f"{Bucket}/{Key}"] = Body.read()
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if f"{Bucket}/{Key}" not in self.objects:
            raise NoSuchKeyError(Key)
        return {"Body": io.BytesIO(self.objects[f"{Bucket}/{Key}"])}

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        keys = [key.removeprefix(f"{Bucket}/") for key in self.objects if key.startswith(f"{Bucket}/{Prefix}")]
        at = datetime(2026, 11, 22, tzinfo=UTC)
        return [{"Contents": [{"Key": key, "LastModified": at}]} for key in keys]


@dataclass
class FakeLogs:
    streams: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def create_log_group(self, **arguments: Any) -> None:
        return None

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> None:  # noqa: N803
        self.streams[logGroupName, logStreamName] = []

    def put_log_events(self, *, logGroupName: str, logStreamName: str, logEvents: list[Any]) -> None:  # noqa: N803
        self.streams[logGroupName, logStreamName] += [event["message"] for event in logEvents]


@dataclass
class FakeParameters:
    def get_parameters(self, *, Names: list[str], WithDecryption: bool) -> dict[str, Any]:  # noqa: N803
        known = {"/shop/token": "parameter-value"}
        return {
            "Parameters": [{"Name": name, "Value": known[name]} for name in Names if name in known],
            "InvalidParameters": [name for name in Names if name not in known],
        }


@dataclass
class FakeSecrets:
    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        return {"SecretString": '{"key": "secret-value"}'}


@dataclass
class FakeMetrics:
    data: list[dict[str, Any]] = field(default_factory=list)

    def put_metric_data(self, *, Namespace: str, MetricData: list[dict[str, Any]]) -> None:  # noqa: N803
        assert Namespace == "AWS/CodeBuild"
        self.data += MetricData


@dataclass
class BuildCloud:
    """The cloud as a test sees it; `api` is a botocore client of CodeBuild."""

    api: Any
    bus: RecordingBus
    s3: FakeS3
    logs: FakeLogs
    home: Path
    service: LocalCodeBuild
    metrics: FakeMetrics
    open_work: Callable[[], Path]

    @functools.cached_property
    def work(self) -> Path:
        """A work tree of the repository shop; both are made when first asked for, for few tests need them."""
        return self.open_work()

    def project(self, name: str = "shop", buildspec: str | None = None, **members: Any) -> None:
        source = {"type": "CODECOMMIT", "location": REMOTE} if buildspec is None else {"type": "NO_SOURCE"}
        request = {
            "name": name,
            "source": source | ({"buildspec": buildspec} if buildspec else {}),
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                "environmentVariables": [{"name": "WHO", "value": "project"}],
            },
            "serviceRole": "arn:aws:iam::000000000000:role/builds",
        }
        self.api.create_project(**request | members)

    def inline(self, *commands: str, name: str = "inline", **members: Any) -> str:
        """Make a project of these commands, start it and return the build's id."""
        lines = "".join(f"      - {command}\n" for command in commands)
        self.project(name, f"version: 0.2\nphases:\n  build:\n    commands:\n{lines}", **members)
        return self.start(name)

    def start(self, name: str, **overrides: Any) -> str:
        return str(self.api.start_build(projectName=name, **overrides)["build"]["id"])

    def push(self, **files: str) -> str:
        """Commit and push files; an underscore in a name is a dot."""
        commit_id = commit(self.work, {name.replace("_", "."): text for name, text in files.items()})
        git(self.work, "push", "-q", "origin", "main")
        return commit_id

    def get(self, build_id: str) -> dict[str, Any]:
        (build,) = self.api.batch_get_builds(ids=[build_id])["builds"]
        return dict(build)

    def wait(self, build_id: str, *, seconds: float = 30) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            build = self.get(build_id)
            if build["buildComplete"]:
                return build
            time.sleep(0.02)
        raise AssertionError(f"{build_id} is still in {build['currentPhase']}")

    def wait_for_log(self, build_id: str, text: str, seconds: float = 30) -> list[str]:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            lines = self.log(build_id)
            if any(line == text for line in lines):
                return lines
            time.sleep(0.02)
        raise AssertionError(f"{text} was not logged")

    def log(self, build_id: str) -> list[str]:
        project, _, stream = build_id.partition(":")
        return self.logs.streams.get((f"/aws/codebuild/{project}", stream), [])

    def details(self, kind: str) -> list[dict[str, Any]]:
        """Return the details of the events of a kind, State or Phase."""
        return [event.detail for event in self.bus.events if event.detail_type == f"CodeBuild Build {kind} Change"]

    def settle(self) -> None:
        """Let the events that are on their way arrive."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if all(d["build-status"] != "IN_PROGRESS" for d in self.details("State")[-1:]):
                return
            time.sleep(0.01)


@contextmanager
def build_cloud(tmp_path: Path, settings: Settings, bus: RecordingBus | None = None) -> Iterator[BuildCloud]:
    """Open a cloud in a folder; opening it there again finds what the first one kept."""
    s3, logs, home, bus = FakeS3(), FakeLogs(), tmp_path / "home", bus or RecordingBus()
    metrics = FakeMetrics()
    clients: dict[str, Any] = {
        "s3": s3,
        "logs": logs,
        "ssm": FakeParameters(),
        "secretsmanager": FakeSecrets(),
        "cloudwatch": metrics,
    }
    commits = LocalCodeCommit(home, RecordingBus())
    builds = LocalCodeBuild(home, clients.__getitem__, bus, settings=settings)

    def open_work() -> Path:
        if not commits.repositories.exists("shop"):
            client(server, "codecommit").create_repository(repositoryName="shop")
            new_work_tree(tmp_path / "work", str(home / "repositories" / "shop.git"))
        return tmp_path / "work"

    with serving(commits, builds) as server:
        try:
            yield BuildCloud(client(server, "codebuild"), bus, s3, logs, home, builds, metrics, open_work)
        finally:
            builds.stop()


def refused(call: Any, **arguments: Any) -> tuple[str, str]:
    """Return code and message of the AWS error that the call must answer with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
