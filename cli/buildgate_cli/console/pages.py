"""What each page asks the API for, and how it is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import unquote

from buildgate_cli.api_client import ApiError
from buildgate_cli.console import charts
from buildgate_cli.console.render import page
from buildgate_cli.human import dollars, duration, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LIVE_SECONDS: Final = 3
_WINDOWS: Final = {1, 7, 30, 90}
_FINAL: Final = {"SUCCEEDED", "FAILED", "REJECTED", "EXPIRED", "STOPPED", "TIMED_OUT", "SUPERSEDED"}
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_LOG_LINES: Final = 2_000


class Api(Protocol):
    """The operator's API, reading."""

    def get(self, *path: str, **query: str | int | None) -> Any: ...


class Logs(Protocol):
    """Reads the end of a build's log."""

    def __call__(self, group: str, stream: str, *, limit: int) -> list[str]: ...


class Pages:
    """Pages by path. ``me`` is who decides; ``form`` proves that a decision comes from one of these pages."""

    def __init__(self, api: Api, logs: Logs, *, cloud: str, me: str, form: str) -> None:
        self._api = api
        self._logs = logs
        self._cloud = cloud
        self._me = me
        self._form = form
        self._routes: tuple[tuple[re.Pattern[str], Callable[[Mapping[str, str], str], str]], ...] = tuple(
            (re.compile(pattern), route)
            for pattern, route in (
                (r"/", self._overview),
                (r"/pipelines", self._pipelines),
                (r"/pipelines/([^/]+)", self._pipeline),
                (r"/runs", self._runs),
                (r"/runs/([^/]+)", self._run),
                (r"/builds/([^/]+)", self._build),
                (r"/approvals", self._approvals),
                (r"/approvals/([^/]+)", self.approval),
                (r"/projects", self._projects),
                (r"/projects/([^/]+)", self._project),
                (r"/releases", self._releases),
                (r"/cost", self._cost),
                (r"/find", self._find),
            )
        )

    def find(self, path: str, query: Mapping[str, str]) -> str | None:
        """Return the page at a path, or None when there is none.

        Raises:
            ApiError: The API refused, or does not answer.
        """
        for pattern, route in self._routes:
            found = pattern.fullmatch(path)
            if found:
                return route(query, unquote(found[1]) if found.groups() else "")
        return None

    def message(self, title: str, said: str) -> str:
        return self._page("message.html", "", title, said=said)

    def _page(self, template: str, here: str, title: str, *, refresh: int | None = None, **values: Any) -> str:
        return page(template, cloud=self._cloud, here=here, title=title, refresh=refresh, **values)

    def _overview(self, query: Mapping[str, str], _: str) -> str:
        projects = self._api.get("metrics", "account", "overview", days=7)["projects"]
        runs = self._api.get("runs", limit=8)["runs"]
        running = sum(run["status"] not in _FINAL for run in runs)
        return self._page(
            "overview.html",
            "/",
            "Overview",
            refresh=LIVE_SECONDS * 2 if running else 30,
            projects=projects,
            runs=runs,
            running=running,
            waiting=self._api.get("approvals")["approvals"],
            total=_total(projects.values()),
        )

    def _pipelines(self, query: Mapping[str, str], _: str) -> str:
        return self._page("pipelines.html", "/pipelines", "Pipelines", **self._api.get("pipelines"))

    def _pipeline(self, query: Mapping[str, str], name: str) -> str:
        found = self._api.get("pipelines", name)
        releases = self._api.get("metrics", "dora", pipeline=name, days=90)
        return self._page(
            "pipeline.html",
            "/pipelines",
            name,
            name=name,
            pipeline={"description": "", **found["pipeline"]}
            | {"stages": [_stage(s) for s in found["pipeline"]["stages"]]},
            version=found["version"],
            applied_at=found["applied_at"],
            dora=releases["dora"],
            notes=releases["notes"],
            runs=self._api.get("runs", pipeline=name, limit=20)["runs"],
        )

    def _runs(self, query: Mapping[str, str], _: str) -> str:
        runs = self._api.get("runs", limit=50)["runs"]
        live = any(run["status"] not in _FINAL for run in runs)
        return self._page("runs.html", "/runs", "Runs", refresh=LIVE_SECONDS * 2 if live else None, runs=runs)

    def _run(self, query: Mapping[str, str], run_id: str) -> str:
        run = self._api.get("runs", run_id)["run"]
        fall = self._api.get("metrics", "runs", run_id, "waterfall")
        stretches = [
            charts.Stretch(
                f"{bar['stage']} {bar['name']}".strip(),
                bar["kind"],
                bar["from_seconds"],
                bar["seconds"],
                duration(bar["seconds"]),
            )
            for bar in fall["bars"]
        ]
        return self._page(
            "run.html",
            "/runs",
            f"Run {run_id[-8:]}",
            refresh=None if run["status"] in _FINAL else LIVE_SECONDS,
            run=run,
            stretches=stretches,
            waterfall=charts.waterfall(stretches),
            kinds=fall["by_kind"],
        )

    def _build(self, query: Mapping[str, str], build_id: str) -> str:
        one = {"number": None, "phases": [], "exported": {}} | self._api.get("builds", build_id)["build"]
        lines, note = self._log(one)
        return self._page(
            "build.html",
            "/projects",
            f"Build of {one['project']}",
            refresh=LIVE_SECONDS if one["status"] == "IN_PROGRESS" else None,
            one=one,
            log="\n".join(_ANSI.sub("", line.rstrip()) for line in lines),
            log_note=note,
        )

    def _log(self, one: Mapping[str, Any]) -> tuple[list[str], str]:
        stream = one.get("log_stream") or one["build_id"].rsplit(":", 1)[-1]
        group = one.get("log_group") or f"/aws/codebuild/{one['project']}"
        try:
            return self._logs(group, stream, limit=_LOG_LINES), "The log is empty."
        except Exception as error:  # noqa: BLE001 - whatever keeps the log away, the rest of the page is worth showing
            return [], f"The log cannot be read: {type(error).__name__}."

    def _approvals(self, query: Mapping[str, str], _: str) -> str:
        return self._page("approvals.html", "/approvals", "Approvals", refresh=30, **self._api.get("approvals"))

    def approval(self, query: Mapping[str, str], ref: str) -> str:
        """Return the page of one approval; ``query["said"]`` is what refused the last decision."""
        found = self._api.get("approvals", ref)
        values = {"one": found["approval"], "run": found["run"], "form": self._form, "me": self._me}
        return self._page("approval.html", "/approvals", "Approval", said=query.get("said", ""), **values)

    def _projects(self, query: Mapping[str, str], _: str) -> str:
        days = _days(query)
        found = self._api.get("metrics", "account", "overview", days=days)
        return self._page("projects.html", "/projects", "Projects", days=days, projects=found["projects"])

    def _project(self, query: Mapping[str, str], name: str) -> str:
        days = _days(query)
        report = self._api.get("metrics", "projects", name, "report", days=days)
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
            builds=self._api.get("metrics", "projects", name, "builds", days=days, limit=20)["builds"],
        )

    def _releases(self, query: Mapping[str, str], _: str) -> str:
        days = _days(query, default=90)
        found = self._api.get("metrics", "dora", days=days)
        daily = found["dora"]["daily"]
        chart = charts.bars(
            "Good deployments a day", _short(daily), [charts.Series("deployments", list(daily.values()))], _whole
        )
        return self._page(
            "dora.html", "/releases", "Releases", days=days, dora=found["dora"], notes=found["notes"], chart=chart
        )

    def _cost(self, query: Mapping[str, str], _: str) -> str:
        days = _days(query)
        account = self._api.get("metrics", "scopes", "accounts", "all", days=days)["by_day"]
        series = [charts.Series("cost", [day["cost_micro_usd"] for day in account])]
        return self._page(
            "cost.html",
            "/cost",
            "Cost",
            days=days,
            shares=self._api.get("metrics", "account", "attribution", days=days)["shares"],
            own=self._api.get("metrics", "account", "self-cost", days=days)["self_cost"],
            chart=charts.bars("Cost a day, all projects", _short(day["day"] for day in account), series, dollars),
        )

    def _find(self, query: Mapping[str, str], _: str) -> str:
        wanted = query.get("q", "").strip()
        if ":" in wanted:
            try:
                return self._build(query, wanted)
            except ApiError:
                pass
        low = wanted.lower()
        runs = [run for run in self._api.get("runs", limit=50)["runs"] if low and _names(run, low)]
        kinds = {
            "pipeline": [one["name"] for one in self._api.get("pipelines")["pipelines"]],
            "project": self._api.get("projects")["projects"],
        }
        names = [(kind, name) for kind, found in kinds.items() for name in found if low and low in name.lower()]
        return self._page("find.html", "", f"Find {wanted}", q=wanted, runs=runs, names=names)


