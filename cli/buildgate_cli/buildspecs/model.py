"""What a buildspec says, as values.

Field names follow the buildspec's own keys (`run-as` is `run_as`). Absent optional text is None, absent lists are empty.
Source of the key list: the CodeBuild user guide, "Build specification reference" and "Batch build buildspec reference".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

PHASE_NAMES = ("install", "pre_build", "build", "post_build")
DEFAULT_REPORT_FORMAT = "JUNITXML"
RETRY_LIMIT = 3  # what CodeBuild uses when `RETRY` gives no count
_RETRY = re.compile(r"retry(?:-(?P<rest>.*))?\Z", re.IGNORECASE | re.DOTALL)
_COUNTED = re.compile(r"(?P<count>\d{1,3})(?:-(?P<pattern>.+))?\Z", re.DOTALL)


class BuildspecError(Exception):
    """The buildspec is refused before any command runs, as CodeBuild refuses it.

    `message` is in CodeBuild's own words where they are known; `code` is the status code of the failed phase.
    `line` and `column` count from 1.
    """

    def __init__(
        self, message: str, *, line: int | None = None, column: int | None = None, code: str = "YAML_FILE_ERROR"
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class OnFailure:
    """What a failed phase does to the build. `retries` and `pattern` mean something only for RETRY.

    `pattern` is a regular expression searched in the error message; RETRY runs the whole build again.
    """

    action: Literal["ABORT", "CONTINUE", "RETRY"]
    retries: int = 0
    pattern: str = ".*"

    @classmethod
    def parse(cls, text: str) -> OnFailure | None:
        """Read `ABORT`, `CONTINUE`, `RETRY`, `RETRY-n`, `RETRY-regex` or `RETRY-n-regex`, in any case.

        `RETRY-3-x` is three tries of `x`; `RETRY-3x` is the expression `3x`. None: not one of the forms, a count
        over 100, or an expression that does not compile.
        """
        upper = text.strip().upper()
        if upper == "ABORT":
            return cls("ABORT")
        if upper == "CONTINUE":
            return cls("CONTINUE")
        match = _RETRY.match(text.strip())
        if match is None or match["rest"] == "":
            return None
        if match["rest"] is None:
            return cls("RETRY", RETRY_LIMIT)
        counted = _COUNTED.match(match["rest"])
        retries = int(counted["count"]) if counted else RETRY_LIMIT
        pattern = (counted["pattern"] or ".*") if counted else match["rest"]
        if retries > 100 or not _compiles(pattern):
            return None
        return cls("RETRY", retries, pattern)

    def text(self) -> str:
        """Return the shortest buildspec text that reads back as this value."""
        if self.action != "RETRY":
            return self.action
        if self.pattern == ".*":
            return "RETRY" if self.retries == RETRY_LIMIT else f"RETRY-{self.retries}"
        return f"RETRY-{self.retries}-{self.pattern}"


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class Phase:
    """One of the four phases. `runtime_versions` is read in `install` only, as CodeBuild does."""

    name: str
    commands: tuple[str, ...] = ()
    finally_commands: tuple[str, ...] = ()
    on_failure: OnFailure | None = None
    run_as: str | None = None
    runtime_versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SecretReference:
    """`<secret-id>:<json-key>:<version-stage>:<version-id>`; an empty json-key is the whole secret."""

    secret_id: str
    json_key: str = ""
    version_stage: str = ""
    version_id: str = ""

    @classmethod
    def parse(cls, text: str) -> SecretReference | None:
        """Read a reference; a secret id may be an ARN, which holds six colons itself. None: too many fields or no id."""
        fields = text.split(":")
        if text.startswith("arn:"):
            fields = [":".join(fields[:7]), *fields[7:]]
        if not fields[0] or len(fields) > 4:
            return None
        return cls(*fields)


@dataclass(frozen=True, slots=True)
class Env:
    """Variables of the three kinds. Values of `variables` are literal text: no shell expands them.

    `parameter_store` maps to parameter names, `secrets_manager` to references (see `SecretReference`).
    """

    shell: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    parameter_store: Mapping[str, str] = field(default_factory=dict)
    secrets_manager: Mapping[str, str] = field(default_factory=dict)
    exported_variables: tuple[str, ...] = ()
    git_credential_helper: bool | None = None


@dataclass(frozen=True, slots=True)
class Proxy:
    upload_artifacts: bool | None = None
    logs: bool | None = None


@dataclass(frozen=True, slots=True)
class ReportGroup:
    """One entry of `reports`. `name` is a report group's ARN or a short name; `file_format` is upper case."""

    name: str
    files: tuple[str, ...] = ()
    file_format: str = DEFAULT_REPORT_FORMAT
    base_directory: str | None = None
    discard_paths: bool | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """What one artifact holds. `name` may hold shell text that is expanded when the build ends."""

    files: tuple[str, ...] = ()
    name: str | None = None
    discard_paths: bool | None = None
    base_directory: str | None = None
    exclude_paths: tuple[str, ...] = ()
    enable_symlinks: bool | None = None
    s3_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The primary artifact and the secondary ones by identifier."""

    primary: Artifact = field(default_factory=Artifact)
    secondary: Mapping[str, Artifact] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cache:
    """`key` and `fallback_keys` hold shell text. `action` None means both restore and save."""

    paths: tuple[str, ...] = ()
    key: str | None = None
    fallback_keys: tuple[str, ...] = ()
    action: Literal["restore", "save"] | None = None


@dataclass(frozen=True, slots=True)
class BatchEnv:
    """What a batch task changes in the project's environment."""

    compute_type: str | None = None
    fleet: str | None = None
    image: str | None = None
    privileged_mode: bool | None = None
    type: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchTask:
    """One task of a `build-list` or `build-graph`. `buildspec` None means the current one."""

    identifier: str
    buildspec: str | None = None
    depend_on: tuple[str, ...] = ()
    ignore_failure: bool = False
    debug_session: bool = False
    env: BatchEnv = field(default_factory=BatchEnv)


@dataclass(frozen=True, slots=True)
class BatchMatrix:
    """One build per combination of the `dynamic` lists; `static` holds for all of them."""

    ignore_failure: bool = False
    static: BatchEnv = field(default_factory=BatchEnv)
    buildspecs: tuple[str, ...] = ()
    compute_types: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchFanout:
    """`parallelism` copies of the build, each with its share of the test files."""

    parallelism: int
    ignore_failure: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """How a batch splits. One of `build_list`, `build_graph`, `matrix` and `fanout` says something."""

    fast_fail: bool = False
    build_list: tuple[BatchTask, ...] = ()
    build_graph: tuple[BatchTask, ...] = ()
    matrix: BatchMatrix | None = None
    fanout: BatchFanout | None = None


@dataclass(frozen=True, slots=True)
class Buildspec:
    """A whole buildspec. `phases` holds the phases that are there, in the order in which they run."""

    version: Literal["0.1", "0.2"] = "0.2"
    run_as: str | None = None
    env: Env = field(default_factory=Env)
    proxy: Proxy = field(default_factory=Proxy)
    batch: Batch | None = None
    phases: Mapping[str, Phase] = field(default_factory=dict)
    reports: tuple[ReportGroup, ...] = ()
    artifacts: Artifacts | None = None
    cache: Cache | None = None

    def phase(self, name: str) -> Phase:
        """Return the phase, or an empty one: an absent phase is entered and succeeds."""
        return self.phases.get(name, Phase(name))
