"""Lambda in memory: synchronous and asynchronous invocation, retries, destinations, time-outs and throttles."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from buildgate.adapters.memory.errors import AwsError
from buildgate.adapters.memory.faults import Crashed

if TYPE_CHECKING:
    from buildgate.adapters.memory.timeline import Timeline

Handler = Callable[[Any, Any], Any]
SIX_HOURS = 6 * 3600
RETRY_SECONDS = (60.0, 120.0)
MAX_THROTTLE_WAIT = 300.0


class Context(NamedTuple):
    """What a handler is told about its invocation."""

    function_name: str
    aws_request_id: str
    invoked_function_arn: str
    memory_limit_in_mb: int = 512
    remaining_millis: int = 30_000

    def get_remaining_time_in_millis(self) -> int:
        """Return the whole time-out: virtual time stands still inside a handler."""
        return self.remaining_millis


class Outcome(NamedTuple):
    """How an invocation ended: an answer as JSON text, or an error's name and cause."""

    text: str = "null"
    error: str = ""
    cause: str = ""

    @property
    def payload(self) -> Any:
        """Return the answer as its caller reads it."""
        return json.loads(self.text)


@dataclass(slots=True)
class Function:
    """A deployed function. `build` makes its handler, anew after each crash, as a new environment would.

    `seconds` is how long an invocation takes in virtual time: its effects are immediate, its answer comes then.
    """

    name: str
    build: Callable[[], Handler]
    timeout_seconds: float = 30.0
    reserved_concurrency: int | None = None
    retries: int = 2
    max_event_age_seconds: float = SIX_HOURS
    on_failure: Callable[[dict[str, Any]], object] | None = None
    seconds: Callable[[], float] = lambda: 0.0
    handler: Handler | None = None
    running: int = 0
    invocations: int = 0


@dataclass(slots=True)
class _Event:
    payload: str
    request_id: str
    accepted_at: float
    errors: int = 0
    throttles: int = 0


