"""Runs a buildspec with the agent's engine alone, and remembers everything it said."""

import os
import textwrap
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent.build import (
    BroughtSource,
    Collected,
    CollectedReport,
    Limits,
    Outcome,
    PhaseResult,
    Request,
    Used,
)
from buildgate_cli.local.agent.execution import Interrupt
from buildgate_cli.local.agent.runner import Runner
from buildgate_cli.local.agent.source import FolderSource, Source


@dataclass
class Heard:
    """The sink: lines, phases begun and ended, in order. `output` is what the commands printed, without the agent."""

    lines: list[str] = field(default_factory=list)
    output: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    ended: list[PhaseResult] = field(default_factory=list)
    commits: list[str] = field(default_factory=list)
    measured: list[Used] = field(default_factory=list)
    waiting_for: str = ""
    seen: threading.Event = field(default_factory=threading.Event)

    def log(self, lines: list[str]) -> None:
        self.lines += lines
        if not lines[0].startswith("[Container]"):
            self.output += lines
        if self.waiting_for and any(line == self.waiting_for for line in lines):
            self.seen.set()

    def phase_started(self, name: str, at: datetime) -> None:
        self.begun.append(name)

    def phase_ended(self, result: PhaseResult) -> None:
        self.ended.append(result)

    def source_resolved(self, commit: str) -> None:
        self.commits.append(commit)

    def used(self, used: Used) -> None:
        self.measured.append(used)

    @property
    def said(self) -> list[str]:
        """The agent's own lines without their time."""
        return [line.split(" ", 3)[3] for line in self.lines if line.startswith("[Container]")]


@dataclass
class FakeOutside:
    """Knows the parameters and secrets it is given; keeps copies of what the build leaves."""

    known: Mapping[str, str] = field(default_factory=dict)
    artifacts: dict[str | None, dict[str, bytes]] = field(default_factory=dict)
    names: dict[str | None, str | None] = field(default_factory=dict)
    reports: dict[str, dict[str, bytes]] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    caches: dict[str, bytes] = field(default_factory=dict)
    brought: list[BroughtSource] = field(default_factory=list)

    def parameters(self, names: Mapping[str, str]) -> Mapping[str, str]:
        return {variable: self.known[name] for variable, name in names.items()}

    def secrets(self, references: Mapping[str, str]) -> Mapping[str, str]:
        return {variable: self.known[name] for variable, name in references.items()}

    def keep_artifact(self, artifact: Collected) -> None:
        self.artifacts[artifact.identifier] = {file.name: file.path.read_bytes() for file in artifact.files}
        self.names[artifact.identifier] = artifact.name

    def fetch_object(self, location: str, into: Path) -> str | None:
        into.write_bytes(self.objects[location])
        return None

    def keep_source(self, brought: BroughtSource) -> None:
        self.brought.append(brought)

    def fetch_cache(self, key: str, fallbacks: Sequence[str], into: Path) -> str | None:
        for wanted in (key, *(kept for fallback in fallbacks for kept in self.caches if kept.startswith(fallback))):
            if wanted in self.caches:
                into.write_bytes(self.caches[wanted])
                return wanted
        return None

    def keep_cache(self, key: str, archive: Path, *, is_final: bool) -> None:
        self.caches[key] = archive.read_bytes()

    def keep_report(self, report: CollectedReport) -> None:
        self.reports[report.group] = {file.name: file.path.read_bytes() for file in report.files}


@dataclass
class Done:
    outcome: Outcome
    heard: Heard
    outside: FakeOutside
    folder: Path

    @property
    def phases(self) -> dict[str, str]:
        return {phase.name: phase.status for phase in self.outcome.phases}

    def context(self, phase: str) -> tuple[str, str]:
        (found,) = [result.contexts for result in self.outcome.phases if result.name == phase]
        (context,) = found
        return context


def run_buildspec(
    folder: Path,
    buildspec: str | None,
    *,
    files: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    stop_at: str = "",
    known: Mapping[str, str] | None = None,
    source: Source | None = None,
    secondary: Mapping[str, Source] | None = None,
    outside: FakeOutside | None = None,
    **request: Any,
) -> Done:
    """Run a buildspec (its text is written to buildspec.yml) over these files; stop the build when `stop_at` is printed."""
    origin = folder / "origin"
    for name, text in (files or {}).items():
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_text(text)
    origin.mkdir(exist_ok=True, parents=True)
    if buildspec is not None:
        (origin / "buildspec.yml").write_text(textwrap.dedent(buildspec))
    heard, interrupt = Heard(waiting_for=stop_at), Interrupt()
    outside = outside or FakeOutside(known or {})
    request.setdefault("base_variables", {"PATH": os.environ["PATH"]})
    asked = Request(
        folder=folder,
        source=folder / "src",
        mark=str(uuid.uuid4()),
        limits=limits or Limits(timeout_seconds=30, grace_seconds=0.3),
        **request,
    )
    primary = source or FolderSource(origin)
    runner = Runner(asked, primary, outside, heard, interrupt=interrupt, secondary=secondary)
    if stop_at:
        waiter = threading.Thread(target=lambda: heard.seen.wait(20) and interrupt.request("STOPPED"))
        waiter.start()
    outcome = runner.run()
    if stop_at:
        heard.seen.set()
        waiter.join()
    interrupt.close()
    return Done(outcome, heard, outside, folder)
