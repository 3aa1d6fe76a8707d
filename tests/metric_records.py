"""Builds as the tests of metrics' known answers need them."""

from datetime import UTC, datetime, timedelta

from buildgate.domain.builds import BuildHead, BuildStatus

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def head(number=0, seconds=100.0, **changes):
    start = changes.pop("started_at", NOW + timedelta(minutes=10 * number))
    values = {
        "build_id": f"shop:{number}",
        "project": "shop",
        "status": BuildStatus.SUCCEEDED,
        "started_at": start,
        "ended_at": start + timedelta(seconds=seconds),
        "duration_seconds": seconds,
        "cost_micro_usd": 10_000,
        "commit": f"{number:040x}",
    }
    return BuildHead(**(values | changes))