@dataclass(slots=True)
class Lambda:
    """Functions by name. `callers` is the stack of functions that are running: more than one under preemption.

    `given_up` names the function of every event that was not tried again, whether or not a destination kept it.
    `is_crowded` says when a function has no room although its own limit would leave some: the account's is used up.
    """

    timeline: Timeline
    arn_prefix: str
    functions: dict[str, Function] = field(default_factory=dict)
    callers: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    is_crowded: Callable[[Function], bool] = lambda _: False
    _requests: int = 0

    def deploy(self, function: Function) -> str:
        """Add or replace a function; return its ARN."""
        self.functions[function.name] = function
        return self.arn_prefix + function.name

    def function(self, name: str) -> Function:
        """Return a function by name or ARN, or refuse."""
        function = self.functions.get(name) or self.functions.get(name.removeprefix(self.arn_prefix))
        if function is None:
            raise AwsError("ResourceNotFoundException", f"Function not found: {self.arn_prefix}{name}", status=404)
        return function

    def invoke(self, **request: Any) -> dict[str, Any]:
        """Invoke a function: RequestResponse waits for it, Event only queues."""
        function = self.function(request["FunctionName"])
        payload = _text(request.get("Payload", b"null"))
        if request.get("InvocationType", "RequestResponse") == "Event":
            self.enqueue(function.name, payload)
            return {"StatusCode": 202, "Payload": io.BytesIO(b"")}
        if self.is_full(function):
            raise _throttled()
        outcome = self.run(function, payload)
        if outcome.error:
            body = {"errorType": outcome.error, "errorMessage": outcome.cause}
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(body).encode())}
        return {"StatusCode": 200, "Payload": io.BytesIO(outcome.text.encode())}

    def is_full(self, function: Function) -> bool:
        """Whether the function's reserved concurrency is used up, or the account's."""
        limit = function.reserved_concurrency
        return (limit is not None and function.running >= limit) or self.is_crowded(function)

    def run(self, function: Function, payload: str, done: Callable[[Outcome], object] | None = None) -> Outcome:
        """Run a handler now; its slot of concurrency is free, and `done` is told, when its virtual time is over."""
        self._requests += 1
        function.invocations += 1
        request_id = f"request-{self._requests:08}"
        outcome = self._handled(function, payload, request_id)
        seconds = function.seconds()
        if seconds > function.timeout_seconds:
            outcome = Outcome(
                error="Sandbox.Timedout", cause=f"Task timed out after {function.timeout_seconds} seconds"
            )
        function.running += 1

        def finish() -> None:
            function.running -= 1
            if done is not None:
                done(outcome)

        if seconds:
            self.timeline.after(min(seconds, function.timeout_seconds), finish, f"{function.name} answers")
        else:
            finish()
        return outcome

    def _handled(self, function: Function, payload: str, request_id: str) -> Outcome:
        context = Context(
            function.name,
            request_id,
            self.arn_prefix + function.name,
            remaining_millis=int(function.timeout_seconds * 1000),
        )
        self.callers.append(function.name)
        try:
            if function.handler is None:
                function.handler = function.build()
            return Outcome(json.dumps(function.handler(json.loads(payload), context)))
        except Crashed as crash:
            function.handler = None
            return Outcome(error="Runtime.ExitError", cause=f"RequestId: {request_id} Error: Runtime exited ({crash})")
        except Exception as error:  # noqa: BLE001 - the runtime reports whatever a handler raises
            return Outcome(error=type(error).__name__, cause=str(error))
        finally:
            self.callers.pop()

    def enqueue(self, name: str, payload: str) -> None:
        """Accept an event for asynchronous invocation."""
        self._requests += 1
        event = _Event(payload, f"event-{self._requests:08}", self.timeline.elapsed)
        self.timeline.after(0, lambda: self._attempt(name, event), f"{name} gets an event")

    def _attempt(self, name: str, event: _Event) -> None:
        function = self.function(name)
        age = self.timeline.elapsed - event.accepted_at
        if age >= function.max_event_age_seconds and (event.errors or event.throttles):
            self._give_up(function, event, "EventAgeExceeded", None)
        elif self.is_full(function):
            event.throttles += 1
            wait = min(MAX_THROTTLE_WAIT, 2.0 ** min(event.throttles, 9) / 2)
            self.timeline.after(wait, lambda: self._attempt(name, event), f"{name} is tried again (throttled)")
        else:
            self.run(function, event.payload, lambda outcome: self._after(function, event, outcome))

    def _after(self, function: Function, event: _Event, outcome: Outcome) -> None:
        if not outcome.error:
            return
        event.errors += 1
        if event.errors > function.retries:
            self._give_up(function, event, "RetriesExhausted", outcome)
            return
        wait = RETRY_SECONDS[min(event.errors, len(RETRY_SECONDS)) - 1]
        self.timeline.after(wait, lambda: self._attempt(function.name, event), f"{function.name} is tried again")

    def _give_up(self, function: Function, event: _Event, condition: str, outcome: Outcome | None) -> None:
        self.given_up.append(function.name)
        if function.on_failure is None:
            return
        record: dict[str, Any] = {
            "version": "1.0",
            "timestamp": self.timeline.now().isoformat(),
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": f"{self.arn_prefix}{function.name}:$LATEST",
                "condition": condition,
                "approximateInvokeCount": event.errors,
            },
            "requestPayload": json.loads(event.payload),
        }
        if outcome is not None:
            record["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
            record["responsePayload"] = {"errorMessage": outcome.cause, "errorType": outcome.error}
        function.on_failure(record)


def _text(payload: Any) -> str:
    return payload.decode() if isinstance(payload, (bytes, bytearray)) else str(payload)


def _throttled() -> AwsError:
    return AwsError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        status=429,
        Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
    )
