"""Fake builds: what happens to one, and how CodeBuild's API and events show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

PHASES = ("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD")
LAST_PHASES = ("UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
EVENT_STATUS = {"TIMED_OUT": "FAILED", "FAULT": "FAILED"}
PHASE_STATUS = {"SUCCEEDED": "SUCCEEDED", "STOPPED": "STOPPED", "TIMED_OUT": "TIMED_OUT", "FAULT": "FAULT"}


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What is to become of a build: seconds in the queue and at work, and how and in which phase it ends."""

    seconds: float
    status: str = "SUCCEEDED"
    queued_seconds: float = 0.0
    phase: str = "BUILD"
    reports: tuple[dict[str, Any], ...] = ()
    exported: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class FakeBuild:
    """One build. `request` is the StartBuild request; times are virtual."""

    build_id: str
    arn: str
    number: int
    project: dict[str, Any]
    request: dict[str, Any]
    started_at: datetime
    initiator: str
    status: str = "IN_PROGRESS"
    is_queued: bool = True
    failed_phase: str = ""
    ended_at: datetime | None = None
    commit: str = ""
    reports: list[dict[str, Any]] = field(default_factory=list)
    exported: dict[str, str] = field(default_factory=dict)
    _last_phases: tuple[tuple[str, str, str, datetime], list[dict[str, Any]]] | None = field(
        default=None, repr=False, compare=False
    )

    @property
    def is_over(self) -> bool:
        """Whether the build has ended."""
        return self.ended_at is not None

    @property
    def timeout_minutes(self) -> int:
        """How long the build may run."""
        return int(self.request.get("timeoutInMinutesOverride", self.project.get("timeoutInMinutes", 60)))

    @property
    def current_phase(self) -> str:
        """The phase it is in."""
        if self.is_over:
            return "COMPLETED"
        return "QUEUED" if self.is_queued else "BUILD"

    def environment(self) -> dict[str, Any]:
        """The project's environment with this build's variables over it."""
        environment = self.project["environment"]
        variables = {entry["name"]: dict(entry) for entry in environment.get("environmentVariables", ())}
        for entry in self.request.get("environmentVariablesOverride", ()):
            variables[entry["name"]] = {"type": "PLAINTEXT", **entry}
        return {**environment, "environmentVariables": list(variables.values())}

    def phases(self, now: datetime) -> list[dict[str, Any]]:
        """The phases so far, sharing the time evenly; the last has neither end nor status."""
        end = self.ended_at or now
        state = self.status, self.current_phase, self.failed_phase, end
        if self._last_phases is None or self._last_phases[0] != state:
            self._last_phases = state, self._phases(end)
        return [dict(phase) for phase in self._last_phases[1]]

    def _phases(self, end: datetime) -> list[dict[str, Any]]:
        names = self._phase_names()
        share = (end - self.started_at) / max(1, len(names) - 1)
        seconds = int(share.total_seconds())
        shown: list[dict[str, Any]] = []
        began = self.started_at
        for name in names[:-1]:
            status = PHASE_STATUS.get(self.status, "FAILED") if name == self.failed_phase else "SUCCEEDED"
            ended = began + share
            shown.append(
                {
                    "phaseType": name,
                    "startTime": began,
                    "endTime": ended,
                    "durationInSeconds": seconds,
                    "phaseStatus": status,
                }
            )
            began = ended
        shown.append({"phaseType": names[-1], "startTime": began})
        return shown

    def _phase_names(self) -> list[str]:
        if not self.is_over:
            return list(PHASES[: PHASES.index(self.current_phase) + 1])
        if self.failed_phase:
            return [*PHASES[: PHASES.index(self.failed_phase) + 1], *LAST_PHASES[1:]]
        return [*PHASES, *LAST_PHASES]

    def data(self, now: datetime) -> dict[str, Any]:
        """The build as BatchGetBuilds shows it."""
        project_name, uuid = self.build_id.split(":")
        data: dict[str, Any] = {
            "id": self.build_id,
            "arn": self.arn,
            "buildNumber": self.number,
            "startTime": self.started_at,
            "currentPhase": self.current_phase,
            "buildStatus": self.status,
            "projectName": project_name,
            "phases": self.phases(now),
            "source": dict(self.project["source"]),
            "environment": self.environment(),
            "logs": {"groupName": f"/aws/codebuild/{project_name}", "streamName": uuid},
            "timeoutInMinutes": self.timeout_minutes,
            "queuedTimeoutInMinutes": self.project.get("queuedTimeoutInMinutes", 480),
            "buildComplete": self.is_over,
            "initiator": self.initiator,
            "reportArns": [report["arn"] for report in self.reports],
            "exportedEnvironmentVariables": [{"name": name, "value": text} for name, text in self.exported.items()],
        }
        known = {
            "sourceVersion": self.request.get("sourceVersion"),
            "endTime": self.ended_at,
            "resolvedSourceVersion": self.commit,
        }
        return data | {name: value for name, value in known.items() if value}

    def event_detail(self, status: str, now: datetime) -> dict[str, Any]:
        """The `detail` of a state change event: variables in plain text, text times, numbers as floats."""
        environment = self.environment()
        return {
            "build-status": EVENT_STATUS.get(status, status),
            "project-name": self.build_id.split(":")[0],
            "build-id": self.arn,
            "current-phase": self.current_phase,
            "current-phase-context": "[]",
            "version": "1",
            "additional-information": {
                "artifact": {"location": ""},
                "environment": {
                    "image": environment["image"],
                    "privileged-mode": False,
                    "compute-type": environment["computeType"],
                    "type": environment["type"],
                    "environment-variables": environment["environmentVariables"],
                },
                "timeout-in-minutes": float(self.timeout_minutes),
                "build-number": float(self.number),
                "build-complete": self.is_over,
                "initiator": self.initiator,
                "build-start-time": _as_text(self.started_at),
                "source": {"type": self.project["source"]["type"]},
                "source-version": self.request.get("sourceVersion", ""),
                "phases": [_event_phase(phase) for phase in self.phases(now)],
            },
        }


