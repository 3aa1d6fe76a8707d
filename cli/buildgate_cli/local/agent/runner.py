"""The engine: one build from source to artifacts, phase by phase, on this machine.

It knows no cloud. What it needs comes through `Source` and `Outside`, what happens goes to `Sink`. Rules of phases:

- A command that fails ends its phase's commands; `finally` still runs; the phase succeeds only if both do.
- Without `on-failure`: a failed DOWNLOAD_SOURCE, INSTALL or PRE_BUILD ends the build; after a failed BUILD, POST_BUILD
  and UPLOAD_ARTIFACTS still run; after a failed POST_BUILD, UPLOAD_ARTIFACTS still runs.
- `on-failure: ABORT` ends the build at that phase, CONTINUE goes on to the next one, RETRY ends it and asks for another.
- A build with a failed phase is FAILED, after CONTINUE too: AWS does not document it, and an error must not pass.
- A stopped or timed out build runs no further phase but FINALIZING; none of its processes survives.
Source: the CodeBuild user guide ("Build phase transitions", "Buildspec syntax") and logs of real builds.
"""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from buildgate_cli.buildspecs import PHASE_NAMES, Buildspec, BuildspecError, Cache, Phase, load_bytes
from buildgate_cli.local.agent.bounds import Bounds
from buildgate_cli.local.agent.build import (
    DEFAULT_BUILDSPEC,
    CacheResult,
    Failure,
    Outcome,
    Outside,
    PhaseResult,
    Request,
    Sink,
    Status,
    is_inline,
)
from buildgate_cli.local.agent.cache import CacheWork
from buildgate_cli.local.agent.cgroups import Membership
from buildgate_cli.local.agent.clones import own_objects
from buildgate_cli.local.agent.collect import Collector
from buildgate_cli.local.agent.endings import ENDINGS
from buildgate_cli.local.agent.execution import Execution, Interrupt, InterruptedBuildError, exit_reason
from buildgate_cli.local.agent.lines import Log
from buildgate_cli.local.agent.runtimes import asker, check_runtimes
from buildgate_cli.local.agent.shell import ShellState, UnknownShellError, find_shell
from buildgate_cli.local.agent.source import Source
from buildgate_cli.local.agent.usage import Usage
from buildgate_cli.local.agent.users import give, other_user

