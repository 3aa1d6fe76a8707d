"""What Buildgate promises on its worst day, and what breaks a promise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Promise(Enum):
    """What holds whatever goes wrong. The value is what people read."""

    COUNTED_ONCE = "each build is counted once in each total"
    RECOUNTED = "totals equal a recount of the builds"
    NEVER_BACK = "what has ended stays as it ended, and nothing goes back"
    GATED = "a gate that failed or was not judged lets nothing pass"
    DECIDED = "nothing is approved but by an authorised decision of a person"
    BOUNDED = "no run waits beyond its bounds"
    DEPLOYED_ONCE = "nothing is deployed twice"
    ONE_AT_A_TIME = "a queued or superseded stage never runs twice at once"
    NOT_OVERTAKEN = "no run enters a superseded stage after a newer one"
    OWN = "a run takes no build for its own but the one it started"
    ORPHANED = "a run that has ended leaves no build running"
    TOLD = "each notice goes out, under one key that names it"
    SECRET = "no secret appears in the table, the log, a notice or a page"  # noqa: S105 - says so, holds none
    KEPT = "an event that was refused or failed is kept, with its reason"
    STARTED = "the newest push of a branch runs, and no push runs twice"


@dataclass(frozen=True, slots=True)
class Breach:
    """A promise that was broken, by what, and when (virtual seconds since the start)."""

    promise: Promise
    what: str
    at_seconds: float
