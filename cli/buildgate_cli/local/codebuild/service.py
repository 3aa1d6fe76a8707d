"""The CodeBuild service of the local cloud."""

import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent import processes
from buildgate_cli.local.agent.users import builds_folder
from buildgate_cli.local.codebuild.account import Account
from buildgate_cli.local.codebuild.batches import Batches
from buildgate_cli.local.codebuild.builds import Builds
from buildgate_cli.local.codebuild.conductor import Conductor
from buildgate_cli.local.codebuild.execution import Execution, Surroundings
from buildgate_cli.local.codebuild.keeping import Clients, Keeper, remembered
from buildgate_cli.local.codebuild.metrics import Measures
from buildgate_cli.local.codebuild.mirrors import Mirrors
from buildgate_cli.local.codebuild.names import Clock, utc_now
from buildgate_cli.local.codebuild.operations import (
    Operation,
    account_operations,
    batch_operations,
    build_operations,
    project_operations,
    report_operations,
)
from buildgate_cli.local.codebuild.outbox import Outbox
from buildgate_cli.local.codebuild.progress import Ledger
from buildgate_cli.local.codebuild.projects import Projects
from buildgate_cli.local.codebuild.reportgroups import ReportGroups
from buildgate_cli.local.codebuild.settings import Settings
from buildgate_cli.local.codebuild.store import Store
from buildgate_cli.local.events import Emit
from buildgate_cli.local.jsonservice import Caller

_RETRIED = frozenset({"FAILED", "FAULT", "TIMED_OUT"})


def _no_cloud(role: str) -> Mapping[str, str]:
    return {}


class LocalCodeBuild:
    """Projects, builds and reports, kept in `<home>/codebuild.sqlite3`; builds run as processes of this machine.

    `clients` hands out clients of the emulated S3, CloudWatch Logs, SSM and Secrets Manager. `emit` puts events on
    the bus. `cloud_variables` says what a service role's builds need in their environment to reach the local AWS.
    """

    service = "codebuild"

    def __init__(
        self,
        home: Path,
        clients: Clients,
        emit: Emit,
        *,
        repositories: Path | None = None,
        interpreter: str = sys.executable,
        cloud_variables: Callable[[str], Mapping[str, str]] = _no_cloud,
        settings: Settings | None = None,
        now: Clock = utc_now,
    ) -> None:
        settings = settings or Settings.from_environment()
        clients = remembered(clients)
        self._store = Store(home / "codebuild.sqlite3")
        self._outbox = Outbox(emit)
        self._ledger = Ledger(self._store, self._outbox.put, now)
        self._groups = ReportGroups(self._store, now)
        self._measures = Measures(clients, self._ledger, now)
        self._keeper = Keeper(clients, self._ledger, self._groups)
        self._around = Surroundings(
            home=home,
            builds=builds_folder(home),
            repositories=repositories or home / "repositories",
            interpreter=interpreter,
            clients=clients,
            cloud_variables=cloud_variables,
            cache_generation=lambda project: self._store.counted("cache", project),
            mirrors=Mirrors(home),
            measures=self._measures,
            settings=settings,
            now=now,
        )
        self._conductor = Conductor(self._ledger, settings, self._prepare, self._ended)
        self._projects = Projects(self._store, now)
        self._builds = Builds(self._store, self._projects, self._ledger, self._conductor, settings, now)
        self._batches = Batches(self._store, self._projects, self._builds, self._ledger, self._around, now)
        self._ledger.on_finish(self._batches.build_ended)
        self._ledger.on_finish(self._measures.build_ended)
        self.operations: Mapping[str, Operation] = {
            **project_operations(self._projects, self._drop_cache),
            **build_operations(self._builds),
            **batch_operations(self._batches),
            **report_operations(self._groups),
            **account_operations(Account(self._store, self._projects, now)),
        }

    def start(self) -> list[str]:
        """Take up work where an earlier cloud left it: its open builds become FAULT. Returns their ids.

        Call it once the bus takes events.
        """
        lost = self._ledger.open_ids()
        for build_id in lost:
            processes.end(lambda mark=build_id: processes.marked(mark), grace_seconds=0.5)  # type: ignore[misc]
            self._ledger.finish(build_id, "FAULT")
        self._batches.recover()
        for left in self._around.builds.iterdir():
            shutil.rmtree(left, ignore_errors=True)
        for project in self._around.mirrors.projects():
            self._sweep_cache(project)
        return lost

    def stop(self) -> None:
        """End all builds and close the store. Their records stay open and become FAULT at the next start."""
        self._batches.close()
        self._conductor.close()
        self._outbox.close()
        self._measures.close()
        with suppress(OSError):  # a folder that is kept, or gone already
            self._around.builds.rmdir()
        self._store.close()

    def handle(self, operation: str, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        if operation not in self.operations:
            raise NotImplementedError(operation)
        return self.operations[operation](request, caller)

    def _drop_cache(self, project: str) -> None:
        """Let a project's next builds find an empty cache. What it had goes when no build of it may be reading it."""
        self._store.count("cache", project)
        if not self._ledger.open_ids(project):
            self._sweep_cache(project)

    def _sweep_cache(self, project: str) -> None:
        self._around.mirrors.sweep(project, self._around.cache_generation(project))

    def _prepare(self, build_id: str) -> Execution:
        return Execution(build_id, self._around, self._ledger, self._keeper)

    def _ended(self, build_id: str, last: Mapping[str, Any]) -> None:
        """Run the build again when its buildspec or its project asks for it."""
        record = self._ledger.record(build_id)
        project_limit = record["plan"].get("autoRetryLimit", 0) if record and last["status"] in _RETRIED else 0
        limit = max(int(last.get("retries", 0)), int(project_limit))
        if limit:
            self._builds.auto_retry(build_id, limit)
