"""The metrics part of the operators' API: one window, many questions, every answer plain JSON that explains itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.metrics.own_cost import own_cost
from buildgate.domain.metrics.rollups import Scope
from buildgate.domain.metrics.waterfall import by_kind
from buildgate.domain.metrics.windows import DEFAULT_DAYS, MOST_DAYS, Window
from buildgate.runtime.test_wiring import TestWiring
from buildgate.runtime.wiring import Wiring
from buildgate.usecases.analyse_releases import Releases
from buildgate.usecases.look_at_builds import with_phases
from buildgate.usecases.selection import MOST_BUILDS, Part, Selection
from buildgate.web.http import Request
from buildgate.web.metric_views import MetricViews, listed, number, part_of, selected, under_way, window_data
from buildgate.web.metrics_routes import MOST_LOOKED_AT
from buildgate.web.operations import MOST_OF_NAME
from buildgate.web.plain import plain

Route = Callable[[Request, Mapping[str, str]], Mapping[str, Any]]
_SCOPES = {"pipelines": "PIPELINE", "teams": "TEAM", "cost-centres": "COST", "accounts": "ACCOUNT"}


def _scope_of(parameters: Mapping[str, str]) -> Scope:
    """Return the wider scope that a path names.

    Raises:
        NotFound: There is no such kind of scope, or none can have the name.
    """
    kind = _SCOPES.get(parameters["kind"])
    if kind is None:
        raise NotFound(f"there is no kind {parameters['kind']}", field="kind", fix=", ".join(_SCOPES))
    if len(parameters["name"]) > MOST_OF_NAME:
        raise NotFound("nothing has a name so long", field="name")
    return Scope(kind, parameters["name"])


class MetricsApi:
    """Routes under ``/v1/metrics``; a window is ``days=N`` (whole UTC days, today included) or ``from`` and ``to``."""

    def __init__(self, wiring: Wiring, tests: TestWiring | None = None) -> None:
        self._w = wiring
        self._views = MetricViews(wiring, tests)

    def routes(self) -> Sequence[tuple[str, str, Route]]:
        return (
            ("GET", "/v1/metrics/projects/{project}", self._classic),
            ("GET", "/v1/metrics/projects/{project}/verify", self._verify),
            ("GET", "/v1/metrics/scopes/{kind}/{name}/verify", self._verify_scope),
            ("POST", "/v1/metrics/projects/{project}/backfill", self._backfill),
            ("GET", "/v1/metrics/projects/{project}/{view}", self._project),
            ("GET", "/v1/metrics/dora", self._dora),
            ("GET", "/v1/metrics/runs/{id}/waterfall", self._waterfall),
            ("GET", "/v1/metrics/scopes/{kind}/{name}", self._scope),
            ("GET", "/v1/metrics/scopes/{kind}/{name}/{view}", self._scope),
            ("GET", "/v1/metrics/account/{view}", self._account),
            ("GET", "/v1/builds/{id}", self._build),
        )

    def _window(self, request: Request, *, default: int = DEFAULT_DAYS) -> Window:
        now, query = self._w.clock.now(), request.query
        if query.get("from"):
            return Window.between(query["from"], query.get("to", ""), now=now)
        return Window.last_days(now, number(request, "days", default, MOST_DAYS))

    def _known(self, project: str) -> str:
        if not self._w.records.is_known(project):
            raise NotFound(f"no build of project {project} was recorded", field="project", fix="buildgate metrics list")
        return project

    def _asked(self, request: Request, scope: Scope) -> Selection:
        most = number(request, "most", MOST_BUILDS, MOST_LOOKED_AT)
        return self._w.analyse_builds.select(scope, self._window(request), part_of(request.query), most)

    def _classic(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        found = self._viewed(request, Scope("PROJECT", parameters["project"]), "summary")
        recent = [listed(head) for head in self._w.records.recent(parameters["project"], limit=10)]
        return {**found, "builds": recent}

    def _project(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        return self._viewed(request, Scope("PROJECT", parameters["project"]), parameters["view"])

    def _scope(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """Answer for a pipeline, a team, a cost centre or the account; without a view it is the summary."""
        return self._viewed(request, _scope_of(parameters), parameters.get("view", "summary"))

    def _viewed(self, request: Request, scope: Scope, name: str) -> Mapping[str, Any]:
        view = self._views.by_name.get(name)
        if view is None:
            raise NotFound(f"there is no view {name}", field="view", fix=", ".join(self._views.by_name))
        asked = self._asked(request, scope)
        found = dict(view(asked, request))
        if scope.kind == "PROJECT" and not asked.has_shown_builds:
            self._known(scope.name)
        return selected(asked) | found

    def _verify(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        return self._verified(request, Scope("PROJECT", self._known(parameters["project"])))

    def _verify_scope(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        return self._verified(request, _scope_of(parameters))

    def _verified(self, request: Request, scope: Scope) -> Mapping[str, Any]:
        days = number(request, "days", DEFAULT_DAYS, MOST_DAYS)
        skip = int(request.query.get("skip", "0")) if request.query.get("skip", "0").isdecimal() else 0
        verified = self._w.verify_totals(scope, days=days, skip=skip)
        whose = {"kind": scope.kind.lower(), "name": scope.name}
        return {"project": scope.name, "scope": whose} | dict(plain(verified))

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
        """Return the five metrics; with ``lead_time=parts`` also where the lead time went, which reads run by run."""
        query, releases = request.query, self._w.analyse_releases
        window = self._window(request, default=90)
        pipeline = query.get("pipeline", "")
        measured, notes = releases.dora(
            window,
            Releases(
                pipeline,
                query.get("team", ""),
                query.get("cost_centre", ""),
                query.get("stage", ""),
                query.get("compute", ""),
            ),
        )
        found = window_data(pipeline, window) | {"pipeline": pipeline, "dora": plain(measured), "notes": notes}
        parts = {"lead_time": plain(releases.lead_time(measured))} if query.get("lead_time") == "parts" else {}
        return found | parts

    def _waterfall(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        bars = self._w.analyse_releases.waterfall(parameters["id"])
        return {"run_id": parameters["id"], "bars": plain(bars), "by_kind": by_kind(bars)}

    def _account(self, request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        views_: Mapping[str, Callable[[Window], Mapping[str, Any]]] = {
            "overview": lambda window: {"projects": plain(self._w.analyse_builds.overview(window))},
            "attribution": lambda window: {"shares": plain(self._w.analyse_builds.attribution(window))},
            "benchmarks": lambda window: self._benchmarks(window, part_of(request.query)),
            "quarantine": lambda _: {
                "quarantine": [
                    plain(one) | {"at": at} for one, at in self._w.totals.quarantined(request.query.get("project", ""))
                ]
            },
            "posture": lambda window: {"posture": self._views.posture(self._w.records.projects(), window)},
            "self-cost": self._self_cost,
        }
        view = views_.get(parameters["view"])
        if view is None:
            raise NotFound(f"there is no view {parameters['view']}", field="view", fix=", ".join(views_))
        window = self._window(request)
        return window_data("", window) | dict(view(window))

    def _benchmarks(self, window: Window, part: Part) -> Mapping[str, Any]:
        found, explanation = self._w.analyse_builds.benchmarks(window, part)
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
        if build := self._w.look_at_builds.running([head]).get(build_id):
            head, detail = with_phases(head, build), {**detail, **under_way(build)}
        return {"build": listed(head) | {"phase_seconds": dict(head.phase_seconds), "batch": head.batch} | detail}
