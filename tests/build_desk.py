"""The command line before a real local CodeBuild: projects, builds and their logs, without the rest of a cloud."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildgate_cli.local.codebuild import LocalCodeBuild, Settings
from buildgate_cli.local.jsonservice import Caller, ServiceError
from cli_harness import Cli, write_cloud
from local_builds import FakeLogs, FakeMetrics, FakeParameters, FakeS3, FakeSecrets
from local_harness import RecordingBus, client, serving

ENVIRONMENT = {
    "type": "LINUX_CONTAINER",
    "image": "aws/codebuild/standard:7.0",
    "computeType": "BUILD_GENERAL1_SMALL",
}
ROLE = "arn:aws:iam::000000000000:role/builds"


class ServedLogs:
    """CloudWatch Logs' GetLogEvents over what builds wrote: pages of `page` lines, tokens that repeat at the end."""

    service = "logs"

    def __init__(self, logs: FakeLogs, page: int = 7) -> None:
        self.logs = logs
        self.page = page
        self.failures: list[ServiceError] = []
        self.asked = 0

    def handle(self, operation: str, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self.asked += 1
        if self.failures:
            raise self.failures.pop()
        lines = self.logs.streams.get((request["logGroupName"], request["logStreamName"]))
        if lines is None:
            raise ServiceError("ResourceNotFoundException", "The specified log stream does not exist.")
        at = int(str(request.get("nextToken", "f/0")).removeprefix("f/"))
        found = lines[at : at + self.page]
        events = [{"timestamp": 1, "message": f"{line}\n", "ingestionTime": 1} for line in found]
        return {"events": events, "nextForwardToken": f"f/{at + len(found)}", "nextBackwardToken": "b/0"}


@dataclass
class Desk:
    """What a test uses: the command line, a client of CodeBuild, and the logs as they were written."""

    cli: Cli
    api: Any
    logs: ServedLogs

    def project(self, name: str, *commands: str, extra: str = "", **members: Any) -> None:
        """Make a project whose buildspec runs these commands; `extra` is more of the buildspec."""
        lines = "".join(f"      - {command}\n" for command in commands)
        text = f"version: 0.2\n{extra}phases:\n  build:\n    commands:\n{lines}"
        self.api.create_project(
            name=name,
            source={"type": "NO_SOURCE", "buildspec": text},
            artifacts={"type": "NO_ARTIFACTS"},
            environment=ENVIRONMENT,
            serviceRole=ROLE,
            **members,
        )

    def builds(self, project: str) -> list[dict[str, Any]]:
        """Return the builds of a project, oldest first."""
        ids = self.api.list_builds_for_project(projectName=project, sortOrder="ASCENDING")["ids"]
        return list(self.api.batch_get_builds(ids=ids)["builds"]) if ids else []


@contextmanager
def desk(tmp_path: Path, **settings: Any) -> Iterator[Desk]:
    """Open a desk in a folder; its builds end with it."""
    logs = FakeLogs()
    clients: dict[str, Any] = {
        "s3": FakeS3(),
        "logs": logs,
        "ssm": FakeParameters(),
        "secretsmanager": FakeSecrets(),
        "cloudwatch": FakeMetrics(),
    }
    chosen = Settings(**{"grace_seconds": 0.3, "concurrent_builds": 4, **settings})
    builds = LocalCodeBuild(tmp_path / "codebuild", clients.__getitem__, RecordingBus(), settings=chosen)
    served = ServedLogs(logs)
    with serving(builds, served) as server:
        write_cloud(tmp_path / "home", front="http://127.0.0.1:9", services=server.url)
        try:
            yield Desk(Cli(tmp_path / "home"), client(server, "codebuild"), served)
        finally:
            builds.stop()
