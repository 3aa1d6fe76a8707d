"""CodeBuild's two events about builds, in the exact shape in which EventBridge delivers them.

Builds that timed out or broke are FAILED in the event: only the phase and the API say TIMED_OUT and FAULT.
Numbers are floats and times are local-looking text in UTC; `current-phase-context` is text, not a list.

There is no event about a batch: CodeBuild tells of its builds, each as of any other build, with the batch's name nowhere; who
wants to know asks BatchGetBuilds for `buildBatchArn`. Sources: "AWS CodeBuild events" in the EventBridge events reference lists
build state, build phase and fleet state changes and nothing else; "Build notifications input format reference" in the CodeBuild
user guide has the members; CodeBuildBuildStateChange and CodeBuildBuildPhaseChange of EventBridge's schema registry have those
that its samples miss (`cache`, `queued-timeout-in-minutes`).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from buildgate_cli.local.events import Event

SOURCE = "aws.codebuild"
STATE_CHANGE = "CodeBuild Build State Change"
PHASE_CHANGE = "CodeBuild Build Phase Change"
_STATES = {"TIMED_OUT": "FAILED", "FAULT": "FAILED"}


def state_change(build: Mapping[str, Any], at: datetime) -> Event:
    detail = {
        "build-status": _STATES.get(build["buildStatus"], build["buildStatus"]),
        "project-name": build["projectName"],
        "build-id": build["arn"],
        "additional-information": _additional(build),
        "current-phase": build["currentPhase"],
        "current-phase-context": "[]",
        "version": "1",
    }
    return Event(SOURCE, STATE_CHANGE, (build["arn"],), detail, at)


def phase_change(build: Mapping[str, Any], phase: Mapping[str, Any], at: datetime) -> Event:
    """Return the event for a phase that has ended; `phase` is one of the build's own."""
    detail = {
        "completed-phase": phase["phaseType"],
        "project-name": build["projectName"],
        "build-id": build["arn"],
        "completed-phase-context": f"[{', '.join(_contexts(phase))}]",
        "additional-information": _additional(build),
        "completed-phase-status": phase["phaseStatus"],
        "completed-phase-duration-seconds": float(phase["durationInSeconds"]),
        "version": "1",
        "completed-phase-start": time_text(phase["startTime"]),
        "completed-phase-end": time_text(phase["endTime"]),
    }
    return Event(SOURCE, PHASE_CHANGE, (build["arn"],), detail, at)


def time_text(seconds: float) -> str:
    """Return an epoch time as the events write it: `Sep 1, 2017 4:12:29 PM`."""
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%b} {at.day}, {at.year} {at.hour % 12 or 12}:{at:%M:%S} {'AM' if at.hour < 12 else 'PM'}"


def _additional(build: Mapping[str, Any]) -> dict[str, Any]:
    logs, version = build["logs"], build.get("sourceVersion")
    link = {
        "group-name": logs.get("groupName"),
        "stream-name": logs.get("streamName"),
        "deep-link": logs.get("deepLink"),
    }
    return {
        "artifact": _artifact(build["artifacts"]),
        "cache": _kebab(build.get("cache", {"type": "NO_CACHE"}), ("type", "location")),
        "environment": _environment(build["environment"]),
        "timeout-in-minutes": float(build["timeoutInMinutes"]),
        "queued-timeout-in-minutes": float(build["queuedTimeoutInMinutes"]),
        "build-complete": build["buildComplete"],
        "build-number": float(build["buildNumber"]),
        "initiator": build["initiator"],
        "build-start-time": time_text(build["startTime"]),
        "source": _kebab(build["source"], ("type", "location", "buildspec")),
        **({"source-version": version} if version else {}),
        "logs": {name: value for name, value in link.items() if value is not None},
        "phases": [_phase(phase) for phase in build["phases"]],
    }


def _artifact(artifacts: Mapping[str, Any]) -> dict[str, Any]:
    return _kebab(artifacts, ("md5sum", "sha256sum", "location"))


def _environment(environment: Mapping[str, Any]) -> dict[str, Any]:
    variables: Sequence[Mapping[str, Any]] = environment.get("environmentVariables", ())
    return {
        "image": environment["image"],
        "privileged-mode": environment.get("privilegedMode", False),
        "image-pull-credentials-type": environment.get("imagePullCredentialsType", "CODEBUILD"),
        "compute-type": environment["computeType"],
        "type": environment["type"],
        "environment-variables": [
            {"name": v["name"], "type": v.get("type", "PLAINTEXT"), "value": v["value"]} for v in variables
        ],
    }


def _phase(phase: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"phase-type": phase["phaseType"], "start-time": time_text(phase["startTime"])}
    if "endTime" in phase:
        result |= {
            "phase-context": _contexts(phase),
            "end-time": time_text(phase["endTime"]),
            "duration-in-seconds": float(phase["durationInSeconds"]),
            "phase-status": phase["phaseStatus"],
        }
    return result


def _contexts(phase: Mapping[str, Any]) -> list[str]:
    return [f"{context['statusCode']}: {context['message']}" for context in phase.get("contexts", ())]


def _kebab(value: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}
