"""One build, from its turn to its end, in a thread of its own."""

import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent import protocol
from buildgate_cli.local.agent.bounds import to_be_left_free
from buildgate_cli.local.agent.build import Failure, Limits, Request
from buildgate_cli.local.agent.fence import Fence
from buildgate_cli.local.agent.host import Allowed, refusal
from buildgate_cli.local.agent.lines import container_line
from buildgate_cli.local.agent.machine import base_variables
from buildgate_cli.local.codebuild import secrets_in, variables
from buildgate_cli.local.codebuild.agent_process import AgentProcess
from buildgate_cli.local.codebuild.build_cache import BuildCache
from buildgate_cli.local.codebuild.fencing import fence_for, isolation, refuse_beyond, why_not
from buildgate_cli.local.codebuild.grouping import group_for
from buildgate_cli.local.codebuild.hosts import disk_bytes, memory_bytes
from buildgate_cli.local.codebuild.keeping import Clients, Keeper
from buildgate_cli.local.codebuild.logstream import Log, Logs, LogStream, ObjectLog
from buildgate_cli.local.codebuild.metrics import Measures
from buildgate_cli.local.codebuild.mirrors import Mirrors
from buildgate_cli.local.codebuild.names import Clock
from buildgate_cli.local.codebuild.objects import fetch_object
from buildgate_cli.local.codebuild.progress import Ledger
from buildgate_cli.local.codebuild.settings import Settings
from buildgate_cli.local.codebuild.sources import secondary_sources, source_for
from buildgate_cli.local.codebuild.store import Document

LOG = logging.getLogger(__name__)
_OVERTIME_SECONDS = 120.0


@dataclass(frozen=True)
class Surroundings:
    """What every build of this cloud shares; `builds` holds a folder of each.

    `cloud_variables` are what a role's builds need to reach the local AWS.
    """

    home: Path
    builds: Path
    repositories: Path
    interpreter: str
    clients: Clients
    cloud_variables: Callable[[str], Mapping[str, str]]
    cache_generation: Callable[[str], int]
    mirrors: Mirrors
    measures: Measures
    settings: Settings
    now: Clock


