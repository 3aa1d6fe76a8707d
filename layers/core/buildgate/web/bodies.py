"""What callers send to the API."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from buildgate.domain.metrics.windows import DEFAULT_DAYS, MOST_DAYS
from buildgate.web.operations import Body

PIPELINE_FILE = "PipelineFile"
"""The schema's name for what a pipeline file says; its own door checks it."""


class Apply(Body):
    """A pipeline to apply, as in the pipeline file."""

    pipeline: Annotated[Any, WithJsonSchema({"x-component": PIPELINE_FILE})]
    dry_run: bool = Field(default=False, description="Check it against the account, and change nothing.")


class Start(Body):
    """What to run; nothing means the pipeline's first branch."""

    ref: str | None = Field(default=None, description="As branch:main or tag:v1; a bare name is a branch.")
    commit: str | None = Field(default=None, description="A commit of that branch or tag, instead of its newest.")


class Stop(Body):
    """Why a run is stopped."""

    comment: str | None = None


class Retry(Body):
    """From which stage a run is tried again; nothing means the one that failed."""

    stage: str | None = None


class Decide(Body):
    """What the caller decides."""

    decision: Literal["approve", "reject"]
    comment: str | None = None


class Waive(Body):
    """A waiver as in a waiver file, for one gate of the pipeline or for all."""

    model_config = ConfigDict(strict=True, extra="allow", defer_build=True)
    gate: str | None = None


class Backfill(Body):
    """How much history to record, and the token that continues it."""

    days: int = Field(default=DEFAULT_DAYS, ge=1, le=MOST_DAYS)
    token: str | None = None
