"""One build with no project and no cloud: a folder and its buildspec, run on this machine."""

import getpass
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from buildgate_cli.local.agent import processes
from buildgate_cli.local.agent.build import (
    BroughtSource,
    Collected,
    CollectedFile,
    CollectedReport,
    Failure,
    Limits,
    Outcome,
    PhaseResult,
    Request,
    Used,
)
from buildgate_cli.local.agent.execution import Interrupt
from buildgate_cli.local.agent.machine import REGION, base_variables
from buildgate_cli.local.agent.runner import Runner
from buildgate_cli.local.agent.source import FolderSource, InPlaceSource

BUILD_ID = "local:00000000-0000-0000-0000-000000000000"
ARN = f"arn:aws:codebuild:{REGION}:000000000000:build/{BUILD_ID}"


@dataclass(frozen=True)
class Options:
    """What to run. `artifacts` and `reports` are folders that get copies; None keeps none."""

    folder: Path
    buildspec: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    artifacts: Path | None = None
    reports: Path | None = None
    image: str = "this machine"
    timeout_minutes: float = 60.0
    is_in_place: bool = False
    allows_host_runtimes: bool = False


@dataclass
class Kept:
    """What the build left: file names by artifact and by report group; raw report files where they were found."""

    artifacts: dict[str, list[str]] = field(default_factory=dict)
    reports: dict[str, tuple[CollectedFile, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """How it ended, and `folder` in which it ran."""

    outcome: Outcome
    folder: Path
    kept: Kept


class QuietSink:
    """Hears everything and says nothing."""

    def log(self, lines: list[str]) -> None:
        """Forget the lines."""

    def phase_started(self, name: str, at: datetime) -> None:
        """The log says it."""

    def phase_ended(self, result: PhaseResult) -> None:
        """The log says it."""

    def source_resolved(self, commit: str) -> None:
        """The outcome says it."""

    def used(self, used: Used) -> None:
        """Nobody asks without a cloud."""


class LogSink(QuietSink):
    """Passes the log on."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def log(self, lines: list[str]) -> None:
        self._write("\n".join(lines))


class NoCloud:
    """Copies what the build leaves; refuses what only a cloud has."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self.kept = Kept()

    def parameters(self, names: Mapping[str, str]) -> Mapping[str, str]:
        return self._refuse("Parameter Store", names)

    def secrets(self, references: Mapping[str, str]) -> Mapping[str, str]:
        return self._refuse("Secrets Manager", references)

    @staticmethod
    def _refuse(service: str, names: Mapping[str, str]) -> Mapping[str, str]:
        if not names:
            return {}
        given = " ".join(f"-e {name}=VALUE" for name in names)
        raise Failure("CLIENT_ERROR", f"{service} is not there without a cloud; give the values with {given}")

    def keep_artifact(self, artifact: Collected) -> None:
        name = artifact.identifier or "primary"
        self.kept.artifacts[name] = [file.name for file in artifact.files]
        if self._options.artifacts is not None:
            below = self._options.artifacts / name if artifact.identifier else self._options.artifacts
            _copy(artifact.files, below, keeps_links=artifact.keeps_links)

    def keep_report(self, report: CollectedReport) -> None:
        self.kept.reports[report.group] = report.files
        if self._options.reports is not None:
            _copy(report.files, self._options.reports / report.group.rpartition("/")[2])

    def fetch_object(self, location: str, into: Path) -> str | None:
        raise Failure("CLIENT_ERROR", f"S3 is not there without a cloud: {location}")

    def keep_source(self, brought: BroughtSource) -> None:
        """Nothing outlives a build without a cloud."""

    def fetch_cache(self, key: str, fallbacks: Sequence[str], into: Path) -> str | None:
        return None

    def keep_cache(self, key: str, archive: Path, *, is_final: bool) -> None:
        """Nothing outlives a build without a cloud."""


def _copy(files: Sequence[CollectedFile], folder: Path, *, keeps_links: bool = False) -> None:
    for file in files:
        target = folder / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file.path, target, follow_symlinks=not keeps_links)


def run_standalone(options: Options, write: Callable[[str], None], interrupt: Interrupt) -> Result:
    """Run the folder's build; `write` gets CodeBuild's log. This process must exist for the build alone.

    When the buildspec asks for retries, the build is run again on a fresh copy, as CodeBuild would start it again.
    """
    processes.adopt_orphans()
    result = _run_once(options, write, interrupt)
    for _ in range(result.outcome.retries):
        if result.outcome.status != "FAILED" or options.is_in_place:
            break
        result = _run_once(options, write, interrupt)
    return result


def _run_once(options: Options, write: Callable[[str], None], interrupt: Interrupt) -> Result:
    folder = Path(tempfile.mkdtemp(prefix="buildgate-build-"))
    outside = NoCloud(options)
    request = Request(
        folder=folder,
        source=options.folder if options.is_in_place else folder / "src",
        mark=folder.name,
        buildspec=options.buildspec,
        system_variables=_system_variables(options),
        base_variables=base_variables(folder, sys.executable, {}),
        variables=options.variables,
        has_artifacts=True,
        allows_host_runtimes=options.allows_host_runtimes,
        limits=Limits(timeout_seconds=options.timeout_minutes * 60.0, log_bytes=1 << 40),
    )
    source = InPlaceSource() if options.is_in_place else FolderSource(options.folder, (".buildgate",))
    outcome = Runner(request, source, outside, LogSink(write), interrupt=interrupt, owns_process=True).run()
    return Result(outcome, folder, outside.kept)


def _system_variables(options: Options) -> dict[str, str]:
    commit = _commit(options.folder)
    resolved = {"CODEBUILD_RESOLVED_SOURCE_VERSION": commit, "CODEBUILD_SOURCE_VERSION": commit} if commit else {}
    return {
        "CODEBUILD_LOCAL_BUILD": "true",
        "CODEBUILD_CI": "false",
        "CODEBUILD_BUILD_ID": BUILD_ID,
        "CODEBUILD_BUILD_ARN": ARN,
        "CODEBUILD_BUILD_IMAGE": options.image,
        "CODEBUILD_BUILD_NUMBER": "1",
        "CODEBUILD_INITIATOR": getpass.getuser(),
        "CODEBUILD_START_TIME": str(int(time.time() * 1000)),
        **resolved,
    }


def _commit(folder: Path) -> str | None:
    """Return the commit a work tree is at, read from its files; None when it is none or packed away."""
    head = folder / ".git" / "HEAD"
    try:
        text = head.read_text().strip()
        if text.startswith("ref: "):
            text = (folder / ".git" / text.removeprefix("ref: ")).read_text().strip()
    except OSError:
        return None
    return text if len(text) == 40 else None
