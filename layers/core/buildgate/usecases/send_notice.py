"""Publishes a notice that is owed, and notes that it went out."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from buildgate.domain.errors import BuildgateError

if TYPE_CHECKING:
    from buildgate.domain.notices import Notice
    from buildgate.ports import Clock, Outbox, Topics

TRY_AGAIN = timedelta(minutes=1)


class SendNotice:
    """At least once under one key: noted as owed before, as sent after. A crash between the two repeats it."""

    def __init__(self, outbox: Outbox, topics: Topics, clock: Clock) -> None:
        self._outbox = outbox
        self._topics = topics
        self._clock = clock

    def __call__(self, notice: Notice) -> str:
        """Publish the notice if it is still owed. A topic that does not answer leaves it owed.

        Returns:
            What happened, in words.
        """
        if not self._outbox.is_owed(notice.ref):
            return "sent before"
        try:
            self._topics.publish(notice)
        except BuildgateError as error:
            return f"still owed: {error.reason}"
        self._outbox.mark_sent(notice.ref, now=self._clock.now())
        return "sent"

    def leave_out(self, notice: Notice) -> None:
        """Owe a notice no more that its receivers asked not to get."""
        if self._outbox.is_owed(notice.ref):
            self._outbox.mark_sent(notice.ref, now=self._clock.now())
