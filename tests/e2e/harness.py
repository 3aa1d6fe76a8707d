"""A whole local cloud for end-to-end tests: the real template, in a home of its own, as a process of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3

from buildgate_cli.api_client import ApiClient
from buildgate_cli.cloud_context import CloudContext, read_local
from buildgate_cli.errors import UserError
from buildgate_cli.local.background import read_first_report
from buildgate_cli.local.inbox import QUEUE, Notice, read_notices
from buildgate_cli.local.state import Home
from local_cloud_asking import until

STOP_SECONDS = 30


@dataclass
class RunningCloud:
    """One cloud and the hands to use it. Its process ends with the test's, however that ends.

    `variables` are its environment's beside the test's own; `kept` is what the modules that share it keep of each other.
    """

    home: Home
    speed: float = 1.0
    template: Path | None = None
    description: dict[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.home.prepare()
        command = [sys.executable, "-m", "buildgate_cli.local.cloud_main", "--tied"]
        command += ["--home", str(self.home.path), "--speed", str(self.speed)]
        command += ["--template", str(self.template)] if self.template else []
        with self.home.appending(self.home.log) as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.variables},
            )
        try:
            self.description = read_first_report(self._process, self.home)
        except UserError:
            self.stop()
            raise

    def stop(self) -> None:
        """End it as Ctrl-C does. Safe to repeat."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the supervisor as a crash does; what it started ends by itself."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def context(self) -> CloudContext:
        return read_local(self.home.path)

    @property
    def api(self) -> ApiClient:
        return ApiClient(self.context)

    def client(self, service: str) -> Any:
        return self.context.client(service)

    def notices(self) -> list[Notice]:
        return list(read_notices(self.home))

    def notice(self, *, containing: str, within: float = 30) -> Notice:
        """Wait for a notice whose subject or text contains a word."""
        return until(
            lambda: next((n for n in self.notices() if containing in f"{n.subject}\n{n.message}"), None), within=within
        )

    def topic(self, name: str, **options: Any) -> str:
        """Make a topic and wait until the inbox hears it, which looks for new ones every two seconds; return its ARN."""
        sns = self.client("sns")
        arn = str(sns.create_topic(Name=name, **options)["TopicArn"])

        def is_heard() -> bool:
            heard = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
            return any(one["Endpoint"].endswith(f":{QUEUE}") for one in heard)

        until(lambda: is_heard() or None)
        return arn

    def ask(self, method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
        """Open a page of the front as a browser would; `url` may be a path."""
        address = url if urlsplit(url).scheme else self.description["front_url"] + url
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request(method, address, redirect=False, **options)

    def repository(self, name: str) -> Path:
        """Return the bare repository that CodeCommit keeps under a name."""
        return Path(self.description["repositories"]) / f"{name}.git"

    def item(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Return one item of the table, as DynamoDB describes it."""
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        table = self.description["outputs"]["TableName"]
        return self.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")

    def run(self, run_id: str, *, within: float = 90, until_status: tuple[str, ...] = ()) -> dict[str, Any]:
        """Wait until a run has one of the statuses (any terminal one unless named) and return it."""
        open_ones = {"QUEUED", "RUNNING"}

        def look() -> dict[str, Any] | None:
            run = self.api.get("runs", run_id)["run"]
            is_there = run["status"] in until_status if until_status else run["status"] not in open_ones
            return run if is_there else None

        return until(look, within=within)

    def building(self, run_id: str, *, within: float = 60) -> str:
        """Wait until a build of a run does its work, and return the build's id."""
        codebuild = self.client("codebuild")

        def look() -> str | None:
            stages = self.api.get("runs", run_id)["run"]["stages"]
            started = [build["build_id"] for stage in stages for build in stage["builds"] if build["build_id"]]
            found = codebuild.batch_get_builds(ids=started)["builds"] if started else []
            return next((build["id"] for build in found if build["currentPhase"] == "BUILD"), None)

        return str(until(look, within=within))

    def lose_events(self, source: str, *, times: int = 1, action: str = "drop", **rule: Any) -> None:
        """Let our services lose (or `duplicate`) the next events of a source."""
        path = self.home.path / "event-faults.json"
        path.write_text(json.dumps([{"source": source, "action": action, "times": times, **rule}]))

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if process.poll() is None:
                process.send_signal(number)
            process.wait(STOP_SECONDS)
        finally:
            if process.stdin:
                process.stdin.close()


@contextmanager
def running_cloud(
    home: Path, *, speed: float = 1.0, template: Path | None = None, variables: dict[str, str] | None = None
) -> Iterator[RunningCloud]:
    """Start a cloud in `home`, with the checkout's own template unless another is named, and end it afterwards."""
    cloud = RunningCloud(Home(home), speed, template, variables=variables or {})
    try:
        cloud.start()
        yield cloud
    finally:
        cloud.stop()
