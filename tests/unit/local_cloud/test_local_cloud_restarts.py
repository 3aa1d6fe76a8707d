"""What the emulator ended by starting again is told as the service would tell it."""

from datetime import UTC, datetime, timedelta

from buildgate.inbound.machine_state import parse_execution_event
from buildgate_cli.local.restarts import tell_of_interrupted

BEGAN = datetime(2026, 11, 22, 10, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:buildgate-local-run"


class Executions:
    """Failed executions by name: their error, and when they ended."""

    def __init__(self, failed):
        self._failed = {f"{MACHINE.replace('stateMachine', 'execution')}:{name}": how for name, how in failed.items()}

    def get_paginator(self, _name):
        return self

    def paginate(self, **asked):
        assert asked == {"stateMachineArn": MACHINE, "statusFilter": "FAILED"}
        return [{"executions": [{"executionArn": arn, "stopDate": at}]} for arn, (_, at) in self._failed.items()]

    def describe_execution(self, *, executionArn):  # noqa: N803 - the SDK's name
        error, at = self._failed[executionArn]
        found = {"executionArn": executionArn, "stateMachineArn": MACHINE, "name": executionArn.rsplit(":", 1)[1]}
        return found | {"status": "FAILED", "startDate": BEGAN, "stopDate": at, "input": "{}", "error": error}


def test_executions_that_this_start_interrupted_are_told_and_no_others():
    after = BEGAN + timedelta(seconds=2)
    failed = {
        "one-1": ("States.ServiceRestart", after),
        "two-3": ("States.Runtime", after),
        "old-1": ("States.ServiceRestart", BEGAN - timedelta(days=1)),
    }
    events = []

    told = tell_of_interrupted(Executions(failed), events.append, machine_arn=MACHINE, since=BEGAN)

    heard = parse_execution_event({"detail-type": events[0].detail_type, "id": "e1", "detail": events[0].detail})
    assert told == len(events) == 1
    assert (heard.run_id, heard.execution_name, heard.status, heard.is_interrupted) == ("one", "one-1", "FAILED", True)
    assert (events[0].source, events[0].time) == ("aws.states", after)


def test_a_template_without_the_machine_has_nothing_to_tell():
    assert tell_of_interrupted(None, None, machine_arn="", since=BEGAN) == 0
