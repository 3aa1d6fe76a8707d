"""The metrics part of the operators' API: one window, many questions, every answer plain JSON that explains itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.metrics import posture as postures
from buildgate.domain.metrics.own_cost import own_cost
from buildgate.domain.metrics.rollups import Scope
from buildgate.domain.metrics.summary import summarise
from buildgate.domain.metrics.test_cases import figures
from buildgate.domain.metrics.waterfall import by_kind
from buildgate.domain.metrics.windows import DEFAULT_DAYS, MOST_DAYS, Window
from buildgate.domain.times import to_text
from buildgate.runtime.test_wiring import TestWiring
from buildgate.runtime.wiring import Wiring
from buildgate.usecases.analyse_builds import MOST_BUILDS, Part, ProjectWindow
from buildgate.web import views
from buildgate.web.http import Request
from buildgate.web.plain import plain

Route = Callable[[Request, Mapping[str, str]], Mapping[str, Any]]
_View = Callable[[ProjectWindow, Request], Mapping[str, Any]]
_SCOPES = {"pipelines": "PIPELINE", "teams": "TEAM", "cost-centres": "COST", "accounts": "ACCOUNT"}
_PAGE = 200
_TESTED_BUILDS = 12
_CASES = 200


class MetricsApi:
    """Routes under ``/v1/metrics``; a window is ``days=N`` (whole UTC days, today included) or ``from`` and ``to``."""

    def __init__(self, wiring: Wiring, tests: TestWiring | None = None) -> None:
        self._w = wiring
        self._tests = tests
        self._views: Mapping[str, _View] = {
            "summary": lambda asked, _: self._summary(asked),
            "trend": lambda asked, _: {"trends": plain(asked.trends), "change_points": plain(asked.changes)},
            "cost": lambda asked, _: {"cost": plain(asked.spending(self._w.clock))},
            "cache": lambda asked, _: {"cache": plain(asked.cache)},
            "failures": lambda asked, _: {"failures": plain(asked.failures)},
            "recommend": lambda asked, _: {"recommendations": plain(asked.advice(self._w.clock))},
            "posture": lambda asked, _: {"posture": self._posture([asked.project])},
            "tests": lambda asked, _: {"tests": self._test_cases(asked)},
            "builds": self._builds,
            "report": lambda asked, _: self._report(asked),
        }

    def routes(self) -> Sequence[tuple[str, str, Route]]:
        return (
            ("GET", "/v1/metrics/projects/{project}", self._classic),
            ("GET", "/v1/metrics/projects/{project}/verify", self._verify),
            ("POST", "/v1/metrics/projects/{project}/backfill", self._backfill),
            ("GET", "/v1/metrics/projects/{project}/{view}", self._project),
            ("GET", "/v1/metrics/dora", self._dora),
            ("GET", "/v1/metrics/runs/{id}/waterfall", self._waterfall),
            ("GET", "/v1/metrics/scopes/{kind}/{name}", self._scope),
            ("GET", "/v1/metrics/account/{view}", self._account),
            ("GET", "/v1/builds/{id}", self._build),
        )

    def _window(self, request: Request) -> Window:
        now, query = self._w.clock.now(), request.query
        if query.get("from"):
            return Window.between(query["from"], query.get("to", ""), now=now)
        return Window.last_days(now, _number(request, "days", DEFAULT_DAYS, MOST_DAYS))

    def _asked(self, request: Request, project: str) -> ProjectWindow:
        if not self._w.records.is_known(project):
            raise NotFound(f"no build of project {project} was recorded", field="project", fix="buildgate metrics list")
        query = request.query
        part = Part(query.get("branch", ""), query.get("compute", ""), query.get("stage", ""))
        return self._w.analyse_builds.project(project, self._window(request), part)

    def _classic(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        asked = self._asked(request, parameters["project"])
        return self._summary(asked) | {"builds": self._recent(asked.project)}

    def _recent(self, project: str) -> list[dict[str, Any]]:
        return [_listed(head) for head in self._w.records.recent(project, limit=10)]

    def _project(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        view = self._views.get(parameters["view"])
        if view is None:
            raise NotFound(f"there is no view {parameters['view']}", field="view", fix=", ".join(self._views))
        asked = self._asked(request, parameters["project"])
        return _window_data(asked.project, asked.window) | dict(view(asked, request))

    def _summary(self, asked: ProjectWindow) -> dict[str, Any]:
        by_day = [{"day": day.day} | plain(summarise([day], window_days=1)) for day in asked.days]
        return _window_data(asked.project, asked.window) | {
            "summary": plain(asked.summary),
            "score_v2": plain(asked.score),
            "by_day": by_day,
        }

    def _report(self, asked: ProjectWindow) -> dict[str, Any]:
        """Return everything that is known of a project in one document."""
        parts = ("trend", "cost", "cache", "failures", "tests", "recommend", "posture")
        found = self._summary(asked)
        for name in parts:
            found |= self._views[name](asked, _NO_REQUEST)
        return found | {"builds_looked_at": len(asked.heads), "builds_limit": MOST_BUILDS}

    def _builds(self, asked: ProjectWindow, request: Request) -> Mapping[str, Any]:
        """Return a page of the window's builds, newest first; ``after`` continues behind a build id."""
        limit = _number(request, "limit", _PAGE, 1000)
        heads = list(asked.heads)
        after = request.query.get("after", "")
        start = next((index + 1 for index, head in enumerate(heads) if head.build_id == after), 0) if after else 0
        page = heads[start : start + limit]
        more = start + limit < len(heads)
        return {"builds": [_listed(head) for head in page], "next": page[-1].build_id if more and page else None}

    def _test_cases(self, asked: ProjectWindow) -> dict[str, Any]:
        """Return cases that ever failed, and the figures of all cases in the newest builds whose cases are kept."""
        if self._tests is None:
            return {"states": [], "cases": [], "builds": [], "explanation": "not enough data: no report bucket is set"}
        states = sorted(
            self._tests.states.states(asked.project).values(), key=lambda one: (-one.flaky, -one.failures, one.name)
        )
        newest = [head for head in asked.heads if head.phase_seconds][:_TESTED_BUILDS]
        loaded = [(head.build_id, self._tests.files.load(head.build_id)) for head in reversed(newest)]
        kept = [(build_id, cases) for build_id, cases in loaded if cases]
        told = f"from the newest {len(kept)} builds whose test reports were read; states are kept for ever"
        return {
            "states": [plain(one) | {"is_flaky": one.is_flaky, "is_bad": one.status != "SUCCEEDED"} for one in states],
            "cases": plain(figures([cases for _, cases in kept])[:_CASES]),
            "builds": [build_id for build_id, _ in kept],
            "explanation": told if kept else "not enough data: no build of the window has a test report that was read",
        }

    def _posture(self, names: Sequence[str]) -> list[Any]:
        found = [postures.judge_project(one) for one in self._w.projects.settings(names)]
        return [plain(one) | {"by_severity": postures.by_severity(one.findings)} for one in found]

    def _verify(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        self._asked(request, parameters["project"])
        days = _number(request, "days", DEFAULT_DAYS, MOST_DAYS)
        skip = int(request.query.get("skip", "0")) if request.query.get("skip", "0").isdecimal() else 0
        verified = self._w.verify_totals(parameters["project"], days=days, skip=skip)
        return {"project": parameters["project"]} | dict(plain(verified))

    def _backfill(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            body = request.json
        except ValueError as error:
            raise Rejected(f"the body is not JSON: {error}") from error
        days = body.get("days", DEFAULT_DAYS) if isinstance(body, dict) else None
        if not isinstance(days, int) or not 1 <= days <= MOST_DAYS:
            raise Rejected(f"days must be a whole number from 1 to {MOST_DAYS}", field="days")
        page = self._w.recall_builds(parameters["project"], days=days, token=str(body.get("token") or ""))
        return {"project": parameters["project"]} | dict(plain(page))

    def _dora(self, request: Request, _: Mapping[str, str]) -> Mapping[str, Any]:
        days = _number(request, "days", 90, MOST_DAYS)
        measured, notes = self._w.analyse_releases.dora(request.query.get("pipeline", ""), days=days)
        return {"pipeline": request.query.get("pipeline", ""), "dora": plain(measured), "notes": notes}

    def _waterfall(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        bars = self._w.analyse_releases.waterfall(parameters["id"])
        return {"run_id": parameters["id"], "bars": plain(bars), "by_kind": by_kind(bars)}

    def _scope(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        kind = _SCOPES.get(parameters["kind"])
        if kind is None:
            raise NotFound(f"there is no kind {parameters['kind']}", field="kind", fix=", ".join(_SCOPES))
        window = self._window(request)
        days = self._w.analyse_builds.scope(Scope(kind, parameters["name"]), window)
        by_day = [{"day": day.day} | plain(summarise([day], window_days=1)) for day in days]
        found = {"summary": plain(summarise(days, window_days=len(days))), "by_day": by_day}
        return _window_data(parameters["name"], window) | found

    def _account(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        views_: Mapping[str, Callable[[Window], Mapping[str, Any]]] = {
            "overview": lambda window: {"projects": plain(self._w.analyse_builds.overview(window))},
            "attribution": lambda window: {"shares": plain(self._w.analyse_builds.attribution(window))},
            "benchmarks": self._benchmarks,
            "quarantine": lambda _: {
                "quarantine": [plain(one) | {"at": at} for one, at in self._w.totals.quarantined()]
            },
            "posture": lambda _: {"posture": self._posture(self._w.records.projects())},
            "self-cost": self._self_cost,
        }
        view = views_.get(parameters["view"])
        if view is None:
            raise NotFound(f"there is no view {parameters['view']}", field="view", fix=", ".join(views_))
        window = self._window(request)
        return _window_data("", window) | dict(view(window))

    def _benchmarks(self, window: Window) -> Mapping[str, Any]:
        found, explanation = self._w.analyse_builds.benchmarks(window)
        return {"standings": plain(found), "explanation": explanation}

    def _self_cost(self, window: Window) -> Mapping[str, Any]:
        shares = [one for one in self._w.analyse_builds.attribution(window) if one.kind == "project"]
        runs = sum(
            run.opened_at >= window.first
            for head in self._w.pipelines.heads()
            for run in self._w.runs.recent(head.name, limit=1000)
        )
        data = json.loads(resources.files("buildgate.data").joinpath("platform_prices.json").read_bytes())
        cost = own_cost(
            days=len(window.days),
            builds=sum(one.summary.builds for one in shares),
            runs=runs,
            builds_micro_usd=sum(one.summary.cost_micro_usd for one in shares),
            prices=data["lines"],
            as_of=data["as_of"],
        )
        return {"self_cost": plain(cost)}

    def _build(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        build_id = parameters["id"]
        found = self._w.records.whole(build_id)
        if found is None:
            raise NotFound(f"there is no build {build_id}", field="build", fix="buildgate metrics builds PROJECT")
        head, detail = found
        return {"build": _listed(head) | {"phase_seconds": dict(head.phase_seconds), "batch": head.batch} | detail}


_NO_REQUEST = Request("GET", "", "", {}, {}, b"", "", "")


def _listed(head: Any) -> dict[str, Any]:
    """Return a build as lists show it, with what analyses read beside the columns."""
    return views.build(head) | {
        "status": head.status.value,
        "reason": head.reason,
        "branch": head.branch,
        "pipeline": head.pipeline,
        "run_id": head.slot.run_id if head.slot else None,
        "stage": head.stage,
        "compute_type": head.compute_type,
        "environment_type": head.environment_type,
        "image": head.image,
        "cache": plain(head.cache),
        "retry_of": head.retry_of,
        "team": head.owner.team,
        "cost_centre": head.owner.cost_centre,
    }


def _window_data(name: str, window: Window) -> dict[str, Any]:
    shown = {"from": to_text(window.first), "to": to_text(window.last), "days": len(window.days)}
    return {"project": name, "window": shown | {"is_whole_days": window.is_whole}}


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Rejected(f"{name} must be a whole number from 1 to {most}, not {text!r}", field=name)
    return int(text)
