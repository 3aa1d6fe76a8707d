"""Pipelines as code: what a pipeline file says, as a value, and its one canonical form.

`to_data` writes the same shape as the file, with every default spelled out, so that a stored version keeps its meaning
when defaults change, and so that it can be shown, compared and applied again. The digest of that form is the version:
the same content is the same version.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from buildgate.domain.durations import minutes_of, text_of
from buildgate.domain.errors import Corrupt
from buildgate.domain.gates import gate_from_data, gate_to_data

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from buildgate.domain.gates import Gate

Channel = Literal["link", "mailbox", "iam", "oidc"]
Mode = Literal["parallel", "queued", "superseded"]
OnFailure = Literal["stop", "continue"]
Notify = Literal["always", "on-change"]

CHANNELS: Final[tuple[Channel, ...]] = ("link", "mailbox", "iam", "oidc")
MODES: Final[tuple[Mode, ...]] = ("parallel", "queued", "superseded")
NOTIFY: Final[tuple[Notify, ...]] = ("always", "on-change")
ON_FAILURE: Final[tuple[OnFailure, ...]] = ("stop", "continue")
PROVIDERS: Final = ("codecommit",)
TOPICS: Final = ("success", "failure", "approval")

BUILDS_LIMIT: Final = 40
"""Builds of one stage: an inline Map runs at most 40 at once."""
STAGES_LIMIT: Final = 50
TRIGGERS_LIMIT: Final = 40
"""All new ones and all former ones change in one transaction, which holds 100 items."""
TASKS_LIMIT: Final = 1_000
"""Builds, gates and approvals of one run; an execution's history of 25,000 events holds about 1,500."""
DATA_LIMIT_BYTES: Final = 256 * 1024
"""Of the canonical form: an item of the table holds 400 KB in all."""
APPROVAL_MINUTES: Final = 24 * 60
WAIT_MINUTES: Final = 3 * 24 * 60
"""How long a run waits for its turn in a stage, unless the file says otherwise."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """Which pushes open a run. Path globs look at branches only; a tag needs no path."""

    repository: str
    provider: str = "codecommit"
    branches: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BuildStep:
    """One build of a stage. Its variables win over the stage's."""

    name: str
    project: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Who lets a stage begin. `required` different people must approve; one rejection ends it.

    `allow_self` False keeps out whoever pushed or wrote the change; like a quorum it needs a channel that proves who
    decides.
    """

    approvers: tuple[str, ...] = ()
    required: int = 1
    timeout_minutes: int = APPROVAL_MINUTES
    channel: Channel = "link"
    allow_self: bool = True
    instructions: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """Entry approval, then builds in parallel, then gates. `timeout_minutes` is each build's; None leaves the project's.

    `mode` says what becomes of a run that comes while another one is in the stage: it goes on beside it (parallel),
    waits for its turn in the order of opening (queued), or waits unless a newer run comes (superseded). Stages of one
    `lock`, of whatever pipelines, count as one stage for that. `wait_minutes` bounds the wait.
    """

    name: str
    approval: ApprovalRule | None = None
    builds: tuple[BuildStep, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    concurrency: int = BUILDS_LIMIT
    timeout_minutes: int | None = None
    gates: tuple[Gate, ...] = ()
    on_failure: OnFailure = "stop"
    mode: Mode = "parallel"
    lock: str = ""
    wait_minutes: int = WAIT_MINUTES


@dataclass(frozen=True, slots=True)
class Pipeline:
    """One version of a pipeline. `topics` overrides the installation's, by kind of notice.

    `notify` says whether every ended run is told of, or only one that turns its branch from good to bad or back.
    """

    name: str
    stages: tuple[Stage, ...]
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    topics: Mapping[str, str] = field(default_factory=dict)
    triggers: tuple[Trigger, ...] = ()
    notify: Notify = "always"

    @property
    def projects(self) -> tuple[str, ...]:
        """The CodeBuild projects it builds with, each once, in order of appearance."""
        return tuple(dict.fromkeys(build.project for stage in self.stages for build in stage.builds))

    @property
    def tasks(self) -> int:
        """How many builds, gates and approvals a run has."""
        return sum(len(one.builds) + len(one.gates) + (one.approval is not None) for one in self.stages)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal: the version's name."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()

    def to_data(self) -> dict[str, Any]:
        """Return the canonical form as plain JSON values, in the shape of a pipeline file; empty parts are left out."""
        return _without_empty(
            {
                "name": self.name,
                "description": self.description,
                "tags": dict(sorted(self.tags.items())),
                "topics": dict(sorted(self.topics.items())),
                "notify": self.notify,
                "triggers": [_trigger_data(trigger) for trigger in self.triggers],
                "stages": [_stage_data(stage) for stage in self.stages],
            }
        )

    def to_text(self) -> str:
        """Return the canonical form as one line of JSON with sorted keys: what is stored and digested."""
        return json.dumps(self.to_data(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Pipeline:
        """Return the pipeline of a canonical form. What people wrote goes through `buildgate.inbound.pipeline_file`.

        Raises:
            Corrupt: The data is not what `to_data` writes.
        """
        try:
            return cls(
                name=data["name"],
                stages=tuple(_stage(item) for item in data["stages"]),
                description=data.get("description", ""),
                tags=dict(data.get("tags", {})),
                topics=dict(data.get("topics", {})),
                triggers=tuple(_trigger(item) for item in data.get("triggers", ())),
                notify=cast("Notify", _one_of(data.get("notify", "always"), NOTIFY)),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Corrupt(f"a stored pipeline cannot be read: {error!r}") from error

    @classmethod
    def from_text(cls, text: str) -> Pipeline:
        """Return the pipeline of a stored text; Corrupt when it is not what `to_text` writes."""
        try:
            data = json.loads(text)
        except ValueError as error:
            raise Corrupt(f"a stored pipeline cannot be read: {error}") from error
        return cls.from_data(data)


def _without_empty(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value not in (None, "", [], {})}


def _trigger_data(trigger: Trigger) -> dict[str, Any]:
    paths = _without_empty({"include": list(trigger.include), "exclude": list(trigger.exclude)})
    return _without_empty(
        {
            "provider": trigger.provider,
            "repository": trigger.repository,
            "branches": list(trigger.branches),
            "tags": list(trigger.tags),
            "paths": paths,
        }
    )


def _trigger(data: Mapping[str, Any]) -> Trigger:
    paths = data.get("paths", {})
    return Trigger(
        repository=data["repository"],
        provider=data["provider"],
        branches=_texts(data.get("branches", ())),
        tags=_texts(data.get("tags", ())),
        include=_texts(paths.get("include", ())),
        exclude=_texts(paths.get("exclude", ())),
    )


def _stage_data(stage: Stage) -> dict[str, Any]:
    return _without_empty(
        {
            "name": stage.name,
            "approval": None if stage.approval is None else _approval_data(stage.approval),
            "builds": [_build_data(build) for build in stage.builds],
            "variables": dict(sorted(stage.variables.items())),
            "concurrency": stage.concurrency,
            "timeout": None if stage.timeout_minutes is None else text_of(stage.timeout_minutes),
            "gates": [gate_to_data(gate) for gate in stage.gates],
            "on-failure": stage.on_failure,
        }
        | _lane_data(stage)
    )


def _lane_data(stage: Stage) -> dict[str, Any]:
    """Return what a stage says of its lane. Nothing for a parallel one, whose form is older than modes."""
    if stage.mode == "parallel":
        return {}
    return {"mode": stage.mode, "lock": stage.lock, "wait": text_of(stage.wait_minutes)}


def _stage(data: Mapping[str, Any]) -> Stage:
    timeout = data.get("timeout")
    return Stage(
        name=data["name"],
        approval=_approval(data["approval"]) if "approval" in data else None,
        builds=tuple(_build(item) for item in data.get("builds", ())),
        variables=dict(data.get("variables", {})),
        concurrency=int(data["concurrency"]),
        timeout_minutes=None if timeout is None else _minutes(timeout),
        gates=tuple(gate_from_data(item) for item in data.get("gates", ())),
        on_failure=cast("OnFailure", _one_of(data["on-failure"], ON_FAILURE)),
        mode=cast("Mode", _one_of(data.get("mode", "parallel"), MODES)),
        lock=data.get("lock", ""),
        wait_minutes=_minutes(data["wait"]) if "wait" in data else WAIT_MINUTES,
    )


def _build_data(build: BuildStep) -> dict[str, Any]:
    variables = dict(sorted(build.variables.items()))
    return _without_empty({"name": build.name, "project": build.project, "variables": variables})


def _build(data: Mapping[str, Any]) -> BuildStep:
    return BuildStep(data["name"], data["project"], dict(data.get("variables", {})))


def _approval_data(rule: ApprovalRule) -> dict[str, Any]:
    return _without_empty(
        {
            "approvers": list(rule.approvers),
            "required": rule.required,
            "timeout": text_of(rule.timeout_minutes),
            "channel": rule.channel,
            "allow-self": rule.allow_self,
            "instructions": rule.instructions,
        }
    )


def _approval(data: Mapping[str, Any]) -> ApprovalRule:
    return ApprovalRule(
        approvers=_texts(data.get("approvers", ())),
        required=int(data["required"]),
        timeout_minutes=_minutes(data["timeout"]),
        channel=cast("Channel", _one_of(data["channel"], CHANNELS)),
        allow_self=bool(data["allow-self"]),
        instructions=data.get("instructions", ""),
    )


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def _minutes(text: str) -> int:
    minutes = minutes_of(text)
    if minutes is None:
        raise ValueError(f"{text!r} is no duration")
    return minutes


def _one_of(value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
    return value
