"""What each page asks the API for, and how it is shown: the overview, pipelines, runs, builds, approvals, finding."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import unquote

from buildgate_cli import run_tree
from buildgate_cli.api_client import ApiError
from buildgate_cli.console import marks, run_rows
from buildgate_cli.console.metric_pages import MetricPages
from buildgate_cli.console.render import Page, logged, page
from buildgate_cli.human import elapsed

LIVE_SECONDS: Final = 3
IDLE_SECONDS: Final = 30
_FINAL: Final = {"SUCCEEDED", "FAILED", "REJECTED", "EXPIRED", "STOPPED", "TIMED_OUT", "SUPERSEDED"}
_GOOD: Final = {"SUCCEEDED", "SUPERSEDED", "STOPPED"}
_LIVE: Final = {"QUEUED", "RUNNING"}
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_HEX: Final = re.compile(r"[0-9a-f]{4,40}")
_RETRIED: Final = {"FAILED", "TIMED_OUT", "STOPPED", "REJECTED", "EXPIRED"}
_LOG_LINES: Final = 2_000
_STILL: ContextVar[bool] = ContextVar("still", default=False)
"""Whether the request that is being answered asked for a page that does not refresh itself."""


class Api(Protocol):
    """The operator's API, reading."""

    def get(self, *path: str, **query: str | int | None) -> Any: ...
    def every(self, *path: str, **query: str | int | None) -> list[Any]: ...


class Logs(Protocol):
    """Reads the end of a build's log."""

    def __call__(self, group: str, stream: str, *, limit: int) -> list[str]: ...


Route = Callable[[Mapping[str, str], str], Page]


