"""A push becomes exactly the runs that it triggers, however its event is delivered."""

from dataclasses import replace

import pytest

from buildgate.domain.errors import Conflict, Unavailable
from buildgate.domain.pipelines import BuildStep, Stage, Trigger
from core_world import ProcessDied
from run_records import approval_rule

SOURCES = Trigger(repository="shop", branches=("main", "feature/*"), include=("src/**",))


def ignored(world):
    return [reason for *_, reason in world.w.pushes.ignored("codecommit:shop", limit=10)]


def test_the_run_knows_what_was_pushed_and_by_whom(world):
    pipeline = world.apply()
    push = world.push(message="Add a basket")

    (run_id,) = world.w.start_run(push).run_ids

    run = world.run(run_id)
    assert (run.pipeline, run.version, run.status) == ("shop", pipeline.digest, "QUEUED")
    assert (run.source.commit, run.source.ref, run.source.actor) == (push.commit, "main", push.actor)
    assert (run.source.message, run.source.authors) == ("Add a basket", ("alice@example.com",))
    assert run.correlation_id == push.event_id
    assert world.executions() == [f"{run_id}-1"]


def test_an_event_that_comes_again_opens_nothing_more(world):
    world.apply()
    push = world.push()

    answers = [world.w.start_run(push) for _ in range(3)]

    assert len({answer.run_ids for answer in answers}) == 1
    assert answers[1].reason.startswith("seen before")
    assert len(world.executions()) == 1


def test_a_branch_that_goes_back_and_forth_opens_a_run_each_time(world):
    world.apply()
    first, second = world.push(), world.push()
    third = world.push(commit=first.commit)
    fourth = world.push(commit=second.commit)

    opened = [world.w.start_run(push).run_ids for push in (first, second, third, fourth)]

    assert [len(ids) for ids in opened] == [1, 1, 1, 1]
    assert len(world.executions()) == 4


def test_pushes_that_come_in_the_wrong_order_open_their_runs_and_leave_the_newest_head(world):
    world.apply()
    first, second = world.push(), world.push()

    for push in (second, first):
        assert len(world.w.start_run(push).run_ids) == 1

    assert world.w.pushes.cursor("codecommit:shop", "branch", "main").commit == second.commit


def test_a_push_opens_a_run_of_each_pipeline_that_it_triggers(world):
    world.apply(name="shop")
    world.apply(name="docs")
    world.apply(name="other", triggers=(Trigger(repository="shop", branches=("release/*",)),))

    opened = world.w.start_run(world.push())

    assert {world.run(run_id).pipeline for run_id in opened.run_ids} == {"shop", "docs"}
    assert "other: branch main fits none of release/*" in opened.reason


def test_two_triggers_of_one_pipeline_open_one_run(world):
    world.apply(triggers=(Trigger("shop", branches=("main",)), Trigger("shop", branches=("*",))))

    assert len(world.w.start_run(world.push()).run_ids) == 1


def test_a_tag_is_no_branch(world):
    world.apply(triggers=(Trigger("shop", branches=("*",)), Trigger("shop", tags=("v*",))))
    commit = world.push().commit

    opened = [world.w.start_run(world.push_of(commit, "", branch=name, ref_type="tag")) for name in ("v1", "nightly")]

    assert [len(one.run_ids) for one in opened] == [1, 0]
    assert world.run(opened[0].run_ids[0]).source.ref_type == "tag"


def test_a_deletion_opens_nothing_and_says_so(world):
    world.apply()
    push = world.push()
    world.w.start_run(push)

    opened = world.w.start_run(world.push_of("", push.commit))

    assert opened.run_ids == ()
    assert "was deleted" in ignored(world)[0]
    assert world.w.pushes.cursor("codecommit:shop", "branch", "main").commit == ""


def test_a_branch_that_is_made_again_after_its_deletion_opens_a_run(world):
    world.apply()
    first = world.push()
    world.w.start_run(first)
    world.clock.advance(1)
    world.w.start_run(world.push_of("", first.commit))
    world.clock.advance(1)

    assert len(world.w.start_run(world.push_of(first.commit, "")).run_ids) == 1


def test_a_push_that_matches_nothing_leaves_its_reason(world):
    world.apply()

    opened = world.w.start_run(world.push(branch="topic"))

    assert opened.run_ids == ()
    assert ignored(world) == ["shop: branch topic fits none of main"]


def test_a_repository_without_triggers_leaves_its_reason_too(world):
    world.w.start_run(world.push())

    assert ignored(world) == ["no pipeline has a trigger on this repository"]


def test_only_changed_paths_that_are_included_open_a_run(world):
    world.apply(triggers=(SOURCES,))
    world.w.start_run(world.push({"src/a": "1", "docs/b": "1"}))

    opened = [world.w.start_run(world.push(files)) for files in ({"docs/b": "2"}, {"src/a": "2"})]

    assert [len(one.run_ids) for one in opened] == [0, 1]
    assert "the one changed path is not included" in ignored(world)[0]


