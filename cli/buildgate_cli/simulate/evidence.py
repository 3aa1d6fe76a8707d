"""Reports that simulated builds leave for the gates of their stage: good ones, bad ones, cut-off ones, or none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from buildgate_cli.simulate.promises import PLANTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from buildgate.adapters.memory.builds import FakeBuild
    from buildgate.domain.gates.criteria import Criterion
    from buildgate.domain.pipelines import Stage
    from buildgate_cli.simulate.world import World

POOR: Final = ("bad", "missing", "cut off")
"""What may be wrong with a report; a gate that enforces passes none of them."""
_STEPS: Final = (0.0, 1.0, -1.0, 0.5, -0.5, 10.0, 50.0, 100.0)


def leave(world: World, build: FakeBuild, stage: Stage, quality: str | None) -> None:
    """Put the report of a build's stage where the build was told to: good, or poor in one way."""
    if quality == "missing":
        return
    given = {one["name"]: one["value"] for one in build.environment()["environmentVariables"]}
    place = urlsplit(given["BUILDGATE_REPORTS"])
    left = {"comment": f"password={PLANTED['report']}", "measurements": measurements(stage, is_good=quality != "bad")}
    body = json.dumps(left)
    if quality == "cut off":
        body = body[: len(body) // 2]
    key = f"{place.path.lstrip('/')}metrics.json"
    world.aws.s3.put_object(Bucket=place.netloc, Key=key, Body=body.encode())


def measurements(stage: Stage, *, is_good: bool) -> Mapping[str, float]:
    """Return figures that meet every objective of a stage's gates, or that meet none."""
    found: dict[str, float] = {}
    for gate in stage.gates:
        for objective in gate.objectives:
            groups = [*objective.passes] if is_good else [*objective.passes, *objective.warns]
            found.setdefault(objective.measurement, _figure(groups, is_good=is_good))
    return found


def _figure(groups: Sequence[Sequence[Criterion]], *, is_good: bool) -> float:
    """Return a figure that one of these groups accepts, or (a bad one) that none does; 0 when no figure does it."""
    bounds = [criterion.value for group in groups for criterion in group if not criterion.is_relative]
    tried = [bound + step for bound in bounds for step in _STEPS]
    for figure in [0.0, *(number for number in tried if number >= 0), *tried]:
        if any(all(one.holds(figure, None) for one in group) for group in groups) == is_good:
            return figure
    return 0.0
