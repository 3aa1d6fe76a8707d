"""What a build is given and what it gives back, as values that can travel between processes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

Status = Literal["SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"]
CacheOutcome = Literal["hit", "partial", "miss"]
PHASES = ("INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD")
DEFAULT_BUILDSPEC = "buildspec.yml"
MEBIBYTE = 1024 * 1024


def is_inline(buildspec: str) -> bool:
    """Say whether a project's `buildspec` is the text itself and no path: it has several lines or is a JSON object."""
    return "\n" in buildspec or buildspec.lstrip().startswith("{")


class Failure(Exception):
    """Why a phase failed, as CodeBuild reports it: a status code and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Limits:
    """Bounds of one build. A build that passes one is ended, the cloud is not. None: no bound.

    `processes` is how many may live at once. `disk_bytes` is what the build's folder may fill, `free_bytes` what has to
    stay free on its disk, whoever fills it. `minute_seconds` is how long one measured minute is: shorter for tests.
    """

    timeout_seconds: float = 3600.0
    log_bytes: int = 64 * MEBIBYTE
    grace_seconds: float = 5.0
    memory_bytes: int | None = None
    processes: int = 1000
    disk_bytes: int | None = None
    free_bytes: int = 256 * MEBIBYTE
    minute_seconds: float = 60.0


@dataclass(frozen=True)
class Request:
    """One build to run.

    `folder` is the build's own and must exist. `variables` are those of project and start, in order of precedence;
    they win over the buildspec's. `secret_references` are the same for the two other kinds of variables.
    `buildspec` is inline text, or a path relative to the source, or None for the default name.
    `system_variables` are what CodeBuild itself sets (CODEBUILD_*, AWS_REGION); nobody can override them.
    """

    folder: Path
    source: Path
    mark: str
    buildspec: str | None = None
    system_variables: Mapping[str, str] = field(default_factory=dict)
    base_variables: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    parameter_store: Mapping[str, str] = field(default_factory=dict)
    secrets_manager: Mapping[str, str] = field(default_factory=dict)
    artifact_ids: Sequence[str] = ()
    has_artifacts: bool = False
    has_cache: bool = False
    allows_host_runtimes: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class PhaseResult:
    """One finished phase. `contexts` are (status code, message) pairs, empty when there is nothing to say."""

    name: str
    status: Status
    started_at: datetime
    ended_at: datetime
    contexts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class CollectedFile:
    """A file to keep and its name inside what it is kept in."""

    path: Path
    name: str


@dataclass(frozen=True)
class Collected:
    """The files of one artifact (identifier None: the primary one) with its expanded name and prefix.

    `keeps_links`: symbolic links stay links where the artifact is a ZIP archive.
    """

    identifier: str | None
    files: tuple[CollectedFile, ...]
    name: str | None = None
    s3_prefix: str | None = None
    keeps_links: bool = False


@dataclass(frozen=True)
class CollectedReport:
    """The raw files of one report group; `group` is an ARN or a short name, `file_format` upper case."""

    group: str
    file_format: str
    files: tuple[CollectedFile, ...]


@dataclass(frozen=True)
class CacheResult:
    """What the cache did: `matched` is the key that was found."""

    key: str
    matched: str | None
    size_bytes: int
    seconds: float

    @property
    def outcome(self) -> CacheOutcome:
        if self.matched is None:
            return "miss"
        return "hit" if self.matched == self.key else "partial"

    def masked(self, mask: Callable[[str], str]) -> "CacheResult":
        """Return the same with secrets masked in its keys: it is told outside of the log, too."""
        return replace(self, key=mask(self.key), matched=None if self.matched is None else mask(self.matched))


@dataclass(frozen=True)
class Outcome:
    """How a build ended. `retries` over 0: the buildspec asks to run the build again, at most so often in all."""

    status: Status
    phases: tuple[PhaseResult, ...]
    exported: Mapping[str, str] = field(default_factory=dict)
    resolved_version: str | None = None
    retries: int = 0
    cache: CacheResult | None = None


@dataclass(frozen=True)
class Used:
    """What a build used in so many seconds; `memory_bytes` is the most it held at a look."""

    seconds: float
    cpu_seconds: float
    memory_bytes: int
    read_bytes: int
    written_bytes: int


class Sink(Protocol):
    """Hears of a build as it goes on."""

    def log(self, lines: list[str]) -> None: ...

    def phase_started(self, name: str, at: datetime) -> None: ...

    def phase_ended(self, result: PhaseResult) -> None: ...

    def source_resolved(self, commit: str) -> None: ...

    def used(self, used: Used) -> None: ...


@dataclass(frozen=True)
class BroughtSource:
    """A clone that a kept mirror may have helped with; `name` is the source's, `mirror` the file name of its mirror.

    `size_bytes` is what had to be brought in beside what the mirror has, in so many seconds.
    """

    clone: Path
    mirror: str
    name: str
    size_bytes: int
    outcome: CacheOutcome
    seconds: float


class Objects(Protocol):
    """S3, and what is kept of sources between builds, as a source needs it."""

    def fetch_object(self, location: str, into: Path) -> str | None:
        """Bring in an S3 object, or all below a location that ends in `/`; return the object's version if it has one.

        Raises Failure.
        """

    def keep_source(self, brought: BroughtSource) -> None:
        """Let the mirror of a source take in what a clone has beyond it. One that cannot is said and fails nothing."""


class Outside(Objects, Protocol):
    """What a build needs from around it. Every method raises Failure when it cannot."""

    def parameters(self, names: Mapping[str, str]) -> Mapping[str, str]:
        """Return the values of Parameter Store parameters, by variable name."""

    def secrets(self, references: Mapping[str, str]) -> Mapping[str, str]:
        """Return the values behind Secrets Manager references, by variable name."""

    def keep_artifact(self, artifact: Collected) -> None:
        """Keep one artifact's files."""

    def keep_report(self, report: CollectedReport) -> None:
        """Keep one report group's raw files."""

    def fetch_cache(self, key: str, fallbacks: Sequence[str], into: Path) -> str | None:
        """Bring in the archive under the key, or the newest whose key begins with a fallback; return its key."""

    def keep_cache(self, key: str, archive: Path, *, is_final: bool) -> None:
        """Keep an archive under a key. A final one that is there already is left as it is."""
