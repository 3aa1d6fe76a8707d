"""Days that hypothesis makes up: no list of mishaps breaks a promise, and one that would is shrunk to its story."""

from __future__ import annotations

from hypothesis import HealthCheck, find, given, note, settings

from buildgate_cli.simulate.schedule import Ended, Schedule, Trial
from buildgate_cli.simulate.story import told
from guards import reconciler
from mishaps import scripts

TRIAL = Trial(None, loose_builds=2)
SEED = 1
SCRIPTS = scripts(TRIAL, SEED)


def played(script, prepare=None) -> Ended:
    return Schedule(TRIAL, SEED, script=script, prepare=prepare).play()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=SCRIPTS)
def test_no_list_of_mishaps_breaks_a_promise(script):
    ended = played(script)

    if ended.breaches:
        note("\n".join(told(TRIAL, ended).lines))
    assert not ended.breaches


def test_a_day_that_breaks_a_promise_is_shrunk_to_its_mishaps():
    def without(world):
        reconciler(world, None)

    script = find(
        SCRIPTS,
        lambda script: bool(played(script, without).breaches),
        settings=settings(max_examples=500, deadline=None),
    )

    story = told(TRIAL, played(script, without), prepare=without)
    assert len(script) == len(story.mishaps) == 1
    assert "BROKEN: " in story.lines[-1]
    assert not played(script).breaches
