"""A push that no event told of opens its run all the same: once, and only where a trigger asks for it."""

import pytest

from buildgate.domain.errors import Unavailable
from buildgate.domain.pipelines import Trigger


def look_for_pushes(world):
    """See what moved without an event, give the event its minute, and look again."""
    world.reconcile(looks_for_pushes=True)
    world.clock.advance(minutes=1)
    return world.reconcile(looks_for_pushes=True)


def test_a_push_whose_event_was_lost_opens_its_run_once(world):
    world.apply()
    push = world.push(is_silent=True)
    world.clock.advance(minutes=1)

    counts = [look_for_pushes(world).counts for _ in range(3)]
    late = world.w.start_run(push)

    assert counts == [{"pushes": 1}, {}, {}]
    assert late.run_ids == ()
    (run,) = world.w.runs.recent("shop", limit=5)
    assert (run.source.commit, world.run(run.run_id).trigger) == (push.commit, "reconcile")


def test_a_push_that_just_came_is_given_time_for_its_event(world):
    world.apply()
    world.w.start_run(world.push())
    late = world.push(is_silent=True)

    assert world.reconcile(looks_for_pushes=True).counts == {"moves seen": 1}
    world.clock.advance(30)
    opened = world.w.start_run(late)
    world.clock.advance(60)

    assert len(opened.run_ids) == 1
    assert world.reconcile(looks_for_pushes=True).counts == {}
    assert world.run(opened.run_ids[0]).trigger == "push"


def test_a_push_after_a_healed_one_is_neither_lost_nor_doubled(world):
    world.apply()
    world.push(is_silent=True)
    world.clock.advance(60.3)
    look_for_pushes(world)
    old = world.aws.codecommit.repositories["shop"].branches["main"]
    commit = world.aws.codecommit.push("shop", "main", {"b": "2"}, is_silent=True)

    opened = world.w.start_run(world.push_of(commit, old))
    world.clock.advance(60)

    assert len(opened.run_ids) == 1
    assert world.reconcile(looks_for_pushes=True).counts == {}


def test_only_branches_that_a_trigger_watches_are_looked_at(world):
    world.apply(triggers=(Trigger("shop", branches=("release/*",)),))
    for branch in ("main", "release/1", "release/2"):
        world.push(branch=branch, is_silent=True)
    world.clock.advance(minutes=1)

    assert look_for_pushes(world).counts == {"pushes": 2}


def test_what_was_pushed_before_the_pipeline_was_applied_opens_no_run(world):
    world.push(is_silent=True)
    world.apply()
    world.clock.advance(minutes=1)

    assert world.reconcile(looks_for_pushes=True).counts == {}


def test_a_repository_that_does_not_answer_hides_no_other(world):
    world.aws.client("codecommit").create_repository(repositoryName="docs")
    globs = ("main", "feature/*")
    world.apply(triggers=(Trigger("shop", branches=globs), Trigger("docs", branches=globs)))
    world.push(is_silent=True)
    world.clock.advance(minutes=1)
    first, second = world.trouble("codecommit", "list_branches"), None

    with pytest.raises(Unavailable):
        second = world.reconcile(looks_for_pushes=True)
    runs_after_trouble = world.w.runs.recent("shop", limit=5)
    look_for_pushes(world)

    assert (first.struck, second, runs_after_trouble) == (1, None, [])
    assert len(world.w.runs.recent("shop", limit=5)) == 1