def _names(run: Mapping[str, Any], low: str) -> bool:
    fields = (run["run_id"], run["commit"], run["ref"], run["pipeline"])
    return any(str(field).lower().startswith(low) for field in fields) or str(run["run_id"]).lower().endswith(low)


def _stage(stage: Mapping[str, Any]) -> dict[str, Any]:
    return {"approval": None, "builds": [], "gates": [], **stage}


def _days(query: Mapping[str, str], default: int = 30) -> int:
    text = query.get("days", "")
    return int(text) if text.isdecimal() and int(text) in _WINDOWS else default


def _total(summaries: Any) -> dict[str, Any]:
    rows = list(summaries)
    ok = sum(one["by_status"]["SUCCEEDED"] for one in rows)
    judged = sum(one["builds"] - one["by_status"]["STOPPED"] for one in rows)
    return {
        "builds": sum(one["builds"] for one in rows),
        "ratio": ok / judged if judged else None,
        "cost": sum(one["cost_micro_usd"] for one in rows),
        "unknown": sum(one["cost_unknown"] for one in rows),
    }


def _short(days: Any) -> list[str]:
    return [day[5:] for day in days]


def _whole(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _project_charts(days: list[dict[str, Any]]) -> list[charts.Chart]:
    labels = _short(day["day"] for day in days)

    def values(name: str) -> list[float | None]:
        return [day[name] for day in days]

    good = [day["by_status"]["SUCCEEDED"] for day in days]
    other = [day["builds"] - day["by_status"]["SUCCEEDED"] for day in days]
    return [
        charts.line(
            "Duration",
            labels,
            [charts.Series("p50", values("p50_seconds")), charts.Series("p95", values("p95_seconds"))],
            duration,
        ),
        charts.bars(
            "Builds", labels, [charts.Series("succeeded", good), charts.Series("not succeeded", other)], _whole
        ),
        charts.bars("Cost", labels, [charts.Series("cost", values("cost_micro_usd"))], dollars),
        charts.line("Success", labels, [charts.Series("success", values("success_ratio"))], percent),
        charts.line("Time in the queue", labels, [charts.Series("p95", values("queue_p95_seconds"))], duration),
        charts.line("Cache hits", labels, [charts.Series("hits", values("cache_hit_ratio"))], percent),
    ]
