"""What judging needs from the world: reports, earlier judgements, waivers, and what a change touched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from buildgate.domain.builds import Build
    from buildgate.domain.gates.pipeline_waivers import PipelineWaiver
    from buildgate.domain.gates.record import Judgement, JudgementHead, JudgementRef
    from buildgate.domain.gates.sources import Source
    from buildgate.domain.measurements import Refusal, Report
    from buildgate.domain.runs import Run


class Judgements(Protocol):
    """Every judgement with all it rests on, and the history that lists them."""

    def keep(self, judgement: Judgement, *, pipeline: str, stage: str) -> JudgementRef:
        """Store a judgement; storing again makes a new version, and the first stays readable by its own reference."""
        ...

    def note(self, head: JudgementHead) -> None:
        """Put a judgement into the history; safe to repeat."""
        ...

    def load(self, ref: JudgementRef) -> Judgement:
        """Return a stored judgement.

        Raises:
            NotFound: It is not kept any more.
            Corrupt: What is stored there is another one.
        """
        ...

    def on_branch(self, pipeline: str, stage: str, gate: str, branch: str) -> Iterator[JudgementHead]:
        """Yield a gate's judgements of one branch, newest first, read as they are asked for."""
        ...

    def since(self, pipeline: str, moment: datetime, *, limit: int, before: str = "") -> Sequence[JudgementHead]:
        """Return the judgements of a pipeline from a moment on, newest first; those before a position, if one is given.

        As many as the limit means that there may be more.
        """
        ...


class Waivers(Protocol):
    """Waivers that the table keeps, by pipeline."""

    def put(self, waiver: PipelineWaiver) -> None:
        """Store a waiver; one of the same id is replaced."""
        ...

    def of_pipeline(self, pipeline: str) -> Sequence[PipelineWaiver]: ...

    def get(self, pipeline: str, waiver_id: str) -> PipelineWaiver | None: ...

    def withdraw(self, pipeline: str, waiver_id: str, *, actor: str, now: datetime) -> bool:
        """Let a waiver act no more; False when there is none that acts."""
        ...

    def due(self, now: datetime) -> Sequence[tuple[str, str]]:
        """Return (pipeline, id) of waivers that have expired and of which nobody was told."""
        ...

    def settle(self, pipeline: str, waiver_id: str, *, due_at: datetime) -> None:
        """Note that people were told of a waiver's end, unless it was renewed meanwhile."""
        ...


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report as stored: pinned by version and digest, so that judging again reads the same bytes."""

    name: str
    key: str
    version_id: str
    etag: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a report file said: its reports (an archive holds several), or why it was refused; and its digest."""

    reports: tuple[Report, ...]
    refusal: Refusal | None
    sha256: str


class Reports(Protocol):
    """The files that a build reported."""

    def of_build(self, build: Build) -> Sequence[ReportFile]: ...

    def read(self, report: ReportFile, *, changed: Mapping[str, frozenset[int]] | None = None) -> ReadFile:
        """Read one file to its end, as a stream; a file that cannot be read is a refusal, not an error.

        `changed` are the lines that a change touched, by file: coverage is then measured on them, too.
        """
        ...


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """Of which run and gate the sources are asked, when, and what its change touched."""

    run: Run
    gate: str
    builds: Sequence[Build]
    now: datetime
    changed: Mapping[str, frozenset[int]] = field(default_factory=dict)

    @property
    def words(self) -> Mapping[str, str]:
        """What the placeholders of a source stand for."""
        source = self.run.source
        about = {"pipeline": self.run.pipeline, "run": self.run.run_id, "repository": source.repository}
        return about | {"branch": source.ref, "commit": source.commit}


@dataclass(frozen=True, slots=True)
class Fetched:
    """One report that a source gave, or why it gave none. ``version`` names which one, where the source can tell."""

    name: str
    read: ReadFile
    version: str = ""


class Sources(Protocol):
    """Places to ask for evidence besides the builds' reports."""

    def fetch(self, source: Source, facts: SourceFacts) -> Sequence[Fetched]:
        """Ask one source; what it cannot give is a refusal among the answers, never left out.

        Raises:
            Unavailable: AWS does not answer now: judging is tried again.
        """
        ...


@dataclass(frozen=True, slots=True)
class ChangedCode:
    """New and rewritten lines by file, and the files that could not be compared, each with why."""

    lines: Mapping[str, frozenset[int]] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


class LineChanges(Protocol):
    """What a change touched, line by line."""

    def changed_lines(self, repository: str, before: str, after: str) -> ChangedCode:
        """Compare two commits; an empty ``before`` means that everything is new."""
        ...
