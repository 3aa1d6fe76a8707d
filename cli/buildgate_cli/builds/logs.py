"""A build's log from CloudWatch Logs: every line once, in order, followed until the build and the stream have ended."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.builds.looking import is_passing
from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from buildgate_cli.builds.looking import Pace

QUIET_LOOKS: Final = 2
"""How many empty looks after a build's end count as the end of its log: lines arrive a little after the status."""
_STAMP: Final = re.compile(r"\A\[Container\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)? ")
_ENTERING: Final = "Entering phase "
_WAITING: Final = "Phase is "
_COMPLETE: Final = re.compile(r"\APhase complete: (\S+) State: ")
_CONTEXT: Final = "Phase context status code:"


def place_of(build: dict[str, Any]) -> tuple[str, str]:
    """Return log group and stream of a build; the stream is what follows the colon in the build's id.

    Raises UserError when the build keeps no log in CloudWatch Logs.
    """
    logs = build.get("logs") or {}
    if (logs.get("cloudWatchLogs") or {}).get("status") == "DISABLED":
        where = (logs.get("s3Logs") or {}).get("location")
        fix = f"Its log is in s3://{where}." if where else "Set logsConfig in its project."
        raise UserError(f"{build['id']} keeps no log in CloudWatch Logs.", fix, ExitCode.REFUSED)
    project, _, own = str(build["id"]).partition(":")
    return logs.get("groupName") or f"/aws/codebuild/{project}", logs.get("streamName") or own


@dataclass
class Stream:
    """Reads one log stream from its beginning; `more` continues exactly where the last call ended."""

    client: Any
    group: str
    name: str
    _token: str | None = None

    def more(self) -> Iterator[list[str]]:
        """Yield the lines that have come since, page by page; none while the stream is not there yet.

        A page counts as read once it is yielded: what a failure interrupts comes with the next call.
        """
        while True:
            request = {"logGroupName": self.group, "logStreamName": self.name, "startFromHead": True}
            if self._token:
                request["nextToken"] = self._token
            try:
                answer = self.client.get_log_events(**request)
            except self.client.exceptions.ResourceNotFoundException:
                return
            is_end = answer["nextForwardToken"] == self._token
            self._token = answer["nextForwardToken"]
            lines = [line for event in answer["events"] for line in _lines(event["message"])]
            if lines:
                yield lines
            if is_end:
                return


def _lines(message: str) -> list[str]:
    """Return an event's lines; an event is one line with its line end, or without in the local cloud."""
    return message.rstrip("\r\n").split("\n")


@dataclass
class Follower:
    """Follows a build's log. `look` returns the build as it is now."""

    stream: Stream
    pace: Pace
    look: Callable[[], dict[str, Any]]

    def follow(self) -> Iterator[str]:
        """Yield every line until the build has ended and its log has been quiet; passing failures only slow it down."""
        quiet = 0
        while True:
            is_over, is_quiet = False, True
            try:
                is_over = bool(self.look().get("buildComplete"))
                for lines in self.stream.more():
                    is_quiet = False
                    yield from lines
                self.pace.answered()
            except Exception as error:
                if not is_passing(error):
                    raise
                self.pace.refused(error)
                is_over = False
            quiet = quiet + 1 if is_over and is_quiet else 0
            if quiet >= QUIET_LOOKS:
                return
            self.pace.wait()


def of_phase(lines: Iterable[str], phase: str) -> Iterator[str]:
    """Yield the lines of one phase: from where it is entered to the line that says how it ended, its reason included."""
    inside = is_ending = False
    for line in lines:
        text = _STAMP.sub("", line)
        if is_ending:
            if text.startswith(_CONTEXT):
                yield line
            inside = is_ending = False
            continue
        if text.strip() in {f"{_ENTERING}{phase}", f"{_WAITING}{phase}"}:
            inside = True
        if inside:
            yield line
            ended = _COMPLETE.match(text)
            is_ending = ended is not None and ended[1] == phase
