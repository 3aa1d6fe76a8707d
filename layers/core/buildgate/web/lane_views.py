"""Lanes as the API shows them, without the tickets of those who wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from buildgate.domain.lanes import Lane, Turn, lane_of, said_of, standing
from buildgate.domain.pipelines import Pipeline, Stage
from buildgate.domain.runs import RunRecord, StageAttempt
from buildgate.domain.steps import turn_ref
from buildgate.domain.times import to_text

if TYPE_CHECKING:
    from buildgate.web.lane_answers import LaneView, Mode, StandingView, TurnView


def keys_of(pipeline: Pipeline) -> dict[str, list[str]]:
    """Return the lanes that a pipeline's stages use, each with the names of those stages."""
    found: dict[str, list[str]] = {}
    for stage in pipeline.stages:
        if stage.mode != "parallel":
            found.setdefault(lane_of(pipeline.name, stage), []).append(stage.name)
    return found


def lane(one: Lane, stages: Sequence[str]) -> LaneView:
    return {
        "lane": said_of(one.key),
        "key": one.key,
        "stages": list(stages),
        "holder": None if one.holder is None else _turn(one.holder),
        "waiting": [_turn(turn) for turn in one.waiting],
    }


def stands(record: RunRecord, stage: Stage, attempt: StageAttempt, one: Lane) -> StandingView:
    """Return how a run stands to the lane of a stage."""
    found = standing(one, turn_ref(record, attempt))
    since = found.turn.since if found.turn else None
    return {
        "lane": said_of(one.key),
        "key": one.key,
        "mode": cast("Mode", stage.mode),
        "state": found.where.value,
        "is_ready": bool(found.turn and found.turn.is_ready),
        "behind": found.behind,
        "ahead": found.ahead,
        "since": to_text(since) if since else None,
    }


def said(view: StandingView) -> str:
    """Return in words what a run waits for; empty when it waits for no other run."""
    if view["state"] != "waiting" or not view["is_ready"]:
        return ""
    behind = f" behind run {view['behind']}" if view["behind"] else ""
    others = f", {view['ahead']} are ahead" if view["ahead"] > 1 else ""
    return f"waits for {view['lane']}{behind}{others}"


def _turn(turn: Turn) -> TurnView:
    return {
        "run_id": turn.ref.run_id,
        "stage": turn.stage,
        "mode": cast("Mode", turn.mode),
        "since": to_text(turn.since),
        "is_ready": turn.is_ready,
        "superseded_by": turn.superseded_by,
    }
