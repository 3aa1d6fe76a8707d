"""Pages of figures: projects and their charts, tests, failures, releases, cost."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.console import charts, marks
from buildgate_cli.console.render import percent, price
from buildgate_cli.human import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from buildgate_cli.console.pages import Api
    from buildgate_cli.console.render import Page

_WINDOWS: Final = {1, 7, 30, 90}
_TESTS: Final = 100


class MetricPages:
    """Pages over a window of days. ``page`` renders a template."""

    def __init__(self, api: Api, page: Callable[..., Page]) -> None:
        self._api = api
        self._page = page

    def routes(self) -> Sequence[tuple[str, Callable[[Mapping[str, str], str], Page]]]:
        return (
            (r"/projects", self._projects),
            (r"/projects/([^/]+)", self._project),
            (r"/tests", self._tests),
            (r"/failures", self._failures),
            (r"/releases", self._releases),
            (r"/cost", self._cost),
            (r"/security", self._security),
        )

    def _projects(self, query: Mapping[str, str], _: str) -> Page:
        days = _days(query)
        found = self._api.get("metrics", "account", "overview", days=days)
        aside = self._api.get("metrics", "account", "quarantine")["quarantine"]
        return self._page(
            "projects.html", "/projects", "Projects", days=days, projects=found["projects"], quarantine=aside
        )

    def _project(self, query: Mapping[str, str], name: str) -> Page:
        days = _days(query)
        report = self._api.get("metrics", "projects", name, "report", days=days)
        builds = self._api.get("metrics", "projects", name, "builds", days=days, limit=20)["builds"]
        return self._page(
            "project.html",
            "/projects",
            name,
            name=name,
            days=days,
            s=report["summary"],
            score=report["score_v2"],
            report=report,
            charts=_project_charts(report["by_day"]),
            builds=builds,
            quarantine=self._api.get("metrics", "account", "quarantine", project=name)["quarantine"],
            state=builds[0]["status"] if builds else "",
        )

    def _view(self, query: Mapping[str, str], view: str) -> tuple[int, str, Any]:
        """Return the window, the project that was chosen if any, and a view of it or of the whole account."""
        days, name = _days(query), query.get("project", "")
        scope = ("projects", name) if name else ("scopes", "accounts", "all")
        return days, name, self._api.get("metrics", *scope, view, days=days)

    def _tests(self, query: Mapping[str, str], _: str) -> Page:
        days, name, found = self._view(query, "tests")
        tests = found["tests"]
        return self._page(
            "tests.html",
            "/tests",
            "Tests",
            days=days,
            name=name,
            names=self._api.every("projects"),
            tests=tests,
            states=tests["states"][:_TESTS],
            slowest=sorted(tests["cases"], key=lambda case: -case["median_seconds"])[:_TESTS],
            slower=[case for case in tests["cases"] if case["slower"]],
        )

    def _failures(self, query: Mapping[str, str], _: str) -> Page:
        days, name, found = self._view(query, "failures")
        rows = found["failures"]
        kinds: dict[str, int] = {}
        for one in rows:
            kinds[one["kind"]] = kinds.get(one["kind"], 0) + one["count"]
        return self._page(
            "failures.html",
            "/failures",
            "Failures",
            days=days,
            name=name,
            names=self._api.every("projects"),
            failures=rows[:_TESTS],
            kinds=kinds,
            count=sum(kinds.values()),
            cost=sum(one["cost_micro_usd"] or 0 for one in rows),
            most=max((one["count"] for one in rows), default=0),
        )

    def _releases(self, query: Mapping[str, str], _: str) -> Page:
        days = _days(query, default=90)
        found = self._api.get("metrics", "dora", days=days, lead_time="parts")
        daily = found["dora"]["daily"]
        series = [charts.Series("deployments", list(daily.values()))]
        chart = charts.bars("Good deployments a day", _short(daily), series, _whole, is_wide=True)
        return self._page(
            "dora.html",
            "/releases",
            "Releases",
            days=days,
            dora=found["dora"],
            notes=found["notes"],
            chart=chart,
            lead=found["lead_time"],
        )

    def _security(self, query: Mapping[str, str], _: str) -> Page:
        days = _days(query)
        found = self._api.get("metrics", "account", "posture", days=days)["posture"]
        rows = [{**one, "line": marks.spark([day["score"] for day in one["history"]])} for one in found]
        return self._page(
            "security.html",
            "/security",
            "Security",
            days=days,
            rows=sorted(rows, key=lambda one: (one["score"], one["project"])),
            mean=_mean([one["score"] for one in found]),
            counts={word: sum(one["by_severity"].get(word, 0) for one in found) for word in ("high", "medium", "low")},
        )

    def _cost(self, query: Mapping[str, str], _: str) -> Page:
        days = _days(query)
        account = self._api.get("metrics", "scopes", "accounts", "all", days=days)
        labels = _short(day["day"] for day in account["by_day"])
        series = [charts.Series("cost", [day["cost_micro_usd"] for day in account["by_day"]])]
        shares = self._api.get("metrics", "account", "attribution", days=days)["shares"]
        return self._page(
            "cost.html",
            "/cost",
            "Cost",
            days=days,
            shares=shares,
            most={kind: _most(shares, kind) for kind in ("team", "cost_centre", "project")},
            total=account["summary"],
            own=self._api.get("metrics", "account", "self-cost", days=days)["self_cost"],
            chart=charts.bars("Cost a day, all projects", labels, series, price, is_wide=True),
        )


def _mean(scores: Sequence[int]) -> int | None:
    return round(sum(scores) / len(scores)) if scores else None


def _most(shares: Sequence[Mapping[str, Any]], kind: str) -> int:
    return max((one["summary"]["cost_micro_usd"] for one in shares if one["kind"] == kind), default=0)


def _days(query: Mapping[str, str], default: int = 30) -> int:
    text = query.get("days", "")
    return int(text) if text.isdecimal() and int(text) in _WINDOWS else default


def _short(days: Any) -> list[str]:
    """Return days as axes show them: 9 Nov."""
    moments = [date.fromisoformat(day) for day in days]
    return [f"{one.day} {one:%b}" for one in moments]


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _project_charts(days: list[dict[str, Any]]) -> list[charts.Chart]:
    labels = _short(day["day"] for day in days)

    def values(name: str) -> list[float | None]:
        return [day[name] for day in days]

    good = [day["by_status"]["SUCCEEDED"] for day in days]
    other = [day["builds"] - day["by_status"]["SUCCEEDED"] for day in days]
    took = [charts.Series(f"p{part}", values(f"p{part}_seconds")) for part in (50, 90, 95)]
    return [
        charts.line("Duration", labels, took, duration),
        charts.bars(
            "Builds", labels, [charts.Series("succeeded", good), charts.Series("not succeeded", other)], _whole
        ),
        charts.line("Success", labels, [charts.Series("success", values("success_ratio"))], percent),
        charts.bars("Cost", labels, [charts.Series("cost", values("cost_micro_usd"))], price),
        charts.line("Time in the queue", labels, [charts.Series("p95", values("queue_p95_seconds"))], duration),
        charts.line("Cache hits", labels, [charts.Series("hits", values("cache_hit_ratio"))], percent),
    ]
