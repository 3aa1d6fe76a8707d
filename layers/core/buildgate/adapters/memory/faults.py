"""Bad days: crashes, throttles, outages and lost answers, at the one place where calls leave a process."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from buildgate.adapters.memory.errors import AwsError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from buildgate.adapters.memory.client import Call, Proceed


class Crashed(BaseException):
    """The process died here. Not an Exception: no handler may catch it and go on."""


class Fault(Enum):
    """What may go wrong with one call."""

    NONE = "none"
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    THROTTLE = "throttle"
    OUTAGE = "outage"
    UNREACHABLE = "unreachable"
    LOST_ANSWER = "lost answer"
    CONFLICT = "conflict"


_THROTTLES = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "lambda": "TooManyRequestsException",
    "s3": "SlowDown",
    "sns": "Throttled",
}
_CONFLICTS = {
    "transact_write_items": "TransactionCanceledException",
    "put_item": "TransactionConflictException",
    "update_item": "TransactionConflictException",
    "delete_item": "TransactionConflictException",
}


def no_faults(call: Call) -> Fault:
    """The plan of a good day."""
    return Fault.NONE


@dataclass(slots=True)
class Faults:
    """A boundary that asks a plan about each call of a function, remembers every call, and does what the plan says.

    Calls made outside a function (by a test, or by a person's browser) are never disturbed. `preempt`, when set, is
    called before each call: what it steps happens between two calls of the function that is running.
    """

    plan: Callable[[Call], Fault] = no_faults
    preempt: Callable[[Call], object] | None = None
    keeps_calls: bool = False
    calls: list[tuple[Call, Fault]] = field(default_factory=list)

    def __call__(self, call: Call, proceed: Proceed) -> dict[str, Any]:
        """Make the call, or what becomes of it on this day."""
        if not call.caller:
            return proceed()
        if self.preempt is not None:
            self.preempt(call)
        fault = self.plan(call)
        if fault is Fault.CONFLICT and call.operation not in _CONFLICTS:
            fault = Fault.NONE
        if self.keeps_calls:
            self.calls.append((call, fault))
        if fault is Fault.NONE:
            return proceed()
        before(fault, call)
        answer = proceed()
        if fault is Fault.LOST_ANSWER:
            raise ReadTimeoutError(endpoint_url=f"memory://{call.service}")
        if fault is Fault.CRASH_AFTER:
            raise Crashed(f"after {call.service}.{call.operation}")
        return answer


def before(fault: Fault, call: Call) -> None:
    """Raise what prevents the call from being made at all."""
    if fault is Fault.CRASH_BEFORE:
        raise Crashed(f"before {call.service}.{call.operation}")
    if fault is Fault.THROTTLE:
        raise AwsError(_THROTTLES.get(call.service, "ThrottlingException"), "Rate exceeded")
    if fault is Fault.OUTAGE:
        raise AwsError("InternalServerError", "The service is having a bad day", status=500)
    if fault is Fault.UNREACHABLE:
        raise EndpointConnectionError(endpoint_url=f"memory://{call.service}")
    if fault is Fault.CONFLICT:
        raise _conflict(call)


def _conflict(call: Call) -> AwsError:
    code = _CONFLICTS[call.operation]
    if code != "TransactionCanceledException":
        return AwsError(code, "Transaction is ongoing for the item")
    others = len(call.parameters["TransactItems"]) - 1
    reason = {"Code": "TransactionConflict", "Message": "Transaction is ongoing for the item"}
    listed = ", ".join(["TransactionConflict"] + ["None"] * others)
    return AwsError(
        code,
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{listed}]",
        CancellationReasons=[reason, *({"Code": "None"} for _ in range(others))],
    )


def nth_call(number: int, fault: Fault, *, service: str = "", operation: str = "") -> Callable[[Call], Fault]:
    """Return a plan that disturbs only the number-th (from 1) call of a service's operation, or of all."""
    seen = 0

    def plan(call: Call) -> Fault:
        nonlocal seen
        if (service and call.service != service) or (operation and call.operation != operation):
            return Fault.NONE
        seen += 1
        return fault if seen == number else Fault.NONE

    return plan


def at_random(dice: random.Random, ratios: Mapping[Fault, float]) -> Callable[[Call], Fault]:
    """Return a plan that draws each call's fault by these ratios, which sum to at most 1."""
    faults = [*ratios, Fault.NONE]
    weights = [*ratios.values(), max(0.0, 1 - sum(ratios.values()))]
    return lambda _: dice.choices(faults, weights)[0]


def outage(services: frozenset[str], is_on: Callable[[], bool], fault: Fault = Fault.OUTAGE) -> Callable[[Call], Fault]:
    """Return a plan in which these services fail while `is_on` says so."""
    return lambda call: fault if call.service in services and is_on() else Fault.NONE


def first_of(*plans: Callable[[Call], Fault]) -> Callable[[Call], Fault]:
    """Return a plan that takes the first fault any of several plans wants."""

    def plan(call: Call) -> Fault:
        for one in plans:
            fault = one(call)
            if fault is not Fault.NONE:
                return fault
        return Fault.NONE

    return plan
