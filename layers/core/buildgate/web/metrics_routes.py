"""The routing table of the metrics: each view a route of its own, with what it takes and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from buildgate.domain.metrics.windows import DEFAULT_DAYS, MOST_DAYS
from buildgate.usecases.selection import MOST_BUILDS
from buildgate.web.bodies import Backfill
from buildgate.web.http import Request
from buildgate.web.operations import NEXT, Count, Operation, Parameter, Route, Text, limit
from buildgate.web.paging import Pager

_DAYS: Final = Count("days", "So many whole UTC days, today included.", DEFAULT_DAYS, MOST_DAYS)
_FROM: Final = Text("from", "Where an exact window begins: an ISO date or moment. Takes the place of days.")
_TO: Final = Text("to", "Where an exact window ends; now when it is left out.")
_WINDOW: Final = (_DAYS, _FROM, _TO)
_PART: Final = (
    Text("branch", "Only builds of this branch or tag."),
    Text("compute", "Only builds on this compute type."),
    Text("stage", "Only builds of stages of this name."),
    Text("pipeline", "Only builds of this pipeline."),
)
MOST_LOOKED_AT: Final = 50_000
_MOST: Final = Count(
    "most",
    "What is made of single builds looks at so many of the newest; totals leave none out.",
    MOST_BUILDS,
    MOST_LOOKED_AT,
)
_OF_BUILDS: Final = (
    Text("cost_centre", "Only builds of this cost centre."),
    Text("stage", "Only builds of stages of this name."),
    Text("compute", "Only builds on this compute type."),
)
_ASKED: Final = (*_WINDOW, *_PART, _MOST)
_BUILDS: Final = limit(200, 1000)
_ROWS: Final = limit(500, 1000)
_OF_PROJECT: Final = Text("project", "Only builds of this project.")
_CASES: Final = limit(200, 1000)
_CASE: Final = Text("case", "All that is known of the test case of this name.")
_MORE: Final[Mapping[str, tuple[Parameter, ...]]] = {"builds": (_BUILDS, NEXT), "tests": (_CASE, _CASES, NEXT)}
_SKIP: Final = Count("skip", "So many days before today are left out.", 0, MOST_DAYS, least=0)
_DORA_DAYS: Final = Count("days", "So many whole UTC days, today included.", 90, MOST_DAYS)
_RELEASES: Final = (
    Text("pipeline", "Of this pipeline; of all when it is left out."),
    Text("team", "Only of pipelines with this tag team."),
    Text("cost_centre", "Only of pipelines with this tag cost-centre."),
    Text("stage", "Releases are what the stage of this name does."),
    Text("compute", "Only releases with a build on this compute type: asks for each run."),
    Text("lead_time", "Whether to say where the lead time went too: reads run by run.", choices=("parts",)),
)

_PROJECT: Final = "/v1/metrics/projects/{project}"
_SCOPE: Final = "/v1/metrics/scopes/{kind}/{name}"
_ACCOUNT: Final = "/v1/metrics/account/{view}"
_VIEWS: Final[Mapping[str, tuple[str, str]]] = {
    "summary": ("Counts, durations, cost and score", "SummaryAnswer"),
    "trend": ("Daily series, slopes and change points", "TrendAnswer"),
    "cost": ("Cost by phase, status, branch and compute type", "CostAnswer"),
    "cache": ("Cache results and what they save", "CacheAnswer"),
    "failures": ("Failures by fingerprint", "FailuresAnswer"),
    "recommend": ("Recommendations with evidence, saving and undo", "RecommendAnswer"),
    "posture": ("Security posture", "PostureAnswer"),
    "tests": ("Test cases that fail, flake or are slow", "TestsAnswer"),
    "builds": ("Builds, newest first,", "BuildsAnswer"),
    "report": ("Everything in one document", "ReportAnswer"),
}
_OF_ACCOUNT: Final[Mapping[str, tuple[str, str]]] = {
    "overview": ("Show every project's summary.", "OverviewAnswer"),
    "attribution": ("Show what projects, teams and cost centres used.", "AttributionAnswer"),
    "benchmarks": ("Show where teams stand among their peers.", "BenchmarksAnswer"),
    "quarantine": ("List builds whose description cannot be true.", "QuarantineAnswer"),
    "posture": ("Show how securely every project is set up.", "AccountPostureAnswer"),
    "self-cost": ("Show what Buildgate itself costs.", "SelfCostAnswer"),
}


_OF_ACCOUNT_TOO: Final[Mapping[str, tuple[Parameter, ...]]] = {
    "quarantine": (_OF_PROJECT, _ROWS, NEXT),
    "attribution": (_ROWS, NEXT),
    "benchmarks": _OF_BUILDS,
}


class _List(NamedTuple):
    """How a list is cut into pages: where it is in the answer, and what each row is ordered by."""

    member: str
    key: Callable[[Mapping[str, Any]], str]
    is_falling: bool = False


_DEAREST: Final = 10**15
"""More than any scope costs, in millionths of a dollar."""
_LISTS: Final[Mapping[str, _List]] = {
    "quarantine": _List("quarantine", lambda row: f"{row['at']}#{row['build_id']}", is_falling=True),
    "attribution": _List(
        "shares", lambda row: f"{row['kind']}#{_DEAREST - row['summary']['cost_micro_usd']:016d}#{row['name']}"
    ),
}


def operations(routes: Sequence[tuple[str, str, Route]], pager: Pager) -> Sequence[Operation]:
    """Return the routing table over the functions that answer.

    Args:
        routes: Method, path and function; a path with ``{view}`` or ``{kind}`` answers many.
        pager: Seals the places between pages.
    """
    does = {path: route for _, path, route in routes}
    plain = {
        _SCOPE: ("Counts, durations, cost and score of a scope.", _ASKED, "SummaryAnswer"),
        _PROJECT: ("Show a project's summary and newest builds.", _ASKED, "ClassicAnswer"),
        f"{_PROJECT}/verify": ("Count a project's days again.", (_DAYS, _SKIP), "VerifyAnswer"),
        f"{_SCOPE}/verify": ("Count a scope's days again.", (_DAYS, _SKIP), "VerifyAnswer"),
        "/v1/metrics/dora": (
            "Show the five DORA metrics.",
            (_DORA_DAYS, _FROM, _TO, *_RELEASES),
            "DoraAnswer",
        ),
        "/v1/metrics/runs/{id}/waterfall": ("Show where a run's time went.", (), "WaterfallAnswer"),
        "/v1/builds/{id}": ("Show a build.", (), "BuildAnswer"),
    }
    found = [
        Operation("GET", path, does[path], told, takes, fails=(404,), answers=answer)
        for path, (told, takes, answer) in plain.items()
    ]
    back = f"{_PROJECT}/backfill"
    told = "Record a page of a project's history."
    found.append(Operation("POST", back, does[back], told, body=Backfill, fails=(404,), answers="BackfillAnswer"))
    for name, (words, answer) in _VIEWS.items():
        found.append(_view(f"{_PROJECT}/{name}", does[f"{_PROJECT}/{{view}}"], f"{words} of a project.", answer, pager))
        found.append(_view(f"{_SCOPE}/{name}", does[f"{_SCOPE}/{{view}}"], f"{words} of a scope.", answer, pager))
    for name, (words, answer) in _OF_ACCOUNT.items():
        view = _fixed(does[_ACCOUNT], {"view": name})
        takes, shown = (*_WINDOW, *_OF_ACCOUNT_TOO.get(name, ())), view
        if name in _LISTS:
            shown = _rows(view, pager, name)
        found.append(Operation("GET", _ACCOUNT.replace("{view}", name), shown, words, takes, answers=answer))
    return found


def _view(path: str, route: Route, words: str, answer: str, pager: Pager) -> Operation:
    name = path.rsplit("/", 1)[-1]
    view = _fixed(route, {"view": name})
    is_list = name == "builds"
    takes = (*_ASKED, *_MORE.get(name, ()))
    does = _sealed(view, pager) if is_list else _ranked(view, pager) if name == "tests" else view
    return Operation("GET", path, does, words, takes, fails=(404,), answers=answer)


def _fixed(route: Route, known: Mapping[str, str]) -> Route:
    """Return the route with some of its path's parameters given."""
    return lambda request, parameters: route(request, {**parameters, **known})


