"""Answers about metrics as people read them on a terminal; machines get the answers themselves through `--json`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from rich.text import Text

from buildgate_cli.human import dollars, duration, percent, safe
from buildgate_cli.output import console, note, print_facts, print_table, say, status_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_BARS: Final = " ▁▂▃▄▅▆▇█"
Row = dict[str, Any]


def sparkline(values: Sequence[float | None]) -> str:
    """Return one bar a value, the tallest for the greatest; an empty or unknown day is blank."""
    top = max((value for value in values if value is not None), default=0)
    if not top or top <= 0:
        return ""
    steps = len(_BARS) - 1
    return "".join(_BARS[0 if value is None or value <= 0 else max(1, round(value / top * steps))] for value in values)


def heading(title: str, answer: Mapping[str, Any]) -> None:
    window = answer.get("window") or {}
    shown = f"  {_first_and_last(window)} (UTC)" if window else ""
    console.print(Text.assemble((safe(title), "bold"), (shown, "dim")))


def _first_and_last(window: Mapping[str, Any]) -> str:
    """Return the first and the last day of whole days, or the moments between which an exact window lies."""
    first, last = (datetime.fromisoformat(window[name]) for name in ("from", "to"))
    if window.get("is_whole_days"):
        return f"{first:%Y-%m-%d} to {last - timedelta(days=1):%Y-%m-%d}"
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}"


def summary(answer: Mapping[str, Any]) -> None:
    found = answer["summary"]
    heading(answer.get("project", ""), answer)
    if not found.get("builds"):
        console.print(Text("no finished build in this window", style="dim"))
        return
    print_facts(_facts(found))
    score(answer.get("score_v2"))
    _days(answer.get("by_day") or [])


def _facts(found: Row) -> list[tuple[str, object]]:
    counts = ", ".join(f"{count} {status.lower()}" for status, count in found.get("by_status", {}).items() if count)
    unknown, probed = found.get("cost_unknown"), found.get("cache_probed")
    priced = dollars(found.get("cost_micro_usd"))
    retries = f"{found['retries']} ({dollars(found.get('cost_retries_micro_usd'))})" if found.get("retries") else None
    return [
        ("builds", f"{found['builds']} ({counts})" if counts else found["builds"]),
        ("success", percent(found.get("success_ratio"))),
        ("duration", "  ".join(f"{name} {duration(found.get(f'{name}_seconds'))}" for name in _PERCENTILES)),
        ("queued", f"p95 {duration(found.get('queue_p95_seconds'))}"),
        ("cost", f"{priced} ({unknown} builds have no known price)" if unknown else priced),
        ("cost per build", dollars(found.get("cost_per_build_micro_usd"))),
        ("retries", retries),
        ("cache hits", f"{percent(found.get('cache_hit_ratio'))} of {probed} builds with a probe" if probed else None),
        ("score", found.get("score_v1")),
    ]


_PERCENTILES = ("mean", "p50", "p90", "p95", "p99")


def score(found: Row | None) -> None:
    """Print score_v2 with the explanation of every point."""
    if not found:
        return
    total = found.get("total")
    say(f"score_v2        {'-' if total is None else total}  ({found['explanation']})")
    for one in found.get("objectives", []):
        note(f"                {one['name']}: {one['explanation']}")


def _days(rows: Sequence[Row]) -> None:
    used = [row for row in rows if row.get("builds")]
    if not used:
        return
    console.print(Text(f"builds a day  {sparkline([row.get('builds', 0) for row in rows])}", style="cyan"))
    cells = [
        [
            row.get("day", "-"),
            row["builds"],
            percent(row.get("success_ratio")),
            duration(row.get("p50_seconds")),
            dollars(row.get("cost_micro_usd")),
        ]
        for row in used
    ]
    columns = ["DAY", "BUILDS", "SUCCESS", "MEDIAN", "COST"]
    print_table(columns, cells, empty="", right=columns[1:])


def trend(answer: Mapping[str, Any]) -> None:
    heading(answer["project"], answer)
    rows = []
    for one in answer["trends"]:
        slope = one["slope"]
        moved = "not enough days" if slope is None else "rising" if slope["low"] > 0 else "falling"
        if slope is not None and slope["low"] <= 0 <= slope["high"]:
            moved = "unclear"
        figures = "-" if slope is None else f"{slope['per_step']:+.2g} ({slope['low']:.2g} to {slope['high']:.2g})"
        rows.append([one["name"], sparkline(one["values"]), moved, figures])
    columns = ["SERIES", "DAYS", "TREND", "SLOPE A DAY (95 %)"]
    print_table(columns, rows, empty="no day in this window", right=["DAYS"], folds_last=True)
    for change in answer["change_points"]:
        before, after = duration(change["before_seconds"]), duration(change["after_seconds"])
        say(f"{change['at'][:16]}  {before} -> {after} from build {safe(change['first_build_id'])}", "yellow")
        note(f"  differed: {', '.join(map(safe, change['differed'])) or 'nothing that is recorded'}")
    if not answer["change_points"]:
        note("no change of the builds' duration stands out")


def cost(answer: Mapping[str, Any]) -> None:
    found = answer["cost"]
    heading(answer["project"], answer)
    forecast = found["forecast"]
    expected = "-"
    if forecast["expected_micro_usd"] is not None:
        low, high = dollars(forecast["low_micro_usd"]), dollars(forecast["high_micro_usd"])
        expected = f"{dollars(forecast['expected_micro_usd'])} ({low} to {high})"
    unknown = found["cost_unknown"]
    print_facts(
        [
            ("total", dollars(found["total_micro_usd"])),
            ("unknown price", f"{unknown} builds" if unknown else None),
            ("retries", f"{found['retries']} for {dollars(found['retries_micro_usd'])}" if found["retries"] else None),
            (f"{forecast['month']} so far", dollars(forecast["so_far_micro_usd"])),
            ("month's end", f"{expected}  {forecast['explanation']}"),
            ("one more", found["one_more_build"]),
        ]
    )
    for title, key in (
        ("PHASE", "by_phase"),
        ("STATUS", "by_status"),
        ("BRANCH", "by_branch"),
        ("COMPUTE", "by_compute"),
    ):
        rows = [[safe(name), dollars(value)] for name, value in found[key].items() if value]
        if rows:
            print_table([title, "COST"], rows, empty="", right=["COST"])


def cache(answer: Mapping[str, Any]) -> None:
    found = answer["cache"]
    heading(answer["project"], answer)
    print_facts(
        [
            ("builds", f"{found['probed']} with a probe, {found['unprobed']} without"),
            ("hits", f"{found['hits']} hit, {found['partials']} partial, {found['misses']} miss"),
            ("hit rate", percent(found["hit_ratio"])),
            ("saved", _saved(found["saved_seconds"], found["saved_micro_usd"])),
            ("between builds", _gap(found)),
        ]
    )
    rows = [
        [
            safe(one["key"]),
            one["hits"],
            one["partials"],
            one["misses"],
            duration(one["saved_seconds_per_hit"])
            if (one["saved_seconds_per_hit"] or 0) >= 0
            else f"-{duration(-one['saved_seconds_per_hit'])}",
            one["verdict"],
        ]
        for one in found["keys"]
    ]
    print_table(["KEY", "HIT", "PARTIAL", "MISS", "SAVED A HIT", "VERDICT"], rows, empty="no key was reported")
    note(found["explanation"])
    if found["probed"] == 0:
        say(found["block"])


def _saved(seconds: float | None, micro_usd: int | None) -> str:
    if seconds is None:
        return "not enough data"
    sign = "-" if seconds < 0 else ""
    return f"{sign}{duration(abs(seconds))}, {dollars(micro_usd)}"


def _gap(found: Row) -> str | None:
    if found["gap_median_minutes"] is None:
        return None
    middle = duration(found["gap_median_minutes"] * 60)
    return f"{middle} (median); {percent(found['gap_over_local_ratio'])} longer than a local cache is likely to live"


def failures(answer: Mapping[str, Any]) -> None:
    heading(answer["project"], answer)
    rows = [
        [
            one["fingerprint"],
            one["count"],
            one["kind"],
            one["phase"],
            one["last_seen"][:16],
            dollars(one["cost_micro_usd"]),
            safe(one["message"]),
        ]
        for one in answer["failures"]
    ]
    columns = ["FINGERPRINT", "COUNT", "CLASS", "PHASE", "LAST SEEN", "COST", "MESSAGE"]
    print_table(columns, rows, empty="no failure in this window", right=["COUNT", "COST"])


def tests(answer: Mapping[str, Any]) -> None:
    heading(answer["project"], answer)
    found = answer["tests"]
    rows = [
        [
            safe(one["name"]),
            status_text("FAIL" if one["is_bad"] else "PASS"),
            _flaky(one),
            one["failures"],
            one["since"][:16],
            one["first_failed_at"][:10],
            dollars(one["cost_micro_usd"]),
            one["owner"] or "-",
        ]
        for one in found["states"]
    ]
    columns = ["CASE THAT EVER FAILED", "NOW", "FLAKY", "FAILED", "SINCE", "FIRST SEEN", "COST", "OWNER"]
    print_table(columns, rows, empty="no case ever failed", right=["FAILED", "COST"])
    cells = [
        [
            safe(one["name"]),
            duration(one["median_seconds"]),
            f"x{one['slower']:.1f}" if one["slower"] else "-",
            percent(one["failure_ratio"]),
            one["history"],
        ]
        for one in found["cases"][:15]
    ]
    if cells:
        print_table(["SLOWEST", "MEDIAN", "SLOWER", "FAILS", "HISTORY"], cells, empty="", right=["MEDIAN", "FAILS"])
    note(found["explanation"])


def _flaky(one: Row) -> str:
    if one["flaky_by"] == "commit":
        return f"{one['flaky']} times"
    return "by rate" if one["flaky_by"] else "-"


def case(answer: Mapping[str, Any]) -> None:
    """Print all that is known of one test case: how it stands, when it turned, and its runs."""
    found = answer["tests"]
    tests(answer)
    turns = [
        [one["at"][:16], status_text(one["status"]), one["commit"][:9] or "-", _same(one), one["build_id"]]
        for one in found["changes"]
    ]
    print_table(["TURNED", "TO", "COMMIT", "BECAUSE OF", "BUILD"], turns, empty="it never turned between good and bad")
    runs = [
        [one["at"][:16], status_text(one["status"]), duration(one["seconds"]), one["build_id"], safe(one["message"])]
        for one in reversed(found["runs"])
    ]
    print_table(["RUN", "STATUS", "TOOK", "BUILD", "MESSAGE"], runs, empty="no run in this window", right=["TOOK"])


def _same(one: Row) -> str:
    return "chance: the commit was the same" if one["is_same_commit"] else "-"


def advice(answer: Mapping[str, Any]) -> None:
    heading(answer["project"], answer)
    for one in answer["recommendations"]:
        saving = []
        if one["saving_seconds"] is not None:
            saving.append(duration(one["saving_seconds"]))
        if one["saving_micro_usd"] is not None:
            saving.append(dollars(one["saving_micro_usd"]))
        said = f"{', '.join(saving)} a month" if saving else "cannot be said from what is recorded"
        console.print(Text(safe(one["title"]), style="bold"))
        print_facts([("evidence", one["evidence"]), ("saves", f"{said} (confidence: {one['confidence']})")])
        say(one["apply"], "cyan")
        note(f"to undo: {one['undo']}")
    if not answer["recommendations"]:
        note("nothing that the recorded builds bear: no recommendation")


def builds(answer: Mapping[str, Any]) -> None:
    rows = [
        [
            one["build_id"],
            status_text(one["status"]),
            (one["finished_at"] or "-")[:16],
            duration(one["duration_seconds"]),
            dollars(one["cost_micro_usd"]),
            one["branch"] or "-",
            (one["commit"] or "-")[:9],
        ]
        for one in answer["builds"]
    ]
    columns = ["BUILD", "STATUS", "ENDED", "TOOK", "COST", "BRANCH", "COMMIT"]
    print_table(columns, rows, empty="no build in this window", right=["TOOK", "COST"])
