"""The pipeline file's keys and value types, as pydantic models; the published JSON Schema is made from them.

Nothing is converted silently: a number is no text, a text is no list. Keys of two words may be spelt with `-` or `_`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from buildgate.domain.durations import minutes_of, text_of
from buildgate.domain.pipelines import APPROVAL_MINUTES, BUILDS_LIMIT, STAGES_LIMIT, TRIGGERS_LIMIT, WAIT_MINUTES

NAME_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
PROJECT_PATTERN: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{1,149}"
REPOSITORY_PATTERN: Final = r"[A-Za-z0-9_.-]{1,100}"
VARIABLE_PATTERN: Final = r"[A-Za-z_][A-Za-z0-9_]{0,254}"
TOPIC_PATTERN: Final = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}"
DURATION_PATTERN: Final = r"(?=[0-9])([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?"
RESERVED_PREFIXES: Final = ("CODEBUILD_", "BUILDGATE_")
VARIABLE_BYTES: Final = 8 * 1024
BUILD_MINUTES: Final = (5, 36 * 60)
APPROVAL_LIMIT_MINUTES: Final = (1, 90 * 24 * 60)
WAIT_LIMIT_MINUTES: Final = (1, 90 * 24 * 60)


def refusal(message: str, *, expected: str = "", fix: str = "") -> PydanticCustomError:
    """Return the error a validator raises; its parts reach the person unchanged."""
    return PydanticCustomError("buildgate", "{message}", {"message": message, "expected": expected, "fix": fix})


def _fits(pattern: str, what: str, expected: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            shown = text if len(text) <= 80 else f"{text[:77]}..."
            raise refusal(f"{shown!r} is not {what}", expected=expected)
        return text

    return AfterValidator(check)


def _schema(pattern: str) -> Any:
    """Return the pattern for the JSON Schema alone; the validator beside it says it in words."""
    return Field(json_schema_extra={"pattern": f"^{pattern}$"})


def _is_short(limit: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text) > limit:
            raise refusal(f"the text has {len(text)} characters", expected=f"at most {limit} characters")
        if any(ord(char) < 32 and char not in "\n\t" for char in text):
            raise refusal("the text holds a control character", fix="remove it")
        return text

    return AfterValidator(check)


def _glob(text: str) -> str:
    if not text or len(text) > 256:
        raise refusal("a glob has 1 to 256 characters")
    if text.startswith(("refs/heads/", "refs/tags/")):
        raise refusal(f"{text!r} is a full reference", fix=f'write "{text.split("/", 2)[2]}"')
    if text.startswith("/"):
        raise refusal(
            f"{text!r} begins with /", fix=f'write "{text.lstrip("/")}": paths start at the repository\'s root'
        )
    if any(ord(char) < 32 for char in text):
        raise refusal("the glob holds a control character", fix="remove it")
    if text.count("[") != text.count("]"):
        raise refusal(f"{text!r} has a bracket without its other half", fix="close it, as in [0-9]")
    return text


def _lasts(least: int, most: int) -> BeforeValidator:
    def check(value: object) -> object:
        minutes = minutes_of(value) if isinstance(value, str) else None
        if minutes is None:
            raise refusal(f"{value!r} is not a duration", expected="a duration such as 90s, 30m, 24h or 1h30m")
        if not least <= minutes <= most:
            raise refusal(f"{value!r} is out of range", expected=f"{text_of(least)} to {text_of(most)}")
        return value

    return BeforeValidator(check)


def _variables(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if not re.fullmatch(VARIABLE_PATTERN, name):
            raise refusal(
                f"{name!r} is not a variable's name", expected="letters, digits and _, not starting with a digit"
            )
        if name.startswith(RESERVED_PREFIXES):
            raise refusal(f"the variable {name} begins with a reserved prefix", fix="choose another name")
        if len(value.encode()) > VARIABLE_BYTES or "\x00" in value:
            raise refusal(f"the variable {name} is too long or holds a NUL", expected=f"at most {VARIABLE_BYTES} bytes")
    if len(values) > 100:
        raise refusal(f"{len(values)} variables", expected="at most 100")
    return values


def _tags(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if not 1 <= len(name) <= 128 or len(value) > 256:
            raise refusal(
                f"the tag {name!r} is too long", expected="a key of 1 to 128 and a value of up to 256 characters"
            )
        if name.lower().startswith("aws:"):
            raise refusal(f"the tag {name!r} begins with aws:, which AWS keeps for itself", fix="choose another key")
    if len(values) > 50:
        raise refusal(f"{len(values)} tags", expected="at most 50")
    return values


_LETTERS: Final = "letters, digits, - and _, at most 64, starting with a letter or digit"
Name = Annotated[str, _fits(NAME_PATTERN, "a valid name", _LETTERS), _schema(NAME_PATTERN)]
Project = Annotated[
    str,
    _fits(PROJECT_PATTERN, "the name of a CodeBuild project", "2 to 150 letters, digits, - and _"),
    _schema(PROJECT_PATTERN),
]
Repository = Annotated[
    str,
    _fits(REPOSITORY_PATTERN, "the name of a repository", "at most 100 letters, digits, '.', - and _"),
    _schema(REPOSITORY_PATTERN),
]
Topic = Annotated[
    str, _fits(TOPIC_PATTERN, "the ARN of an SNS topic", "arn:aws:sns:REGION:ACCOUNT:NAME"), _schema(TOPIC_PATTERN)
]
Glob = Annotated[str, AfterValidator(_glob)]
Variables = Annotated[dict[str, str], AfterValidator(_variables)]
Tags = Annotated[dict[str, str], AfterValidator(_tags)]
BuildTime = Annotated[str, _lasts(*BUILD_MINUTES), _schema(DURATION_PATTERN)]
ApprovalTime = Annotated[str, _lasts(*APPROVAL_LIMIT_MINUTES), _schema(DURATION_PATTERN)]
WaitTime = Annotated[str, _lasts(*WAIT_LIMIT_MINUTES), _schema(DURATION_PATTERN)]
Approver = Annotated[
    str, _fits(r"[^\s\x00-\x1f]{1,256}", "an approver", "an e-mail address, an ARN or a name, without spaces")
]


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, model_title_generator=lambda model: model.__name__.removesuffix("Model")
    )


class TopicsModel(_Strict):
    """SNS topics for this pipeline's notices; what is left out goes to the installation's."""

    success: Topic | None = None
    failure: Topic | None = None
    approval: Topic | None = None


class PathsModel(_Strict):
    """Globs of changed paths; one path that is included and not excluded is enough."""

    include: list[Glob] = Field(default_factory=list, max_length=100)
    exclude: list[Glob] = Field(default_factory=list, max_length=100)


class TriggerModel(_Strict):
    """A repository whose pushes open a run."""

    repository: Repository = Field(description="Name of the repository.")
    provider: Literal["codecommit"] = Field("codecommit", description="Where the repository lives.")
    branches: list[Glob] = Field(default_factory=list, max_length=100, description="Globs of branch names.")
    tags: list[Glob] = Field(default_factory=list, max_length=100, description="Globs of tag names.")
    paths: PathsModel = Field(default_factory=PathsModel, description="Which changed paths count, on branches.")


class BuildModel(_Strict):
    """One build of a stage."""

    name: Name = Field(description="Name within the stage.")
    project: Project = Field(description="CodeBuild project to build.")
    variables: Variables = Field(default_factory=dict, description="Environment of this build; wins over the stage's.")


class ApprovalModel(_Strict):
    """A person's decision before the stage begins."""

    approvers: list[Approver] = Field(default_factory=list, max_length=50, description="Who is asked.")
    required: int = Field(1, ge=1, le=50, description="How many different people must approve.")
    timeout: ApprovalTime = Field(
        f"{APPROVAL_MINUTES // 60}h", description="How long it waits; then the run is EXPIRED."
    )
    channel: Literal["link", "mailbox", "iam", "oidc"] = Field(
        "link", description="How the decider is known: broadcast link, a link per mailbox, or a proved identity."
    )
    allow_self: bool = Field(
        True,
        validation_alias=AliasChoices("allow-self", "allow_self"),
        description="Whether those who pushed or wrote the change may approve it.",
    )
    instructions: Annotated[str, _is_short(4000)] = Field("", description="What the approver should check.")