def _sealed(route: Route, pager: Pager) -> Route:
    """Return the route of a list whose place is a build's id, with a sealed token between its pages."""

    def page(request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        place = pager.place(request)
        asked = replace(request, query={**request.query, **({"after": place} if place else {})})
        found = route(asked, parameters)
        return {**found, "next": pager.token(request, found["next"]) if found["next"] else None}

    return page


def _ranked(route: Route, pager: Pager) -> Route:
    """Return the route of test cases, page by page in the order of their rank: those that ever failed, and all figures."""

    def page(request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        start, most = int(pager.place(request) or "0"), _CASES.of(request)
        found = route(request, parameters)
        tests = found["tests"]
        cut = {name: tests[name][start : start + most] for name in ("states", "cases")}
        has_more = any(len(tests[name]) > start + most for name in cut)
        return {**found, "tests": tests | cut, "next": pager.token(request, str(start + most)) if has_more else None}

    return page


def _rows(route: Route, pager: Pager, name: str) -> Callable[[Request, Mapping[str, str]], Mapping[str, Any]]:
    """Return the route of a list of the account's, page by page in its own order."""
    rows = _LISTS[name]

    def page(request: Request, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        found = route(request, parameters)
        shown, following = pager.cut(
            request, found[rows.member], rows.key, limit=_ROWS.of(request), is_falling=rows.is_falling
        )
        return {**found, rows.member: list(shown), "next": following}

    return page
