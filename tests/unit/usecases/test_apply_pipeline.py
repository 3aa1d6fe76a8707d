"""A pipeline's content is its version: applied once, pinned for ever, refused when its projects do not exist."""

from dataclasses import replace

import pytest

from buildgate.domain.errors import Rejected, Unavailable
from buildgate.domain.pipelines import TRIGGERS_LIMIT, BuildStep, Pipeline, Stage, Trigger
from core_world import ALICE, ProcessDied

SHOP = Trigger("shop", branches=("main",))
DOCS = Trigger("docs", branches=("main",))


def shop(*projects, triggers=(SHOP,)):
    builds = tuple(BuildStep(f"b{number}", project) for number, project in enumerate(projects))
    return Pipeline("shop", (Stage("test", builds=builds),), triggers=triggers)


def apply(world, pipeline, **more):
    return world.w.apply_pipeline(pipeline, actor=ALICE, **more)


def test_the_version_is_the_digest_of_the_content(world):
    world.project("unit")
    pipeline = shop("unit")

    applied = apply(world, pipeline)

    head = world.w.pipelines.head("shop")
    assert (applied.version, applied.is_new) == (pipeline.digest, True)
    assert (head.version, head.applied_by, head.repositories) == (pipeline.digest, ALICE, ("codecommit:shop",))
    assert world.w.pipelines.version("shop", pipeline.digest) == pipeline


def test_applying_the_same_again_changes_nothing(world):
    world.project("unit")
    apply(world, shop("unit"))
    before = world.dump()
    world.clock.advance(hours=1)

    assert not apply(world, shop("unit")).is_new
    assert world.dump() == before


def test_going_back_to_an_earlier_content_is_the_earlier_version(world):
    world.project("unit", "lint")
    first, second = shop("unit"), shop("unit", "lint")
    for pipeline in (first, second, first):
        assert apply(world, pipeline).is_new

    assert world.w.pipelines.head("shop").version == first.digest
    assert {one.version for one in world.w.pipelines.versions("shop")} == {first.digest, second.digest}


def test_a_dry_run_writes_nothing(world):
    world.project("unit")

    assert apply(world, shop("unit"), is_dry_run=True).is_new
    assert world.dump() == {}


def test_projects_that_do_not_exist_are_all_named_with_the_field_of_the_first(world):
    world.project("unit")

    with pytest.raises(Rejected, match="no such project: lint, load") as caught:
        apply(world, shop("unit", "lint", "load"))

    assert caught.value.field == "stages[0].builds[1].project"
    assert world.dump() == {}


def test_triggers_of_an_earlier_version_fire_no_more(world):
    world.project("unit")
    triggers = (SHOP, DOCS)
    apply(world, shop("unit", triggers=triggers))
    after = shop("unit", triggers=triggers[:1])

    apply(world, after)

    assert world.w.pipelines.triggered_by("codecommit:docs") == []
    assert world.w.pipelines.triggered_by("codecommit:shop") == [("shop", after.digest, 0)]


def test_a_trigger_that_comes_back_fires_again(world):
    world.project("unit")
    both = (SHOP, DOCS)
    for triggers in (both, both[:1], both):
        apply(world, shop("unit", triggers=triggers))

    assert len(world.w.pipelines.triggered_by("codecommit:docs")) == 1


@pytest.mark.parametrize("operation", ["transact_write_items", "put_item"])
@pytest.mark.parametrize("is_after", [False, True])
def test_a_crash_while_applying_leaves_no_trigger_of_another_version(world, operation, is_after):
    world.project("unit")
    before = shop("unit", triggers=(SHOP, DOCS))
    after = shop("unit", triggers=(SHOP,))
    apply(world, before)
    world.trouble("dynamodb", operation, ProcessDied, is_after=is_after)
    try:
        apply(world, after)
    except ProcessDied:
        world.aws.boundary = world.aws.faults

    version = world.w.pipelines.head("shop").version
    found = [*world.w.pipelines.triggered_by("codecommit:shop"), *world.w.pipelines.triggered_by("codecommit:docs")]
    assert {one for _, one, _ in found} == {version}
    assert len(found) == len({before.digest: before, after.digest: after}[version].triggers)


def test_watched_branches_are_noted_where_they_stand_and_others_are_not_looked_at(world):
    world.project("unit")
    commits = {branch: world.push(branch=branch).commit for branch in ("main", "topic")}
    asked = world.trouble("codecommit", "get_branch", times=0)

    apply(world, shop("unit"))

    cursor = world.w.pushes.cursor("codecommit:shop", "branch", "main")
    assert cursor.commit == commits["main"]
    assert world.w.pushes.cursor("codecommit:shop", "branch", "topic") is None
    assert asked.struck == 0


def test_a_known_branch_is_not_noted_anew(world):
    world.project("unit", "lint")
    apply(world, shop("unit"))
    world.w.start_run(world.push())
    known = world.w.pushes.cursor("codecommit:shop", "branch", "main")
    world.push(is_silent=True)

    apply(world, shop("unit", "lint"))

    assert world.w.pushes.cursor("codecommit:shop", "branch", "main") == known


def test_a_repository_that_does_not_exist_yet_is_no_obstacle(world):
    world.project("unit")

    assert apply(world, shop("unit", triggers=(Trigger("later", branches=("main",)),))).is_new


def test_nothing_is_written_when_codebuild_does_not_answer(world):
    world.project("unit")
    world.trouble("codebuild", "batch_get_projects")

    with pytest.raises(Unavailable):
        apply(world, replace(shop("unit"), description="new"))

    assert world.dump() == {}


def test_as_many_triggers_as_may_be_can_all_be_replaced_at_once(world):
    world.project("unit")
    for repository in ("shop", "docs"):
        triggers = tuple(Trigger(repository, branches=(f"b{number}",)) for number in range(TRIGGERS_LIMIT))
        apply(world, shop("unit", triggers=triggers))

    assert world.w.pipelines.triggered_by("codecommit:shop") == []
    assert len(world.w.pipelines.triggered_by("codecommit:docs")) == TRIGGERS_LIMIT