def test_a_new_branch_is_compared_with_the_tip_of_the_default_branch(world):
    world.apply(triggers=(SOURCES,))
    world.w.start_run(world.push({"src/a": "1"}))
    tip = world.aws.codecommit.repositories["shop"].branches["main"]
    world.aws.codecommit.push("shop", "feature/docs", commit=tip)
    world.aws.codecommit.push("shop", "feature/code", commit=tip)
    pushes = [world.push({path: "2"}, branch=f"feature/{name}") for name, path in (("docs", "b"), ("code", "src/a"))]

    opened = [world.w.start_run(replace(push, old_commit="")) for push in pushes]

    assert [len(one.run_ids) for one in opened] == [0, 1]


def test_the_first_push_of_a_repository_is_compared_with_nothing(world):
    world.apply(triggers=(SOURCES,))

    assert len(world.w.start_run(world.push({"src/a": "1"})).run_ids) == 1


def test_more_than_a_page_of_changed_paths_is_looked_through(world):
    world.apply(triggers=(replace(SOURCES, include=("z/last",)),))
    world.w.start_run(world.push({"a": "1"}))

    opened = world.w.start_run(world.push({f"docs/{n:03}": "1" for n in range(250)} | {"z/last": "1"}))

    assert len(opened.run_ids) == 1


@pytest.mark.parametrize("message", ["Tidy [skip ci]", "[CI skip] Tidy", "Tidy\n\nskip-checks: true"])
def test_a_commit_may_ask_to_be_skipped(world, message):
    world.apply()

    assert world.w.start_run(world.push(message=message)).run_ids == ()
    assert ignored(world) == ["the commit message asks to skip"]


def test_a_push_within_the_second_in_which_the_pipeline_was_applied_is_known_by_its_cursor(world):
    world.push(is_silent=True)
    world.clock.advance(0.7)
    world.apply()
    old = world.aws.codecommit.repositories["shop"].branches["main"]
    commit = world.aws.codecommit.push("shop", "main", {"a": "new"}, is_silent=True)

    world.w.start_run(world.push_of(commit, old))

    assert world.w.pushes.cursor("codecommit:shop", "branch", "main").commit == commit


def test_a_crash_between_opening_and_starting_is_made_good_by_the_next_delivery(world):
    world.apply()
    push = world.push()
    world.trouble("stepfunctions", "start_execution", ProcessDied)
    with pytest.raises(ProcessDied):
        world.w.start_run(push)
    assert world.executions() == []

    opened = world.w.start_run(push)

    assert world.executions() == [f"{opened.run_ids[0]}-1"]


def test_a_crash_before_the_reason_was_noted_loses_no_reason(world):
    push = world.push()
    world.trouble("dynamodb", "transact_write_items", ProcessDied, is_after=True)
    with pytest.raises(ProcessDied):
        world.w.start_run(push)

    world.w.start_run(push)

    assert ignored(world) == ["no pipeline has a trigger on this repository"]


def test_nothing_is_written_when_the_repository_does_not_answer(world):
    world.apply()
    push, before = world.push(), world.dump()
    world.trouble("codecommit", "get_commit")

    with pytest.raises(Unavailable):
        world.w.start_run(push)

    assert world.dump() == before


def test_pushes_that_keep_getting_in_the_way_are_a_conflict(world):
    class Racing:
        def __getattr__(self, name):
            return getattr(world.w.pushes, name)

        def open_runs(self, *_, **__):
            raise Conflict("someone was first")

    world.apply()

    with pytest.raises(Conflict, match="other pushes were in the way"):
        replace(world.w.start_run, pushes=Racing())(world.push())


def test_a_message_with_a_secret_is_stored_without_it(world):
    world.apply()
    (run_id,) = world.w.start_run(world.push(message="use password=hunter2 for now")).run_ids

    assert "hunter2" not in str(world.dump())
    assert "password=***" in world.run(run_id).source.message


def test_a_pipeline_that_bars_authors_records_every_author_of_the_push(world):
    rule = approval_rule(allow_self=False, channel="iam")
    world.apply(Stage("release", builds=(BuildStep("unit", "shop-unit"),), approval=rule))
    base = world.push()
    world.w.start_run(base)
    world.push(author="carol@example.com")
    last = world.push(author="bob@example.com")

    (run_id,) = world.w.start_run(replace(last, old_commit=base.commit)).run_ids

    assert set(world.run(run_id).source.authors) == {"bob@example.com", "carol@example.com"}


def test_the_authors_of_a_new_branch_are_those_since_the_default_branch(world):
    rule = approval_rule(allow_self=False, channel="iam")
    builds = (BuildStep("unit", "shop-unit"),)
    branches = (Trigger("shop", branches=("*",)),)
    world.apply(Stage("release", builds=builds, approval=rule), triggers=branches)
    base = world.push(author="dora@example.com")
    world.aws.codecommit.push("shop", "topic", commit=base.commit)
    for author in ("bob@example.com", "carol@example.com"):
        last = world.push(branch="topic", author=author)

    (run_id,) = world.w.start_run(replace(last, old_commit="")).run_ids

    assert set(world.run(run_id).source.authors) == {"bob@example.com", "carol@example.com"}