def _event_phase(phase: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"phase-type": phase["phaseType"], "start-time": _as_text(phase["startTime"])}
    if "endTime" in phase:
        shown["end-time"] = _as_text(phase["endTime"])
        shown["duration-in-seconds"] = float(phase["durationInSeconds"])
        shown["phase-status"] = phase["phaseStatus"]
        shown["phase-context"] = []
    return shown


@lru_cache(maxsize=256)
def _as_text(moment: datetime) -> str:
    hour = moment.hour
    half = "PM" if hour >= 12 else "AM"
    clock = f"{hour % 12 or 12}:{moment.minute:02}:{moment.second:02} {half}"
    return f"{_MONTHS[moment.month - 1]} {moment.day}, {moment.year} {clock}"


def seeded_plans(
    dice: random.Random, *, mean_seconds: float = 300.0, good_ratio: float = 0.7
) -> Callable[[dict[str, Any]], BuildPlan]:
    """Return plans drawn at random: most builds succeed, others fail, fault or never end (and so time out)."""

    def plan(request: dict[str, Any]) -> BuildPlan:
        seconds = dice.expovariate(1 / mean_seconds)
        queued = dice.expovariate(1 / 20)
        if dice.random() < good_ratio:
            return BuildPlan(seconds, "SUCCEEDED", queued)
        status = dice.choices(["FAILED", "FAULT", "TIMED_OUT"], [6, 2, 2])[0]
        forever = timedelta(days=365).total_seconds()
        phase = dice.choice(["DOWNLOAD_SOURCE", "INSTALL", "BUILD"])
        return BuildPlan(forever if status == "TIMED_OUT" else seconds, status, queued, phase)

    return plan
