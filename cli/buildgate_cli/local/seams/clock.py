"""No signature is too old or too young in a cloud whose clock is put forward and back: who signs does so by any clock."""

from __future__ import annotations

from typing import Any

from buildgate_cli.local.clock import is_loose

from .fitting import Function, Seam

SEAM = Seam("clock")


@SEAM.replaces("ministack.core.sigv4", "request_time_failure", "signature")
def take_every_time(original: Function) -> Function:
    """Refuse no signature for its time while the clock is loose; without that nothing is replaced."""

    def no_failure(_signature: Any, **_options: Any) -> None:
        return None

    return no_failure if is_loose() else original