class StageModel(_Strict):
    """Entry approval, then builds in parallel, then gates."""

    name: Name = Field(description="Name within the pipeline.")
    approval: ApprovalModel | None = Field(None, description="Who must agree before the stage begins.")
    builds: list[BuildModel] = Field(default_factory=list, max_length=BUILDS_LIMIT, description="Builds, in parallel.")
    variables: Variables = Field(default_factory=dict, description="Environment of every build of the stage.")
    concurrency: int = Field(BUILDS_LIMIT, ge=1, le=BUILDS_LIMIT, description="How many builds run at once.")
    timeout: BuildTime | None = Field(None, description="Timeout of each build; the project's own when left out.")
    gates: list[Any] = Field(default_factory=list, max_length=40, description="What the reports must say.")
    on_failure: Literal["stop", "continue"] = Field(
        "stop",
        validation_alias=AliasChoices("on-failure", "on_failure"),
        description="Whether the run goes on when this stage fails.",
    )
    mode: Literal["parallel", "queued", "superseded"] | None = Field(
        None,
        description=(
            "What a run does while another one is in this stage: go on beside it (parallel), wait for its turn in the"
            " order of opening (queued), or wait unless a newer run comes (superseded). parallel when left out, queued"
            " with a lock."
        ),
    )
    lock: Name | None = Field(
        None, description="Lock that this stage shares with others, of any pipeline: one of them runs at a time."
    )
    wait: WaitTime | None = Field(
        None,
        description=(f"How long a run waits for its turn; then it is EXPIRED. {text_of(WAIT_MINUTES)} when left out."),
    )


class PipelineModel(_Strict):
    """A pipeline of Buildgate."""

    name: Name = Field(description="Name of the pipeline.")
    description: Annotated[str, _is_short(255)] = Field("", description="One sentence for people.")
    tags: Tags = Field(default_factory=dict, description="For cost reports and filters.")
    topics: TopicsModel = Field(default_factory=TopicsModel)
    notify: Literal["always", "on-change"] = Field(
        "always", description="Tell of every ended run, or only when a branch turns from good to bad or back."
    )
    triggers: list[TriggerModel] = Field(
        default_factory=list, max_length=TRIGGERS_LIMIT, description="What opens a run."
    )
    stages: list[StageModel] = Field(min_length=1, max_length=STAGES_LIMIT, description="One after another.")


MODELS: Final[dict[tuple[str, ...], type[BaseModel]]] = {
    (): PipelineModel,
    ("topics",): TopicsModel,
    ("triggers",): TriggerModel,
    ("triggers", "paths"): PathsModel,
    ("stages",): StageModel,
    ("stages", "approval"): ApprovalModel,
    ("stages", "builds"): BuildModel,
}
"""Which model stands at which path, list indices left out."""


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys of a model as a file spells them, in the order they are documented."""
    return [key_of(name, field.validation_alias) for name, field in model.model_fields.items()]


def key_of(name: str, alias: object) -> str:
    """Return the first spelling of a field."""
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else name
