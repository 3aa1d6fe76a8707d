"""Answers about a selection of builds as plain JSON that explains itself: one method a view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, cast

from buildgate.domain.builds import Build, BuildHead
from buildgate.domain.errors import BuildgateError, Rejected
from buildgate.domain.metrics import posture as postures
from buildgate.domain.metrics.advice import Advice, advise
from buildgate.domain.metrics.machines import machine_advice
from buildgate.domain.metrics.rollups import DayTotals, Scope
from buildgate.domain.metrics.summary import summarise
from buildgate.domain.metrics.test_cases import CaseState, TestCase, figures
from buildgate.domain.metrics.windows import Window
from buildgate.domain.times import to_text
from buildgate.runtime.build_wiring import price_table
from buildgate.runtime.test_wiring import TestWiring
from buildgate.runtime.wiring import Wiring
from buildgate.usecases.selection import Part, Selection
from buildgate.web import views
from buildgate.web.http import Request
from buildgate.web.plain import plain

_PAGE = 200
_TESTED_BUILDS = 24
_CASE_BUILDS = 100
_REPORTED_BUILDS = 12
"""Each takes a call: a report of a thousand builds is to take a fiftieth of the calls of asking for each."""
_CASES = 200
View = Callable[[Selection, Request], Mapping[str, Any]]


class MetricViews:
    """What can be asked of a project, a pipeline, a team, a cost centre or the account."""

    def __init__(self, wiring: Wiring, tests: TestWiring | None = None) -> None:
        self._w = wiring
        self._tests = tests
        self.by_name: Mapping[str, View] = {
            "summary": lambda asked, _: self.summary(asked),
            "trend": lambda asked, _: {"trends": plain(asked.trends), "change_points": plain(asked.changes)},
            "cost": lambda asked, _: {"cost": plain(asked.spending(self._w.clock))},
            "cache": lambda asked, _: {"cache": plain(asked.cache)},
            "failures": lambda asked, _: {"failures": plain(asked.failures)},
            "recommend": lambda asked, _: {"recommendations": self._advice(asked)},
            "posture": lambda asked, _: {"posture": self.posture(asked.projects, asked.window)},
            "tests": lambda asked, request: {"tests": self._tested(asked, request.query.get("case", ""))},
            "builds": self._builds,
            "report": lambda asked, _: self._report(asked),
        }

    def summary(self, asked: Selection) -> dict[str, Any]:
        score = asked.score  # first, for it reads the days before together with the window's
        by_day = [_day(day) for day in asked.days]
        return {"summary": plain(asked.summary), "score_v2": plain(score), "by_day": by_day}

    def _report(self, asked: Selection) -> dict[str, Any]:
        """Return everything that is known of a selection in one document."""
        parts = ("trend", "cost", "cache", "failures", "recommend", "posture")
        found = self.summary(asked)
        for name in parts:
            found |= self.by_name[name](asked, _NO_REQUEST)
        tests = self._test_cases(asked, "", most=_REPORTED_BUILDS)
        found["tests"] = tests | {"cases": tests["cases"][:_CASES]}
        return found | {"builds_looked_at": len(asked.heads), "builds_limit": asked.most}

    def _builds(self, asked: Selection, request: Request) -> Mapping[str, Any]:
        """Return a page of the window's builds, newest first; ``after`` continues behind a place in the list."""
        page, following = asked.page(request.query.get("after", ""), number(request, "limit", _PAGE, 1000))
        return {"builds": [listed(head) for head in page], "next": following}

    def _tested(self, asked: Selection, case: str) -> dict[str, Any]:
        return self._test_cases(asked, case, most=_CASE_BUILDS if case else _TESTED_BUILDS)

    def _test_cases(self, asked: Selection, case: str, *, most: int) -> dict[str, Any]:
        """Return cases that ever failed, and the figures of all cases in the newest builds whose cases are kept.

        Of one ``case`` every turn between good and bad too, and each of its runs in more of the window's builds.
        """
        if self._tests is None:
            return {"states": [], "cases": [], "builds": [], "explanation": "not enough data: no report bucket is set"}
        kept = self._kept_cases(asked, case, most)
        found = figures([cases for _, cases in kept])
        by_rate = {one.name for one in found if one.is_flaky}
        known = [(name, one) for name in asked.projects for one in self._tests.states.states(name).values()]
        known = [(name, one) for name, one in known if case in {"", one.name}]
        known.sort(key=lambda pair: (-pair[1].flaky, -pair[1].failures, pair[1].name))
        told = f"from the newest {len(kept)} builds whose test reports were read; states are kept for ever"
        whole = {
            "states": [_state(name, one, is_by_rate=one.name in by_rate) for name, one in known],
            "cases": plain(found),
            "builds": [head.build_id for head, _ in kept],
            "explanation": told if kept else "not enough data: no build of the window has a test report that was read",
        }
        return whole | (self._history(asked, case, kept) if case else {})

    def _kept_cases(self, asked: Selection, case: str, most: int) -> list[tuple[BuildHead, Sequence[TestCase]]]:
        """Return those of the newest builds whose cases are kept, oldest first; of one case only its own runs."""
        tests = cast("TestWiring", self._tests)
        newest = [head for head in asked.heads if head.phase_seconds][:most]
        loaded = [(head, tests.files.load(head.build_id)) for head in reversed(newest)]
        if case:
            loaded = [(head, [one for one in cases if one.name == case]) for head, cases in loaded]
        return [(head, cases) for head, cases in loaded if cases]

    def _history(
        self, asked: Selection, case: str, kept: Sequence[tuple[BuildHead, Sequence[TestCase]]]
    ) -> dict[str, Any]:
        tests = cast("TestWiring", self._tests)
        turns = [one for name in asked.projects for one in tests.states.changes(name, case)]
        runs = [
            {
                "build_id": head.build_id,
                "at": to_text(head.ended_at or head.started_at),
                "commit": head.commit,
                "status": one.status,
                "seconds": one.seconds,
                "message": one.message,
            }
            for head, cases in kept
            for one in cases
        ]
        return {"changes": plain(sorted(turns, key=lambda one: one.at)), "runs": runs}

    def _advice(self, asked: Selection) -> list[Any]:
        """Return the advice that each project's builds bear, the dearest first."""
        found = []
        for project in asked.projects:
            scope = Scope("PROJECT", project)
            is_it = asked.scope == scope
            one = (
                asked
                if is_it
                else self._w.analyse_builds.select(scope, asked.window, asked.part_of_projects, asked.most)
            )
            advice = (*advise(one.evidence(self._w.clock)), *self._machines(one))
            found += [plain(each) | {"project": project} for each in advice]
        return sorted(found, key=lambda advice: -(advice["saving_micro_usd"] or 0))

    def _machines(self, asked: Selection) -> Sequence[Advice]:
        """Return advice about the compute type; what builds used is left out where CloudWatch does not say."""
        if not asked.heads:
            return ()
        try:
            used = self._w.utilisation.of(asked.name, asked.window.first, min(asked.window.last, self._w.clock.now()))
        except BuildgateError:
            used = None
        return machine_advice(asked.name, asked.heads, days=len(asked.days), used=used, prices=price_table())

    def posture(self, names: Sequence[str], window: Window) -> list[Any]:
        """Return how each project stands now, with its role as it was looked at last, and its score day by day."""
        found = []
        for settings in self._w.projects.settings(names):
            days = self._w.postures.days(settings.name, window.days)
            looked = next((day.role for day in reversed(days) if day.role), None)
            judged = postures.judge_project(replace(settings, role=looked))
            history = [{"day": day.day, "score": day.score} for day in days]
            shown = {**plain(judged), "by_severity": postures.by_severity(judged.findings), "history": history}
            found.append(shown)
        return found


