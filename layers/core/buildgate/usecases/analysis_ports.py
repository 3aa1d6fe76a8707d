"""What analyses need from the world, beside the ports that every use case shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from buildgate.domain.builds import BuildHead, Misreported, Owner
    from buildgate.domain.metrics.posture import ProjectSettings
    from buildgate.domain.metrics.rollups import DayTotals, Scope


class Totals(Protocol):
    """Days of folded scopes, owners of projects, and builds as analyses look at them one by one."""

    def owners(self) -> Mapping[str, Owner]: ...
    def set_owner(self, project: str, owner: Owner) -> None: ...
    def scopes(self) -> Sequence[Scope]: ...
    def know_scope(self, scope: Scope) -> None: ...

    def replace_day(self, scope: Scope, day: DayTotals) -> None:
        """Set a day of a folded scope; doing it again changes nothing."""
        ...

    def owed(self) -> Mapping[str, str]:
        """Return the days of long ago on which builds were counted since they were folded, each with its note."""
        ...

    def settle(self, day: str, note: str) -> bool:
        """Take a day's note away; False when a build was counted since it was read."""
        ...

    def finished_between(
        self, project: str, first: datetime, last: datetime, *, after: str = "", page: int | None = None
    ) -> Iterator[BuildHead]:
        """Yield a project's builds that ended in ``first <= end < last``, the newest start first, as they are read.

        Args:
            project: Whose builds.
            first: From this moment on.
            last: Before this moment.
            after: Only builds that stand after this place in the list: a start and a build's own id.
            page: So many are read at a time, instead of as many as one answer holds.
        """
        ...

    def quarantined(self, project: str = "") -> Sequence[tuple[Misreported, str]]: ...


class Projects(Protocol):
    """Build projects."""

    def tags(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Return the tags of the projects that exist, keys in small letters."""
        ...

    def settings(self, names: Sequence[str]) -> Sequence[ProjectSettings]:
        """Return what the security of the projects that exist is judged by."""
        ...
