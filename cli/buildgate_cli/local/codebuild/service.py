"""The CodeBuild service of the local cloud."""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent import processes
from buildgate_cli.local.codebuild.builds import Builds
from buildgate_cli.local.codebuild.conductor import Conductor
from buildgate_cli.local.codebuild.execution import Execution, Surroundings
from buildgate_cli.local.codebuild.keeping import Clients, Keeper
from buildgate_cli.local.codebuild.names import Clock, utc_now
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
        self._store = Store(home / "codebuild.sqlite3")
        self._outbox = Outbox(emit)
        self._ledger = Ledger(self._store, self._outbox.put, now)
        self._groups = ReportGroups(self._store, now)
        self._keeper = Keeper(clients, self._ledger, self._groups)
        self._around = Surroundings(
            home=home,
            repositories=repositories or home / "repositories",
            interpreter=interpreter,
            clients=clients,
            cloud_variables=cloud_variables,
            cache_generation=lambda project: self._store.counted("cache", project),
            settings=settings,
            now=now,
        )
        self._conductor = Conductor(self._ledger, settings, self._prepare, self._ended)
        self._projects = Projects(self._store, now)
        self._builds = Builds(self._store, self._projects, self._ledger, self._conductor, settings, now)

    def start(self) -> list[str]:
        """Take up work where an earlier cloud left it: its open builds become FAULT. Returns their ids.

        Call it once the bus takes events.
        """
        lost = self._ledger.open_ids()
        for build_id in lost:
            processes.end(lambda mark=build_id: processes.marked(mark), grace_seconds=0.5)  # type: ignore[misc]
            self._ledger.finish(build_id, "FAULT")
        return lost

    def stop(self) -> None:
        """End all builds and close the store. Their records stay open and become FAULT at the next start."""
        self._conductor.close()
        self._outbox.close()
        self._store.close()

    def handle(self, operation: str, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        method = getattr(self, "_do_" + re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower(), None)
        if method is None:
            raise NotImplementedError(operation)
        answer: dict[str, Any] = method(request, caller)
        return answer

    def _prepare(self, build_id: str) -> Execution:
        return Execution(build_id, self._around, self._ledger, self._keeper)

    def _ended(self, build_id: str, last: Mapping[str, Any]) -> None:
        """Run the build again when its buildspec or its project asks for it."""
        record = self._ledger.record(build_id)
        project_limit = record["plan"].get("autoRetryLimit", 0) if record and last["status"] in _RETRIED else 0
        limit = max(int(last.get("retries", 0)), int(project_limit))
        if limit:
            self._builds.auto_retry(build_id, limit)

    # Projects

    def _do_create_project(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return {"project": self._projects.create(request)}

    def _do_update_project(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return {"project": self._projects.update(request)}

    def _do_delete_project(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self._projects.delete(request["name"])
        return {}

    def _do_batch_get_projects(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._projects.batch_get(request["names"])

    def _do_list_projects(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._projects.listed(request)

    def _do_invalidate_project_cache(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self._store.count("cache", self._projects.get(request["projectName"])["name"])
        return {}

    # Builds

    def _do_start_build(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return {"build": self._builds.start(request, caller)}

    def _do_retry_build(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return {"build": self._builds.retry(request, caller)}

    def _do_stop_build(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return {"build": self._builds.stop(request["id"])}

    def _do_batch_get_builds(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._builds.batch_get(request["ids"])

    def _do_batch_delete_builds(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._builds.batch_delete(request["ids"])

    def _do_list_builds(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._builds.listed(request)

    def _do_list_builds_for_project(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._builds.listed(request, request["projectName"])

    # Reports

    def _do_create_report_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return {"reportGroup": self._groups.create(request)}

    def _do_update_report_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return {"reportGroup": self._groups.update(request)}

    def _do_delete_report_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self._groups.delete(request["arn"], with_reports=request.get("deleteReports", False))
        return {}

    def _do_batch_get_report_groups(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._groups.batch_get(request["reportGroupArns"])

    def _do_list_report_groups(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._groups.listed(request)

    def _do_batch_get_reports(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._groups.batch_get_reports(request["reportArns"])

    def _do_list_reports(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._groups.list_reports(request)

    def _do_list_reports_for_report_group(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._groups.list_reports(request, request["reportGroupArn"])

    def _do_delete_report(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self._groups.delete_report(request["arn"])
        return {}

    def _do_describe_test_cases(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._groups.test_cases(request)

    def _do_describe_code_coverages(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._groups.coverages(request)
