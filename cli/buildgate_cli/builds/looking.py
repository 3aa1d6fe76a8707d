"""Looking at many builds again and again for few calls: a hundred builds a call, slower when AWS asks for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.builds.ids import BATCH_SIZE
from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from buildgate_cli.cloud_context import CloudContext

LOCAL_SECONDS: Final = 0.5
AWS_SECONDS: Final = 5.0
"""No look at AWS comes sooner than this after the last."""
RELAXED_SHARE: Final = 0.03
RELAXED_SECONDS: Final = 15.0
"""Who watches for the end of long builds hears of it at most 3 % of what they waited, and 15 seconds, later."""
SLOWEST_SECONDS: Final = 60.0
PATIENCE_SECONDS: Final = 300.0
_THROTTLED: Final = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)


@dataclass
class Pace:
    """The pause between looks: doubled when AWS throttles, up to a minute, and back to the usual when it answers.

    With `relaxes` it grows with the time that has been waited: a build that ran for ten minutes may be late by seconds.
    """

    usual_seconds: float
    pause: Callable[[float], None] = time.sleep
    relaxes: bool = False
    current_seconds: float = field(init=False)
    unanswered_seconds: float = field(default=0.0, init=False)
    waited_seconds: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.current_seconds = self.usual_seconds

    def answered(self) -> None:
        self.current_seconds, self.unanswered_seconds = self.usual_seconds, 0.0

    def refused(self, error: Exception) -> None:
        """Slow down; UserError with exit code 3 after five minutes without any answer."""
        if self.unanswered_seconds >= PATIENCE_SECONDS:
            message = f"AWS has not answered for {self.unanswered_seconds:.0f} s: {error}"
            raise UserError(message, "The builds go on; look again later.", ExitCode.UNAVAILABLE) from error
        self.current_seconds = min(SLOWEST_SECONDS, max(self.current_seconds, 0.1) * 2)

    def wait(self) -> None:
        seconds = max(self.current_seconds, self._relaxed_seconds())
        self.pause(seconds)
        self.unanswered_seconds += seconds
        self.waited_seconds += seconds

    def _relaxed_seconds(self) -> float:
        return min(RELAXED_SECONDS, RELAXED_SHARE * self.waited_seconds) if self.relaxes else 0.0


def pace_for(cloud: CloudContext, interval_seconds: float | None = None, *, relaxes: bool = False) -> Pace:
    """Return the pace for a cloud; a shorter interval than five seconds is for the local cloud only.

    A pace relaxes on AWS only, where looks are shared with others, and not when an interval is asked for.
    """
    if cloud.kind == "local":
        return Pace(interval_seconds or LOCAL_SECONDS)
    return Pace(max(AWS_SECONDS, interval_seconds or AWS_SECONDS), relaxes=relaxes and interval_seconds is None)


def patient_client(cloud: CloudContext, service: str = "codebuild") -> Any:
    """Return a client that tries once: the pace is what repeats, so that a look costs what it says."""
    return cloud.client(service, attempts=1)


def is_passing(error: Exception) -> bool:
    """Tell whether a call may succeed later: throttled, a fault of the service, or of the way to it."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # the SDK is loaded by then

    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
        return error.response["Error"]["Code"] in _THROTTLED or int(status) >= 500
    return isinstance(error, BotoCoreError) and not type(error).__name__.endswith("CredentialsError")


@dataclass
class Looker:
    """Asks for builds that are still open, and keeps count of its calls."""

    client: Any
    pace: Pace
    calls: int = 0

    def look(self, ids: Sequence[str]) -> Iterator[tuple[list[dict[str, Any]], list[str]]]:
        """Yield what is known of builds and which are unknown, a hundred at a time.

        A throttled or failed call ends the look early and slows the pace: the rest is asked for in the next look.
        """
        for start in range(0, len(ids), BATCH_SIZE):
            self.calls += 1
            try:
                answer = self.client.batch_get_builds(ids=list(ids[start : start + BATCH_SIZE]))
            except Exception as error:
                if not is_passing(error):
                    raise
                self.pace.refused(error)
                return
            self.pace.answered()
            yield answer["builds"], list(answer.get("buildsNotFound", []))
