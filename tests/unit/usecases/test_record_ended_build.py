"""A build whose end is on record is left alone, unless something is still owed to its run or to people."""

from buildgate.domain.builds import SlotRef
from buildgate.domain.errors import BuildgateError


def ended_builds(world) -> tuple[SlotRef, list[str]]:
    """End one build in a run and one outside of any; return the slot of the first, and both ids."""
    ref, _, ours = world.started(world.open())
    world.end_build(ours)
    world.project("lone")
    lone = world.aws.client("codebuild").start_build(projectName="lone")["build"]["id"]
    world.end_build(lone)
    return ref, [ours, lone]


def test_a_build_whose_end_is_on_record_is_not_asked_about_again(world):
    _, ids = ended_builds(world)
    first = [world.w.record_build.by_id(build_id) for build_id in ids]
    asked = world.trouble("codebuild", "batch_get_builds")

    again = [world.w.record_build.by_id(build_id) for build_id in ids]

    assert asked.struck == 0
    assert [(one.head, one.correlation_id) for one in again] == [(one.head, one.correlation_id) for one in first]
    assert [(one.decision, one.callback, one.notice, one.is_counted) for one in again] == [
        ("duplicate", "delivered before", "", False),
        ("duplicate", "", "sent before", False),
    ]


def test_a_notice_that_is_still_owed_is_sent_when_the_event_comes_again(world):
    _, (_, lone) = ended_builds(world)
    world.trouble("sns", "publish")

    notices = [world.w.record_build.by_id(lone).notice for _ in range(3)]

    assert notices[0].startswith("still owed")
    assert notices[1:] == ["sent", "sent before"]


def test_a_callback_that_got_lost_is_made_up_for_when_the_event_comes_again(world):
    _, (ours, _) = ended_builds(world)
    world.trouble("stepfunctions", "send_task_success", times=9)
    try:
        world.w.record_build.by_id(ours)
    except BuildgateError:
        world.aws.boundary = world.aws.faults

    assert world.w.record_build.by_id(ours).callback == "delivered"


def test_a_build_that_was_recalled_still_lets_its_run_go_on_when_its_event_comes(world):
    ref, (ours, _) = ended_builds(world)
    world.w.record_build.past(world.w.launcher.builds([ours])[0])

    result = world.w.record_build.by_id(ours)

    assert (result.is_counted, result.callback) == (False, "delivered")
    assert world.w.runs.slot(ref).is_delivered