_MEANS_BUILD_GOES_ON = frozenset({"build", "post_build"})


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Runner:
    """Runs one request once. `interrupt` ends it from outside, from any thread.

    `owns_process` and `group`: see Execution.
    """

    def __init__(
        self,
        request: Request,
        source: Source,
        outside: Outside,
        sink: Sink,
        *,
        interrupt: Interrupt,
        secondary: Mapping[str, Source] | None = None,
        owns_process: bool = False,
        group: Membership | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._request = request
        self._source = source
        self._secondary = secondary or {}
        self._secondary_variables: dict[str, str] = {}
        self._outside = outside
        self._sink = sink
        self._now = now
        limits = request.limits
        self._log = Log(
            sink.log, now=now, max_bytes=limits.log_bytes, on_full=lambda: interrupt.request("OUTPUT_LIMIT")
        )
        self._usage = Usage(sink.used, limits.minute_seconds)
        self._execution = Execution(
            self._log.feed,
            interrupt,
            deadline=time.monotonic() + limits.timeout_seconds,
            mark=request.mark,
            grace_seconds=limits.grace_seconds,
            bounds=Bounds(limits, request.folder, group),
            usage=self._usage,
            group=group,
            owns_process=owns_process,
        )
        self._spec = Buildspec()
        self._state: ShellState
        self._phases: list[PhaseResult] = []
        self._exported: dict[str, str] = {}
        self._commit: str | None = None
        self._retries = 0
        self._cache: CacheWork | None = None
        self._cache_result: CacheResult | None = None

    def run(self) -> Outcome:
        """Run all phases. Never raises for what a build does; when it returns, no process of the build is left."""
        try:
            self._run_phases()
        finally:
            self._finalize()
        phases = tuple(self._phases)
        return Outcome(self._status(), phases, self._exported, self._commit, self._retries, self._cache_result)

    def _run_phases(self) -> None:
        self._say("Waiting for DOWNLOAD_SOURCE")
        if self._phase("DOWNLOAD_SOURCE", self._download).status != "SUCCEEDED":
            return
        for name in PHASE_NAMES:
            phase = self._spec.phase(name)
            result = self._phase(name.upper(), lambda phase=phase: self._run_commands(phase))  # type: ignore[misc]
            if result.status != "SUCCEEDED":
                # A build that took the agent's files away hears of it at its next command.
                with suppress(OSError):
                    self._state.assign({"CODEBUILD_BUILD_SUCCEEDING": "0"})
            if not self._goes_on(phase, result):
                return
        self._phase("UPLOAD_ARTIFACTS", self._upload)

    def _goes_on(self, phase: Phase, result: PhaseResult) -> bool:
        if result.status == "SUCCEEDED":
            return True
        if result.status != "FAILED" or self._execution.interrupt.reason is not None:
            return False
        choice = phase.on_failure
        if choice is not None and choice.action != "RETRY":
            return choice.action == "CONTINUE"
        if choice is not None and any(re.search(choice.pattern, message) for _, message in result.contexts):
            self._retries = choice.retries
            return False
        return phase.name in _MEANS_BUILD_GOES_ON

    def _phase(self, name: str, work: Callable[[], str]) -> PhaseResult:
        """Run one phase; `work` returns a remark for its context, empty for none, and raises Failure."""
        started_at = self._now()
        self._sink.phase_started(name, started_at)
        status: Status = "SUCCEEDED"
        code = message = ""
        try:
            message = work()
            code = "CLIENT_ERROR" if message else ""
            self._execution.check()
        except Failure as failure:
            status, code, message = "FAILED", failure.code, failure.message
        except InterruptedBuildError as interrupted:
            status, code, message = ENDINGS[interrupted.reason]
        except OSError as error:  # a full disk, a missing program, a folder the build took away from us
            status, code, message = "FAILED", "CLIENT_ERROR", f"{error.strerror or error}: {error.filename or name}"
        except Exception as error:  # noqa: BLE001 - a defect of ours ends this build with a reason, not the agent
            status, code, message = "FAULT", "INTERNAL_ERROR", f"{type(error).__name__}: {error}"
        message = self._log.masked(message)
        self._say(f"Phase complete: {name} State: {status}")
        self._say(f"Phase context status code: {code} Message: {message}")
        contexts = ((code, message),) if code else ()
        result = PhaseResult(name, status, started_at, self._now(), contexts)
        self._phases.append(result)
        self._sink.phase_ended(result)
        return result

    # DOWNLOAD_SOURCE

    def _download(self) -> str:
        self._say("Phase is DOWNLOAD_SOURCE")
        self._commit = self._source.fetch(self._request.source, self._execution, self._outside)
        if self._commit:
            self._sink.source_resolved(self._commit)
        self._say(f"CODEBUILD_SRC_DIR={self._request.source}")
        self._spec = self._load_buildspec()
        self._say("Processing environment variables")
        self._fetch_secondary()
        self._open_shell()
        if self._request.has_cache:
            self._cache = self._cache_work()
            result = self._cache.restore()
            self._cache_result = result.masked(self._log.masked) if result else None
        self._say(f"Moving to directory {self._request.source}")
        self._say(f"Phases found in YAML: {len(self._spec.phases)}")
        for phase in self._spec.phases.values():
            self._say(f" {phase.name.upper()}: {len(phase.commands)} commands")
        return ""

    def _fetch_secondary(self) -> None:
        for identifier, source in self._secondary.items():
            folder = self._secondary_folder(identifier)
            commit = source.fetch(folder, self._execution, self._outside)
            self._secondary_variables[f"CODEBUILD_SRC_DIR_{identifier}"] = str(folder)
            if commit:
                self._secondary_variables[f"CODEBUILD_RESOLVED_SOURCE_VERSION_{identifier}"] = commit

    def _secondary_folder(self, identifier: str) -> Path:
        return self._request.source.with_name(f"src-{identifier}")

    def _cache_work(self) -> CacheWork:
        cache = self._spec.cache or Cache()
        return CacheWork(
            cache, self._request.folder, self._request.source, self._outside, self._state.expand, self._say
        )  # fmt: skip

    def _load_buildspec(self) -> Buildspec:
        text = self._request.buildspec
        try:
            if text is not None and is_inline(text):
                self._say("YAML location is inline")
                return load_bytes(text.encode())
            if text is not None and text.startswith("arn:"):
                return self._load_from_object(text)
            path = self._request.source / (text or DEFAULT_BUILDSPEC)
            self._say(f"YAML location is {path}")
            return load_bytes(path.read_bytes(), name=path.name)
        except BuildspecError as error:
            has_line = error.line is None or f"line {error.line}" in error.message
            raise Failure(error.code, error.message if has_line else f"{error.message} at line {error.line}") from None
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise Failure("YAML_FILE_ERROR", "YAML file does not exist") from None

    def _load_from_object(self, arn: str) -> Buildspec:
        into = self._request.folder / "buildspec-from-s3.yml"
        self._outside.fetch_object(arn.partition(":::")[2], into)
        self._say(f"YAML location is {arn}")
        return load_bytes(into.read_bytes())

    def _open_shell(self) -> None:
        try:
            shell = find_shell(self._spec.env.shell)
        except UnknownShellError as error:
            raise Failure("CLIENT_ERROR", str(error)) from None
        folder = self._request.folder / "agent"
        self._state = ShellState(folder, self._execution, shell=shell, start=self._request.source)  # nosec B604
        self._state.assign(self._variables())

    def _variables(self) -> dict[str, str]:
        """Return every variable a build starts with: a start's wins over the project's, that over the buildspec's."""
        request, env = self._request, self._spec.env
        secrets = {
            **self._outside.parameters(self._not_given(env.parameter_store) | dict(request.parameter_store)),
            **self._outside.secrets(self._not_given(env.secrets_manager) | dict(request.secrets_manager)),
        }
        self._log.hide(secrets.values())
        commit = {"CODEBUILD_RESOLVED_SOURCE_VERSION": self._commit} if self._commit else {}
        return {
            **request.base_variables,
            **env.variables,
            **request.variables,
            **secrets,
            **request.system_variables,
            **commit,
            **self._secondary_variables,
            "CODEBUILD_SRC_DIR": str(request.source),
            "CODEBUILD_BUILD_SUCCEEDING": "1",
        }

    def _not_given(self, names: Mapping[str, str]) -> dict[str, str]:
        """Return what the buildspec asks for and neither project nor start gives in another way."""
        request = self._request
        given = {*request.variables, *request.parameter_store, *request.secrets_manager}
        return {name: value for name, value in names.items() if name not in given}

    # INSTALL to POST_BUILD

    def _run_commands(self, phase: Phase) -> str:
        self._say(f"Entering phase {phase.name.upper()}")
        self._act_as(phase.run_as or self._spec.run_as if phase.commands else None)
        if phase.runtime_versions:
            self._select_runtimes(phase)
        failure = self._run_list(phase.commands)
        cleanup = self._run_list(phase.finally_commands)
        if failure or cleanup:
            raise failure or cleanup  # type: ignore[misc]
        return ""

    def _act_as(self, name: str | None) -> None:
        """Let the commands that follow run as the user of a `run-as`, to whom the build's folder is given."""
        user = other_user(name)
        if user is not None:
            if not self._request.source.is_relative_to(self._request.folder):
                raise Failure("CLIENT_ERROR", f"run-as {name}: the folder is built in place and stays its owner's")
            for clone in (self._request.source, *map(self._secondary_folder, self._secondary)):
                own_objects(clone, self._execution)
            give(self._request.folder, user)
        if not self._state.act_as(user):
            raise Failure("CLIENT_ERROR", f"run-as {name}: that user cannot reach {self._request.folder}")

    def _select_runtimes(self, phase: Phase) -> None:
        names = list(phase.runtime_versions)
        versions = self._state.expand([phase.runtime_versions[name] for name in names])
        check_runtimes(
            dict(zip(names, versions, strict=True)),
            ask=asker(self._execution, self._request.source, self._state.values(["PATH", "HOME"])),
            say=self._say,
            is_host_allowed=self._request.allows_host_runtimes,
        )

    def _run_list(self, commands: tuple[str, ...]) -> Failure | None:
        """Run commands up to the first that fails; return its failure."""
        is_carried = self._spec.version != "0.1"
        for command in commands:
            self._say(f"Running command {command.rstrip()}")
            code = self._state.run(command, is_carried=is_carried)
            if code != 0:
                reason = exit_reason(code)
                self._say(f"Command did not exit successfully {command} {reason}")
                text = f"Error while executing command: {command}. Reason: {reason}"
                return Failure("COMMAND_EXECUTION_ERROR", text)
        return None

    # UPLOAD_ARTIFACTS

    def _upload(self) -> str:
        self._act_as(None)
        remark = self._upload_reports()
        if self._cache is not None and self._is_succeeding():
            self._cache.save()
        artifacts = self._spec.artifacts
        if artifacts is None or not self._request.has_artifacts:
            return remark
        collector = self._collector()
        if artifacts.primary.files:
            self._outside.keep_artifact(collector.artifact(artifacts.primary, None))
        for identifier in self._request.artifact_ids:
            if identifier not in artifacts.secondary:
                raise Failure("CLIENT_ERROR", f"no definition for secondary artifact {identifier} in the buildspec")
            self._outside.keep_artifact(collector.artifact(artifacts.secondary[identifier], identifier))
        return remark

    def _upload_reports(self) -> str:
        """Hand on every report group; one that finds no files is remarked but fails nothing, as in CodeBuild."""
        missing = []
        for group in self._spec.reports:
            try:
                report = self._collector().report(group)
            except Failure as failure:
                missing.append(failure.message)
                continue
            self._outside.keep_report(report)
        return f"Error in UPLOAD_ARTIFACTS phase: {', '.join(missing)}" if missing else ""

    def _collector(self) -> Collector:
        return Collector(self._request.source, self._state.expand, self._say)

    # FINALIZING

    def _finalize(self) -> None:
        started_at = self._now()
        self._sink.phase_started("FINALIZING", started_at)
        if self._execution.interrupt.reason is None and hasattr(self, "_state"):
            self._read_exported()
        self._execution.end_all(self._request.limits.grace_seconds)
        self._execution.close()
        self._usage.close()
        self._log.flush()
        result = PhaseResult("FINALIZING", "SUCCEEDED", started_at, self._now())
        self._phases.append(result)
        self._sink.phase_ended(result)

    def _read_exported(self) -> None:
        try:
            self._exported = self._state.values(self._exportable())
        except (InterruptedBuildError, OSError) as error:
            self._say(f"Exported variables are lost: {error}")

    def _exportable(self) -> list[str]:
        """Return the variables that may be exported: no secret ones, and none that begins with AWS_, as in CodeBuild."""
        request, env = self._request, self._spec.env
        kept = {*env.parameter_store, *env.secrets_manager, *request.parameter_store, *request.secrets_manager}
        wanted = list(env.exported_variables)
        barred = [name for name in wanted if name in kept or name.startswith("AWS_")]
        if barred:
            self._say(f"Not exported, for they are secret or AWS's own: {', '.join(barred)}")
        return [name for name in wanted if name not in barred]

    def _status(self) -> Status:
        ending = self._execution.interrupt.reason
        if ending is not None:
            return ENDINGS[ending][0]
        if any(phase.status == "FAULT" for phase in self._phases):
            return "FAULT"
        return "SUCCEEDED" if self._is_succeeding() else "FAILED"

    def _is_succeeding(self) -> bool:
        return all(phase.status == "SUCCEEDED" for phase in self._phases)

    def _say(self, text: str) -> None:
        self._log.say(text)
