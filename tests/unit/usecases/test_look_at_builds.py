"""How builds that run are looked at for people who watch: rarely, without writing, and never at the cost of an answer."""

from datetime import UTC, datetime, timedelta

import pytest

from buildgate.domain.builds import Build, BuildHead, BuildStatus, Phase
from buildgate.domain.errors import Unavailable
from buildgate.usecases.look_at_builds import MOST_BUILDS, LookAtBuilds

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    def __init__(self):
        self.at = BEGAN + timedelta(seconds=40)

    def now(self):
        return self.at


class CodeBuild:
    """Answers as BatchGetBuilds does, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.is_away = False

    def builds(self, build_ids):
        self.asked.append(list(build_ids))
        if self.is_away:
            raise Unavailable("CodeBuild BatchGetBuilds: throttled")
        return [running(build_id) for build_id in build_ids if not build_id.startswith("gone")]


def running(build_id):
    phases = (Phase("SUBMITTED", "SUCCEEDED", duration_seconds=1.0), Phase("INSTALL"))
    return Build(
        build_id, "shop-unit", BuildStatus.IN_PROGRESS, BEGAN, ended_at=None, phases=phases, current_phase="INSTALL"
    )


def head(build_id, *, status=BuildStatus.IN_PROGRESS, began=BEGAN):
    return BuildHead(build_id, "shop-unit", status, began, current_phase="SUBMITTED")


@pytest.fixture
def codebuild():
    return CodeBuild()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def look(codebuild, clock):
    return LookAtBuilds(codebuild, clock)


def test_a_running_build_is_shown_in_the_phase_it_is_in_now(look):
    seen = look({"shop-unit:1": head("shop-unit:1")})["shop-unit:1"]

    assert (seen.current_phase, seen.phase_seconds) == ("INSTALL", {"SUBMITTED": 1.0})
    assert seen.status is BuildStatus.IN_PROGRESS


def test_builds_that_have_ended_are_never_asked_for(look, codebuild):
    ended = head("shop-unit:1", status=BuildStatus.FAILED)

    assert look({"shop-unit:1": ended}) == {"shop-unit:1": ended}
    assert codebuild.asked == []


def test_who_asks_again_at_once_gets_what_was_seen_without_a_call(look, codebuild, clock):
    heads = {f"shop-unit:{number}": head(f"shop-unit:{number}") for number in (1, 2)}

    for _ in range(20):
        look(heads)
    clock.at += timedelta(seconds=3)
    look(heads)

    assert codebuild.asked == [["shop-unit:1", "shop-unit:2"]] * 2


def test_where_codebuild_does_not_answer_what_is_recorded_is_shown_and_it_is_left_alone_for_a_while(look, codebuild):
    codebuild.is_away = True
    heads = {"shop-unit:1": head("shop-unit:1")}

    assert look(heads) == look(heads) == heads
    assert len(codebuild.asked) == 1


def test_a_build_that_codebuild_does_not_know_is_shown_as_recorded(look):
    heads = {"gone:1": head("gone:1"), "shop-unit:1": head("shop-unit:1")}

    assert [one.current_phase for one in look(heads).values()] == ["SUBMITTED", "INSTALL"]


def test_of_very_many_builds_the_newest_are_asked_for_in_one_call(look, codebuild):
    many = [head(f"shop-unit:{number}", began=BEGAN + timedelta(seconds=number)) for number in range(MOST_BUILDS + 5)]

    found = look.running(many)

    assert len(codebuild.asked) == 1
    assert sorted(found) == sorted(one.build_id for one in many[5:])
