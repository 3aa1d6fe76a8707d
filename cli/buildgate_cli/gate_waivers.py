"""Waivers that the cloud keeps: granted, listed and withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from buildgate.domain.durations import seconds_of
from buildgate_cli.api_client import connect
from buildgate_cli.human import safe
from buildgate_cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Mapping


def waive(pipeline: str, data: Mapping[str, str | None], expires: str, *, as_json: bool) -> None:
    """Grant a waiver and say until when it acts."""
    body = {key: value for key, value in data.items() if value} | {"expires": last_day(expires, datetime.now(UTC))}
    granted = connect().post("pipelines", pipeline, "waivers", body=body)["waiver"]
    if as_json:
        print_json(granted)
        return
    where = granted["gate"] or "every gate"
    say(safe(f"{_subject(granted)} is waived in {where} of {pipeline} until {granted['expires']} ({granted['id']})"))


def last_day(text: str, now: datetime) -> str:
    """Return the day of a duration from now; everything else is the API's to judge."""
    seconds = seconds_of(text)
    return text if seconds is None else (now + timedelta(seconds=seconds)).date().isoformat()


def withdraw(pipeline: str, waiver_id: str, *, as_json: bool) -> None:
    """Let a waiver act no more."""
    withdrawn = connect().post("pipelines", pipeline, "waivers", waiver_id, "withdraw", body={})["waiver"]
    if as_json:
        print_json(withdrawn)
    else:
        say(safe(f"{_subject(withdrawn)} is not waived any more"))


def show(pipeline: str, *, as_json: bool) -> None:
    """List a pipeline's waivers, those that end soonest first."""
    answer = {"pipeline": pipeline, "waivers": connect().every("pipelines", pipeline, "waivers")}
    if as_json:
        print_json(answer)
        return
    columns = ("ID", "STATE", "EXPIRES", "GATE", "WHAT", "OWNER", "REASON")
    rows = [_cells(one) for one in answer["waivers"]]
    print_table(columns, rows, empty=f"{safe(pipeline)} has no waivers.")


def _cells(one: Mapping[str, Any]) -> tuple[object, ...]:
    about = (one["gate"] or "every gate", _subject(one), one["owner"], one["reason"])
    return (one["id"], one["state"], one["expires"], *about)


def _subject(one: Mapping[str, Any]) -> str:
    for what in ("finding", "control"):
        if one.get(what):
            return f"{what} {one[what]}"
    return f"rule {one['rule']}" + (f" in {one['path']}" if one.get("path") else "")