_NO_REQUEST = Request("GET", "", "", {}, {}, b"", "", "")


def _state(project: str, one: CaseState, *, is_by_rate: bool) -> dict[str, Any]:
    """Return a case's state with why it is called flaky: ``commit``, ``rate``, or empty."""
    why = "commit" if one.is_flaky else "rate" if is_by_rate else ""
    is_bad = one.status != "SUCCEEDED"
    return {**plain(one), "project": project, "is_flaky": bool(why), "flaky_by": why, "is_bad": is_bad}


def _day(day: DayTotals) -> dict[str, Any]:
    return {"day": day.day, **(_EMPTY_DAY if day.is_empty else plain(summarise([day], window_days=1)))}


_EMPTY_DAY: Mapping[str, Any] = plain(summarise([DayTotals("")], window_days=1))


def part_of(query: Mapping[str, str]) -> Part:
    """Return the part of a scope that a query names."""
    return Part(*(query.get(one.name, "") for one in fields(Part)))


def selected(asked: Selection) -> dict[str, Any]:
    """Return what an answer is about: whose builds, which part of them, when, and whether all were looked at."""
    part = {name: value for name, value in plain(asked.part).items() if value}
    found = {"scope": {"kind": asked.scope.kind.lower(), "name": asked.name}, "part": part}
    return window_data(asked.name, asked.window) | found | {"is_cut": asked.is_cut}


def listed(head: Any) -> dict[str, Any]:
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


def under_way(build: Build) -> dict[str, Any]:
    """Return what is known of a build that runs, before its detail is stored: its phases so far and where it logs."""
    phases = [{"name": one.name, "status": one.status, "seconds": one.duration_seconds} for one in build.phases]
    return {
        "number": build.number,
        "phases": [{name: value for name, value in one.items() if value is not None} for one in phases],
        "log_group": build.log_group,
        "log_stream": build.log_stream,
    }


def window_data(name: str, window: Window) -> dict[str, Any]:
    shown = {"from": to_text(window.first), "to": to_text(window.last), "days": len(window.days)}
    return {"project": name, "window": shown | {"is_whole_days": window.is_whole}}


def number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise Rejected(f"{name} must be a whole number from 1 to {most}, not {text!r}", field=name)
    return int(text)