@dataclass
class Execution:
    """Runs the agent of one build and writes down what it says."""

    build_id: str
    around: Surroundings
    ledger: Ledger
    keeper: Keeper
    _agent: AgentProcess | None = None
    _is_stopped: bool = False
    _is_killed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _cache: BuildCache = field(init=False)
    _log: Log = field(init=False)

    @property
    def folder(self) -> Path:
        return self.around.builds / self.build_id.rpartition(":")[2]

    def stop(self) -> None:
        """Stop the build; it ends as STOPPED."""
        with self._lock:
            self._is_stopped = True
            if self._agent is not None:
                self._agent.stop()

    def kill(self) -> None:
        """End the agent at once: the cloud goes down."""
        with self._lock:
            self._is_stopped = self._is_killed = True
            if self._agent is not None:
                self._agent.kill()

    def run(self) -> Mapping[str, Any]:
        """Run to the end and return the agent's last message: status, exported variables, commit, retries."""
        record = self.ledger.record(self.build_id)
        if record is None:
            return {"status": "FAULT"}
        self.ledger.begin_phase(self.build_id, "PROVISIONING")
        reason = refusal(record["build"]["environment"]["type"])
        if reason and not self._allowed(record["build"]).is_host:
            text = (
                f"{reason}; the variable BUILDGATE_ALLOW_HOST=1, or `local up --allow-host`, runs it here all the same"
            )
            self.ledger.end_phase(self.build_id, "FAILED", (("CLIENT_ERROR", text),))
            return {"status": "FAILED"}
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = self._log = self._open_log(record["build"])
        try:
            if reason:
                self._say(f"{reason}: its commands run on this machine as asked")
            return self._run_agent(record, log)
        finally:
            log.close()
            if not self.around.settings.keeps_folders:
                shutil.rmtree(self.folder, ignore_errors=True)

    def _run_agent(self, record: Document, log: Log) -> Mapping[str, Any]:
        self._cache = self._open_cache(record["build"])
        job = self._job(record)
        log.write([container_line(f"Isolation: {isolation(self.around.settings)['says']}", self.around.now())])
        group = group_for(self.build_id, self._limits(record["build"])) if self.around.settings.is_grouped else None
        agent = AgentProcess(
            self.around.interpreter, job, folder=self.folder, mark=self._mark, fence=self._fence(), group=group
        )
        with self._lock:
            self._agent = agent
            if self._is_stopped:
                agent.stop()
        timeout = self._limits(record["build"]).timeout_seconds + _OVERTIME_SECONDS
        overtime = threading.Timer(timeout, agent.kill)
        overtime.daemon = True
        overtime.start()
        last: Mapping[str, Any] = {"status": "FAULT"}
        try:
            for message in agent.messages():
                last = self._take(agent, record, message, log) or last
        finally:
            overtime.cancel()
            code = agent.close(self.around.settings.grace_seconds)
        if last["status"] == "FAULT" and not self._is_killed:
            LOG.warning("the agent of %s ended with %s: %s", self.build_id, code, self._agent_errors())
        exported = self._cache.exported(last.get("exported", {}), protocol.cache_result(last))
        return {**last, "exported": exported}

    def _take(
        self, agent: AgentProcess, record: Document, message: Mapping[str, Any], log: Log
    ) -> Mapping[str, Any] | None:
        """Act on one message of the agent; return it when it is the last."""
        kind = message["kind"]
        if kind == "log":
            log.write(message["lines"])
        elif kind == "ready":
            self.ledger.end_phase(self.build_id)
        elif kind == "phase-started":
            self.ledger.begin_phase(self.build_id, message["name"], message["at"])
        elif kind == "phase-ended":
            self._cache.close_sources()
            self.ledger.end_agent_phase(self.build_id, protocol.phase_result(message))
        elif kind == "resolved":
            self.ledger.change(self.build_id, lambda build: build.update(resolvedSourceVersion=message["commit"]))
        elif kind == "used":
            self.around.measures.used(record["build"], protocol.used(message))
        elif kind == "ask":
            agent.send({"kind": "answer", "id": message["id"], **self._answer(record, message)})
        return message if kind == "done" else None

    def _answer(self, record: Document, message: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return {"value": self._do(record, message)}
        except Failure as failure:
            return {"failure": [failure.code, failure.message]}
        except Exception as error:  # a build must hear of our defect instead of waiting for ever
            LOG.exception("could not answer the agent of %s", self.build_id)
            return {"failure": ["INTERNAL_ERROR", str(error)]}

    def _do(self, record: Document, message: Mapping[str, Any]) -> Any:
        """Do what the agent asks for. Raises Failure when it cannot be done."""
        refuse_beyond(message, self.folder, self.around.home)
        clients = self.around.clients
        match message["what"]:
            case "parameters":
                return secrets_in.parameters(clients, message["names"])
            case "secrets":
                return secrets_in.secrets(clients, message["names"])
            case "object":
                return fetch_object(clients("s3"), message["location"], Path(message["into"]))
            case "artifact":
                self.keeper.artifact(record, message)
            case "report":
                self.keeper.report(record, message, self.folder)
            case "fetch-cache":
                return self._cache.fetch(message)
            case "keep-cache":
                self._cache.keep(message)
            case "keep-source":
                self._say(self._cache.keep_source(message))
            case unknown:
                raise Failure("INTERNAL_ERROR", f"unknown question {unknown}")
        return None

    def _open_cache(self, build: Document) -> BuildCache:
        around = self.around
        s3 = around.clients("s3") if build.get("cache", {}).get("type") == "S3" else None
        return BuildCache(build, around.cache_generation(build["projectName"]), around.home, s3, around.mirrors)

    def _say(self, text: str) -> None:
        self._log.write([container_line(text, self.around.now())])

    def _job(self, record: Document) -> dict[str, Any]:
        build, plan = record["build"], record["plan"]
        plain, parameters, references = variables.by_kind(build["environment"])
        cloud = self.around.cloud_variables(build.get("serviceRole", ""))
        request = Request(
            folder=self.folder,
            source=self.folder / "src",
            mark=self._mark,
            buildspec=build["source"].get("buildspec") or None,
            system_variables=variables.system_variables(build) | variables.member_variables(record.get("member")),
            base_variables=base_variables(self.folder, self.around.interpreter, cloud),
            variables=plain,
            parameter_store=parameters,
            secrets_manager=references,
            artifact_ids=[artifacts["artifactIdentifier"] for artifacts in plan.get("secondaryArtifacts", ())],
            has_artifacts=plan["artifacts"]["type"] == "S3",
            has_cache=self._cache.has_archives,
            allows_host_runtimes=self._allowed(build).is_runtimes,
            limits=self._limits(build),
        )
        source = source_for(build["source"], build.get("sourceVersion"), self.around.repositories)
        secondary = secondary_sources(build, self.around.repositories)
        named = {"the source": source, **{f"source {name}": each for name, each in secondary.items()}}
        for remark in self._cache.remarks(named):
            self._say(remark)
        source = self._cache.helped(source)
        secondary = {name: self._cache.helped(each) for name, each in secondary.items()}
        artifacts = (plan["artifacts"], *plan.get("secondaryArtifacts", ()))
        packed = [each.get("artifactIdentifier") for each in artifacts if each.get("packaging") == "ZIP"]
        return {**protocol.job(request, source, secondary), "zipped": packed}

    def _allowed(self, build: Document) -> Allowed:
        plain, _, _ = variables.by_kind(build["environment"])
        return self.around.settings.allowed | Allowed.by(plain)

    def _fence(self) -> Fence | None:
        if not self.around.settings.is_fenced or why_not(self.around.interpreter):
            return None
        return fence_for(self.folder, self.around.home, [self.around.repositories, *self._cache.readable()])

    def _limits(self, build: Document) -> Limits:
        settings = self.around.settings
        timeout = build["timeoutInMinutes"] * settings.seconds_per_minute
        environment = build["environment"]
        return Limits(
            timeout,
            settings.log_bytes,
            settings.grace_seconds,
            settings.memory_bytes or memory_bytes(environment),
            processes=settings.processes,
            disk_bytes=disk_bytes(environment),
            free_bytes=to_be_left_free(self.folder),
            minute_seconds=settings.seconds_per_minute,
        )

    def _open_log(self, build: Document) -> Log:
        logs, clients = build["logs"], self.around.clients
        opened: list[Log] = []
        if "groupName" in logs:
            opened.append(LogStream(clients("logs"), logs["groupName"], logs["streamName"]))
        if "s3LogsArn" in logs:
            opened.append(ObjectLog(clients("s3"), logs["s3LogsArn"], self.folder.with_name(f"log-{self.folder.name}")))
        return Logs(opened)

    def _agent_errors(self) -> str:
        try:
            return (self.folder / "agent.err").read_text("utf-8", "replace")[-2000:]
        except OSError:
            return "it left no message"

    @property
    def _mark(self) -> str:
        return self.build_id
