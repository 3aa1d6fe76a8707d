"""What the API says of lanes and turns, as types."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from buildgate.web.schemas import Moment

Mode = Literal["queued", "superseded"]


class StandingView(TypedDict):
    """How a run stands to the lane of its stage."""

    lane: Annotated[str, "As people read it: `stage shop/release`, `lock production`."]
    key: str
    mode: Mode
    state: Annotated[
        Literal["absent", "waiting", "holding", "superseded"], "A run that has left its stage is absent again."
    ]
    is_ready: Annotated[bool, "Whether it waits for nothing but the lane: its approval is given, or comes later."]
    behind: Annotated[str, "The run it waits behind, or that has superseded it; empty when there is none."]
    ahead: Annotated[int, "How many are before it, the one inside included."]
    since: Moment | None


class TurnView(TypedDict):
    """A run's turn in a lane."""

    run_id: str
    stage: Annotated[str, "Pipeline and stage: `shop/release`."]
    mode: Mode
    since: Moment | None
    is_ready: bool
    superseded_by: str


class LaneView(TypedDict):
    """A lane: who is in it, and who waits, in the order of the runs' opening."""

    lane: str
    key: str
    stages: Annotated[list[str], "Stages of the pipeline asked for that use it."]
    holder: TurnView | None
    waiting: list[TurnView]


class LaneList(TypedDict):
    """The lanes of a pipeline's current version, in the order of its stages; a pipeline without modes has none."""

    lanes: list[LaneView]
