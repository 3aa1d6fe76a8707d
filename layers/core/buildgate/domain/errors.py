"""The four kinds of failure, by what the caller can do about them.

State machines match on these class names (Lambda reports the class name as ``errorType``), so a name never changes.
"""

from __future__ import annotations

INTERRUPTED = "States.ServiceRestart"
"""Error of an execution that ended because what runs it restarted: a local cloud does, AWS does not."""


class BuildgateError(Exception):
    """A failure with a reason that a person can read.

    Args:
        reason: One sentence that says what is wrong.
        field: The input field it is about, where there is one.
        fix: What to do about it, where that is known.
    """

    def __init__(self, reason: str, *, field: str | None = None, fix: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field
        self.fix = fix


class Rejected(BuildgateError):
    """The caller's request cannot be done as asked; asking again gives the same answer."""


class NotFound(Rejected):
    """The thing asked for does not exist."""


class Forbidden(Rejected):
    """Others may do this, but not this caller."""


class Stopped(Rejected):
    """The run is being stopped or has ended: nothing more is begun for it."""


class Conflict(BuildgateError):
    """Another writer was first; reading again and deciding anew may succeed."""


class Unavailable(BuildgateError):
    """A service did not answer, or not now; the same call may succeed later."""


class Busy(Unavailable):
    """The account's queue of builds is full: waiting is right, and no failure."""


class Corrupt(BuildgateError):
    """What was stored or received cannot be what was written: someone has to look."""
