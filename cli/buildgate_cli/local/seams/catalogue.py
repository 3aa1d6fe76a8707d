"""Every seam of the emulator, and the one call that checks and fits them all."""

from __future__ import annotations

from .access import SEAM as ACCESS
from .callbacks import SEAM as CALLBACKS
from .clock import SEAM as CLOCK
from .control import SEAM as CONTROL
from .credentials import SEAM as CREDENTIALS
from .crowding import SEAM as CROWDING
from .events import SEAM as EVENTS
from .failures import SEAM as FAILURES
from .faulty import SEAM as FAULTY
from .findings import SEAM as FINDINGS
from .fitting import Seam, fit_all
from .front_door import SEAM as FRONT_DOOR
from .http_api import SEAM as HTTP_API
from .machines import SEAM as MACHINES
from .nursery import SEAM as NURSERY
from .quiet import SEAM as QUIET
from .roles import SEAM as ROLES
from .rules import SEAM as RULES
from .saving import SEAM as SAVING
from .schedules import SEAM as SCHEDULES
from .tasks import SEAM as TASKS
from .throttled import SEAM as THROTTLED
from .transport import SEAM as TRANSPORT
from .unpacking import SEAM as UNPACKING

SEAMS: tuple[Seam, ...] = (
    CREDENTIALS,
    ACCESS,
    CLOCK,
    CONTROL,
    EVENTS,
    RULES,
    ROLES,
    CALLBACKS,
    TRANSPORT,
    SCHEDULES,
    FAILURES,
    THROTTLED,
    CROWDING,
    NURSERY,
    UNPACKING,
    TASKS,
    MACHINES,
    HTTP_API,
    FRONT_DOOR,
    FAULTY,
    FINDINGS,
    QUIET,
    SAVING,
)


def fit() -> None:
    """Check every joint, then put all replacements in place. Raises EmulatorChangedError before any is."""
    fit_all(SEAMS)
