"""A decision that comes in the same moment in which its run is superseded or stopped: one of the two is first."""

from __future__ import annotations

from typing import Any

import pytest

from buildgate.adapters.memory.faults import Crashed
from lane_world import oldest_first, racing, statuses
from simulated_cloud import ALICE, SimulatedCloud


def before(cloud: SimulatedCloud, needle: str, act: Any, *, in_function: str) -> None:
    """Do something once, before the next call of a function in whose parameters a text occurs."""
    done: list[str] = []

    def preempt(call: Any) -> None:
        if not done and in_function in call.caller and needle in str(call.parameters):
            done.append(needle)
            act()

    cloud.aws.faults.preempt = preempt


def waiting_for_bob() -> tuple[SimulatedCloud, str]:
    """Return a world in which one run waits for its approval, and the link to it."""
    cloud = racing("superseded", asks=True, pushes=1)
    return cloud, cloud.links()[-1]


def come_to_rest(cloud: SimulatedCloud) -> None:
    cloud.aws.faults.preempt = None
    cloud.aws.timeline.advance(minutes=20)


def push_again(cloud: SimulatedCloud) -> None:
    cloud.aws.codecommit.push("shop", "main", {"src/more": "1"})
    cloud.aws.timeline.advance(minutes=5)


def approval_of(cloud: SimulatedCloud) -> dict[str, Any]:
    found: dict[str, Any] = oldest_first(cloud)[0]["stages"][1]["approval"]
    return found


def test_a_decision_after_the_run_has_lost_its_turn_is_refused_although_its_approval_waits_still():
    cloud, link = waiting_for_bob()
    answers = []
    before(cloud, "'SUPERSEDED'", lambda: answers.append(cloud.decide(link, "approve")), in_function="NextStep")

    push_again(cloud)
    come_to_rest(cloud)

    newer = oldest_first(cloud)[1]["run_id"]
    assert [answer.status for answer in answers] == [409]
    assert f"superseded by run {newer}" in answers[0].body.decode()
    assert (statuses(cloud)[0], approval_of(cloud)["status"]) == ("SUPERSEDED", "SUPERSEDED")


def test_a_decision_that_came_before_a_newer_run_stands_and_its_page_says_what_became_of_the_run():
    cloud, link = waiting_for_bob()
    answers = []
    before(cloud, "'superseded_by'", lambda: answers.append(cloud.decide(link, "approve")), in_function="NextStep")

    push_again(cloud)
    come_to_rest(cloud)

    newer = oldest_first(cloud)[1]["run_id"]
    assert [answer.status for answer in answers] == [200]
    assert (statuses(cloud)[0], approval_of(cloud)["status"]) == ("SUPERSEDED", "APPROVED")
    cloud.form(link)
    assert "bob approved this." in cloud.pages[-1]
    assert f"A newer run, {newer}, came before it could go on, and superseded it." in cloud.pages[-1]


@pytest.mark.parametrize("dies", [False, True], ids=["and all goes on", "and the function that stops it dies"])
def test_a_decision_about_a_run_that_is_being_stopped_is_refused(dies):
    cloud, link = waiting_for_bob()
    run_id, answers = oldest_first(cloud)[0]["run_id"], []

    def click() -> None:
        answers.append(cloud.decide(link, "approve"))
        if dies:
            raise Crashed("while it stops a run")

    before(cloud, "'CANCELLED'" if not dies else "g2p", click, in_function="CloseRun")

    cloud.ask("POST", f"/v1/runs/{run_id}/stop", {"comment": ""}, caller=ALICE)
    cloud.aws.timeline.advance(60)
    come_to_rest(cloud)

    assert [answer.status for answer in answers] == [409]
    assert (statuses(cloud)[0], approval_of(cloud)["status"]) == ("STOPPED", "CANCELLED")
