"""EventBridge in memory: rules over events, each delivery at the mercy of a schedule."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.patterns import matches, transformed_text

if TYPE_CHECKING:
    from buildgate.adapters.memory.timeline import Timeline

Event = dict[str, Any]
Deliveries = Callable[[Event], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a rule sends events: `deliver` gets JSON text; what cannot be delivered goes to `dead_letters` whole."""

    name: str
    deliver: Callable[[str], object]
    input_paths: Mapping[str, str] = field(default_factory=dict)
    input_template: str = ""
    dead_letters: Callable[[Event], object] | None = None

    def text(self, event: Event) -> str:
        """Return what the target is sent."""
        if self.input_template:
            return transformed_text(self.input_paths, self.input_template, event)
        return json.dumps(event)


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and its targets; a rule that is disabled matches nothing."""

    name: str
    pattern: Mapping[str, Any]
    targets: tuple[Target, ...]
    is_enabled: bool = True


def at_once(event: Event) -> Sequence[float]:
    """The schedule of a good day: one delivery, now."""
    return (0.0,)


@dataclass(slots=True)
class Events:
    """The default bus.

    `deliveries` says, for each event and rule that matches, when it arrives (seconds from now): nothing is a lost
    event, several a repeated one, and different delays reorder events. `is_refused` says which deliveries fail for good:
    those end in the target's dead letters, and in `refused` whether or not it has any.
    """

    timeline: Timeline
    region: str
    account: str
    rules: list[Rule] = field(default_factory=list)
    deliveries: Deliveries = at_once
    is_refused: Callable[[Event], bool] = lambda _: False
    accepted: list[Event] = field(default_factory=list)
    refused: list[Event] = field(default_factory=list)
    _sent: int = 0

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Accept events of our own; a source that starts with `aws.` is refused, as on AWS."""
        answers = []
        for entry in Entries:
            if entry["Source"].startswith("aws."):
                problem = f"Not authorized for the source {entry['Source']}."
                answers.append({"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": problem})
            else:
                detail = json.loads(entry["Detail"])
                event = self.emit(entry["Source"], entry["DetailType"], detail, entry.get("Resources", ()))
                answers.append({"EventId": event["id"]})
        return {"FailedEntryCount": sum("ErrorCode" in answer for answer in answers), "Entries": answers}

    def emit(self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> Event:
        """Publish an event, as a service does; its detail is plain JSON that nobody changes any more."""
        self._sent += 1
        event: Event = {
            "version": "0",
            "id": f"{self._sent:08x}-0000-4000-8000-000000000000",
            "detail-type": detail_type,
            "source": source,
            "account": self.account,
            "time": self.timeline.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.region,
            "resources": list(resources),
            "detail": detail,
        }
        self.publish(event)
        return event

    def publish(self, event: Event) -> None:
        """Hand an event with its envelope to every rule that matches: emitting, replaying or repeating it."""
        self.accepted.append(event)
        for rule in self.rules:
            if rule.is_enabled and matches(rule.pattern, event):
                for delay in self.deliveries(event):
                    self._deliver_after(delay, rule, event)

    def _deliver_after(self, delay: float, rule: Rule, event: Event) -> None:
        def deliver() -> None:
            for target in rule.targets:
                if not self.is_refused(event):
                    target.deliver(target.text(event))
                    continue
                self.refused.append(event)
                if target.dead_letters is not None:
                    target.dead_letters(event)

        self.timeline.after(delay, deliver, f"{rule.name} delivers {event['detail-type']}")
