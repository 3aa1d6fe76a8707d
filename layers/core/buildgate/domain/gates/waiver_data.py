"""Waivers as plain JSON data, in the shape a waiver file has."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from buildgate.domain.gates.model import Waiver

if TYPE_CHECKING:
    from collections.abc import Mapping


def waiver_to_data(waiver: Waiver) -> dict[str, Any]:
    """Return plain JSON data without what is not set."""
    data: dict[str, Any] = {"reason": waiver.reason, "owner": waiver.owner, "expires": waiver.expires.isoformat()}
    optional = {"finding": waiver.finding, "rule": waiver.rule, "path": waiver.path, "control": waiver.control}
    return data | {key: value for key, value in optional.items() if value is not None}


def waiver_from_data(data: Mapping[str, Any]) -> Waiver:
    """Read what `waiver_to_data` wrote."""
    expires = date.fromisoformat(data["expires"])
    about = (data.get("finding"), data.get("rule"), data.get("path"), data.get("control"))
    return Waiver(data["reason"], data["owner"], expires, *about)
