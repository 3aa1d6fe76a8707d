"""What launching builds promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from buildgate.adapters.codebuild import CodeBuildLauncher
from buildgate.domain.builds import BuildStatus, SlotClaim
from buildgate.domain.errors import Rejected
from buildgate.ports import BuildOrder, Launcher
from contract.cases import QUICK, SLOT, SLOW, Cloud, case


def launcher(cloud: Cloud) -> CodeBuildLauncher:
    return CodeBuildLauncher(cloud.client("codebuild"), quarantine=lambda unfit: pytest.fail(str(unfit)))


def order(project: str, **changes: Any) -> BuildOrder:
    variables = (("BUILDGATE_CORRELATION", "e1"), ("BUILDGATE_NONCE", "n1"), ("BUILDGATE_SLOT", SLOT.to_text()))
    return replace(BuildOrder(project, "", f"{project}-token", variables, 10), **changes)


@case(Launcher)
def a_build_is_started_found_and_ends(cloud: Cloud) -> None:
    project = cloud.project(QUICK)
    started = launcher(cloud).start(order(project))
    cloud.end(started.build_id)

    (found,) = launcher(cloud).builds([started.build_id])
    assert (started.project, started.status, started.ended_at) == (project, BuildStatus.IN_PROGRESS, None)
    assert (found.build_id, found.status) == (started.build_id, BuildStatus.SUCCEEDED)
    assert started.started_at == found.started_at <= found.ended_at
    assert (found.duration_seconds or 0) >= 0


@case(Launcher)
def a_build_says_for_which_slot_it_was_started(cloud: Cloud) -> None:
    started = launcher(cloud).start(order(cloud.project(QUICK)))

    assert started.claim == SlotClaim(SLOT, "n1", "e1")
    assert ("BUILDGATE_NONCE", "PLAINTEXT") in started.variables


@case(Launcher)
def the_same_order_is_the_same_build(cloud: Cloud) -> None:
    wanted = order(cloud.project(QUICK))

    first, second = launcher(cloud).start(wanted), launcher(cloud).start(wanted)

    assert first.build_id == second.build_id
    assert launcher(cloud).newest(wanted.project) == [first.build_id]


@case(Launcher)
def another_order_under_the_same_token_is_refused(cloud: Cloud) -> None:
    wanted = order(cloud.project(QUICK))
    launcher(cloud).start(wanted)

    with pytest.raises(Rejected):
        launcher(cloud).start(replace(wanted, variables=(("A", "1"),)))


@case(Launcher)
def a_project_that_is_not_there_cannot_be_started(cloud: Cloud) -> None:
    with pytest.raises(Rejected) as refused:
        launcher(cloud).start(order("nobody-has-this"))

    assert refused.value.field == "project"


@case(Launcher)
def builds_are_listed_newest_first(cloud: Cloud) -> None:
    project, another = cloud.project(QUICK), cloud.project(QUICK)
    ids = [launcher(cloud).start(order(project, idempotency_token=f"{project}-{n}")).build_id for n in range(2)]
    last = launcher(cloud).start(order(another)).build_id

    assert launcher(cloud).newest(project) == ids[::-1]
    assert launcher(cloud).page(project, "") == (ids[::-1], "")
    assert next(iter(launcher(cloud).newest_of_account()))[:3] == [last, *ids[::-1]]


@case(Launcher)
def a_build_that_runs_is_stopped_and_one_that_ended_left_alone(cloud: Cloud) -> None:
    started = launcher(cloud).start(order(cloud.project(SLOW)))

    for build_id in (started.build_id, started.build_id, f"{started.project}:00000000-0000-4000-8000-000000000000"):
        launcher(cloud).stop(build_id)

    cloud.end(started.build_id)
    (found,) = launcher(cloud).builds([started.build_id])
    assert found.status is BuildStatus.STOPPED


@case(Launcher)
def what_is_not_there_is_missing(cloud: Cloud) -> None:
    project = cloud.project(QUICK)

    assert list(launcher(cloud).builds([f"{project}:00000000-0000-4000-8000-000000000000"])) == []
    assert list(launcher(cloud).missing_projects(["nobody-has-this", project])) == ["nobody-has-this"]
