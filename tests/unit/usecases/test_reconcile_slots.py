"""A place in a run that was asked for and never built is open work no longer than its run."""

import pytest

from buildgate.domain.slots import SlotState
from core_world import ProcessDied


def parked(world):
    """Return a run whose only slot was parked before the function died, and that slot."""
    run = world.open()
    world.next_step(run.run_id)
    ref, token = world.slot(run), world.token()
    world.trouble("codebuild", "start_build", ProcessDied)
    with pytest.raises(ProcessDied):
        world.start_build(ref, token=token)
    return run, ref


def test_a_slot_of_a_run_that_has_ended_without_its_build_is_settled_and_looked_at_no_more(world):
    run, ref = parked(world)
    world.w.close_run(run.run_id)
    world.clock.advance(minutes=6)

    rounds = [world.reconcile(is_sweep=True).counts for _ in range(2)]

    slot = world.w.runs.slot(ref)
    assert (slot.state, slot.build_id, slot.reason) == (SlotState.SETTLED, "", "its run ended before it was started")
    assert [one.get("slots") for one in rounds] == [1, None]


def test_a_slot_of_a_run_that_goes_on_is_left_to_the_machine(world):
    _, ref = parked(world)
    world.clock.advance(minutes=6)
    world.reconcile(is_sweep=True)

    world.reconcile(is_sweep=True)

    assert world.w.runs.slot(ref).state is SlotState.PARKED