class Pages:
    """Pages by path. ``me`` is who decides; ``form`` proves that a decision comes from one of these pages."""

    def __init__(
        self,
        api: Api,
        logs: Logs,
        *,
        cloud: str,
        me: str,
        form: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._api = api
        self._logs = logs
        self._cloud = cloud
        self._me = me
        self._form = form
        self._clock = clock
        metrics = MetricPages(api, self._page)
        self._routes: tuple[tuple[re.Pattern[str], Route], ...] = tuple(
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
                (r"/find", self._find),
                *metrics.routes(),
            )
        )

    def find(self, path: str, query: Mapping[str, str]) -> Page | None:
        """Return the page at a path, or None when there is none; with ``still`` in the query it stays as it is.

        Raises:
            ApiError: The API refused, or does not answer.
        """
        for pattern, route in self._routes:
            found = pattern.fullmatch(path)
            if found:
                _STILL.set(bool(query.get("still")))
                return route(query, unquote(found[1]) if found.groups() else "")
        return None

    def message(self, title: str, said: str) -> Page:
        return self._page("message.html", "", title, said=said)

    def _page(self, template: str, here: str, title: str, **values: Any) -> Page:
        still = _STILL.get()
        return page(template, cloud=self._cloud, here=here, title=title, now=self._clock(), is_still=still, **values)

    def _took(self, run: Mapping[str, Any]) -> float:
        return elapsed(run["started_at"], run["finished_at"], self._clock()) or 0.0

    def _strip(self, runs: list[dict[str, Any]]) -> str:
        return marks.strip(marks.beats(runs, self._took))

    def _overview(self, query: Mapping[str, str], _: str) -> Page:
        waiting = self._api.every("approvals")
        runs = _marked(self._api.get("runs", limit=50)["runs"], waiting)
        account = self._api.get("metrics", "scopes", "accounts", "all", days=7)
        projects = self._api.get("metrics", "account", "overview", days=7)["projects"]
        cards = [self._card(one, runs) for one in self._api.every("pipelines")]
        live = [run for run in runs if run["status"] in _LIVE]
        broken = [card for card in cards if card["settled"] and card["settled"]["status"] not in _GOOD]
        return self._page(
            "overview.html",
            "/",
            "Overview",
            refresh=LIVE_SECONDS * 2 if live else IDLE_SECONDS,
            state="FAILED" if broken else "RUNNING" if live else "SUCCEEDED",
            badge=len(waiting),
            projects=projects,
            runs=runs[:8],
            running=len(live),
            waiting=waiting,
            broken=broken,
            cards=cards,
            total=_total(projects.values()),
            sparks=_sparks(account["by_day"]),
        )

    def _card(self, one: Mapping[str, Any], runs: list[dict[str, Any]]) -> dict[str, Any]:
        """Return a pipeline with the runs of it that are at hand, the newest first."""
        own = [run for run in runs if run["pipeline"] == one["name"]]
        settled = next((run for run in own if run["status"] in _FINAL), None)
        return {**one, "newest": own[0] if own else None, "settled": settled, "strip": self._strip(own)}

    def _pipelines(self, query: Mapping[str, str], _: str) -> Page:
        runs = _marked(self._api.get("runs", limit=50)["runs"], self._api.every("approvals"))
        cards = [self._card(one, runs) for one in self._api.every("pipelines")]
        live = any(run["status"] in _LIVE for run in runs)
        return self._page(
            "pipelines.html",
            "/pipelines",
            "Pipelines",
            cards=cards,
            refresh=LIVE_SECONDS * 2 if live else IDLE_SECONDS,
        )

    def _pipeline(self, query: Mapping[str, str], name: str) -> Page:
        found = self._api.get("pipelines", name)
        releases = self._api.get("metrics", "dora", pipeline=name, days=90)
        runs = _marked(
            self._api.get("runs", pipeline=name, limit=20)["runs"], self._api.every("approvals", pipeline=name)
        )
        live = any(run["status"] in _LIVE for run in runs)
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
            runs=runs,
            strip=self._strip(runs),
            state=runs[0]["status"] if runs else "",
            refresh=LIVE_SECONDS * 2 if live else None,
        )

    def _runs(self, query: Mapping[str, str], _: str) -> Page:
        asked = {name: query[name] for name in ("pipeline", "status", "ref", "commit", "next") if query.get(name)}
        found = self._api.get("runs", limit=50, **asked)
        runs = _marked(found["runs"], self._api.every("approvals"))
        live = any(run["status"] in _LIVE for run in runs)
        return self._page(
            "runs.html",
            "/runs",
            "Runs",
            refresh=LIVE_SECONDS * 2 if live and not asked else None,
            runs=runs,
            following=found.get("next"),
            asked=asked,
            statuses=["QUEUED", "RUNNING", *sorted(_FINAL)],
        )

    def _run(self, query: Mapping[str, str], run_id: str) -> Page:
        run = run_tree.as_ended(self._api.get("runs", run_id)["run"])
        fall = self._api.get("metrics", "runs", run_id, "waterfall")
        lasted = max((bar["from_seconds"] + bar["seconds"] for bar in fall["bars"]), default=1.0)
        return self._page(
            "run.html",
            "/runs",
            f"{run['pipeline']} {run['ref']}",
            refresh=None if run["status"] in _FINAL else LIVE_SECONDS,
            state=run["status"],
            run=run,
            stages=run_rows.stages(run, self._clock()),
            said=run_rows.said(run),
            failed_stage=next((one["name"] for one in run["stages"] if one["status"] in _RETRIED), ""),
            cost=run_tree.cost(run),
            total=max(1.0, self._took(run), lasted),
            stretches=run_rows.groups(fall["bars"]),
            kinds=fall["by_kind"],
        )

    def _build(self, query: Mapping[str, str], build_id: str) -> Page:
        one = {"number": None, "phases": [], "exported": {}} | self._api.get("builds", build_id)["build"]
        lines, note = self._log(one)
        log, is_cut = logged([_ANSI.sub("", line.rstrip()) for line in lines])
        phases, total = run_rows.phases(one, self._clock())
        return self._page(
            "build.html",
            "/projects",
            f"Build of {one['project']}",
            refresh=LIVE_SECONDS if one["status"] == "IN_PROGRESS" else None,
            state=one["status"],
            one=one,
            phases=phases,
            total=total,
            log=log,
            is_cut=is_cut or len(lines) >= _LOG_LINES,
            log_note=note,
        )

    def _log(self, one: Mapping[str, Any]) -> tuple[list[str], str]:
        stream = one.get("log_stream") or one["build_id"].rsplit(":", 1)[-1]
        group = one.get("log_group") or f"/aws/codebuild/{one['project']}"
        try:
            return self._logs(group, stream, limit=_LOG_LINES), "The log is empty."
        except Exception as error:  # noqa: BLE001 - whatever keeps the log away, the rest of the page is worth showing
            return [], f"The log cannot be read: {type(error).__name__}."

    def _approvals(self, query: Mapping[str, str], _: str) -> Page:
        waiting = self._api.every("approvals")
        return self._page(
            "approvals.html", "/approvals", "Approvals", refresh=IDLE_SECONDS, approvals=waiting, badge=len(waiting)
        )

    def approval(self, query: Mapping[str, str], ref: str) -> Page:
        """Return the page of one approval; ``query["said"]`` is what refused the last decision."""
        found = self._api.get("approvals", ref)
        values = {"one": found["approval"], "run": found["run"], "form": self._form, "me": self._me}
        return self._page("approval.html", "/approvals", "Approval", said=query.get("said", ""), **values)

    def _find(self, query: Mapping[str, str], _: str) -> Page:
        wanted = query.get("q", "").strip()
        if ":" in wanted:
            try:
                return self._build(query, wanted)
            except ApiError:
                pass
        low = wanted.lower()
        kinds = {
            "pipeline": [one["name"] for one in self._api.every("pipelines")],
            "project": self._api.every("projects"),
        }
        names = [(kind, name) for kind, found in kinds.items() for name in found if low and low in name.lower()]
        builds = self._builds_like(low, kinds["project"]) if low else []
        runs = self._runs_like(wanted) if low else []
        only = [f"/{kind}s/{name}" for kind, name in names]
        only += [f"/runs/{run['run_id']}" for run in runs] + [f"/builds/{one['build_id']}" for one in builds]
        page = self.find(only[0], query) if len(only) == 1 else None  # what else could be meant?
        return page or self._page("find.html", "", f"Find {wanted}", q=wanted, runs=runs, names=names, builds=builds)

    def _runs_like(self, wanted: str) -> list[dict[str, Any]]:
        """Return runs whose id begins or ends so, whose commit begins so, or of a branch or pipeline of that name."""
        asked: list[dict[str, str]] = [{"id": wanted}, {"ref": wanted}]
        if _HEX.fullmatch(wanted.lower()):
            asked.append({"commit": wanted.lower()})
        found = {run["run_id"]: run for one in asked for run in self._api.get("runs", limit=20, **one)["runs"]}
        newest = self._api.get("runs", limit=50)["runs"]
        found |= {run["run_id"]: run for run in newest if _begins(run, wanted.lower())}
        return sorted(found.values(), key=lambda run: str(run["started_at"]), reverse=True)

    def _builds_like(self, low: str, projects: list[str]) -> list[dict[str, Any]]:
        """Return recent builds by ``project:beginning-of-id``, or by the beginning of an id alone."""
        project, sign, start = low.rpartition(":")
        if not _HEX.fullmatch(start.split("-", maxsplit=1)[0]):
            return []
        among = [name for name in projects if not sign or name.lower() == project]
        found: list[dict[str, Any]] = []
        for name in among:
            recent = self._api.get("metrics", "projects", name, "builds", days=7, limit=200)["builds"]
            found += [one for one in recent if one["build_id"].rsplit(":", 1)[-1].startswith(start)]
        return found


def _marked(runs: list[dict[str, Any]], waiting: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the runs, those that wait for a person marked so: nothing happens in them until somebody decides."""
    held = {one["run_id"] for one in waiting}
    return [{**run, "status": "WAITING"} if run["run_id"] in held else run for run in runs]


def _begins(run: Mapping[str, Any], low: str) -> bool:
    return any(str(run[name]).lower().startswith(low) for name in ("ref", "pipeline", "commit"))


def _stage(stage: Mapping[str, Any]) -> dict[str, Any]:
    return {"approval": None, "builds": [], "gates": [], **stage}


def _sparks(days: list[dict[str, Any]]) -> dict[str, str]:
    """Return the lines beside the overview's numbers; the numbers themselves are exact, the lines a few minutes old."""
    columns = {"builds": "builds", "success": "success_ratio", "cost": "cost_micro_usd", "p95": "p95_seconds"}
    return {name: marks.spark([day[column] for day in days]) for name, column in columns.items()}


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
