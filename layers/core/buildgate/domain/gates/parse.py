"""Read a gate from plain data (a file, a pipeline's stage, the table), or say everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from buildgate.domain.errors import Corrupt
from buildgate.domain.gates.fields import Fields, GateFileError, Path, Problem
from buildgate.domain.gates.model import (
    AGGREGATES,
    COMPARE_WITH,
    INCLUDES,
    MODES,
    ON_ERROR,
    ON_MISSING,
    ON_NO_BASELINE,
    WHENS,
    BaselineRule,
    CompareWith,
    Control,
    ControlSet,
    Gate,
    Manual,
    Score,
    Waiver,
)
from buildgate.domain.gates.parse_objective import read_objectives
from buildgate.domain.gates.presets import expand
from buildgate.domain.gates.sources import read_sources
from buildgate.domain.gates.vocabulary import is_known, nearest

GATE_KEYS: Final = (
    "name", "preset", "title", "description", "owner", "mode", "blocking", "on_error", "on_missing", "on_no_baseline",
    "total_score", "baseline", "scores", "control_sets", "waivers", "reports", "sources", "objectives", "manual", "from_preset",
)  # fmt: skip
DAY_MINUTES: Final = 24 * 60


def parse(data: Any) -> Gate:
    """Return the gate that `data` describes, with its preset expanded.

    Args:
        data: A mapping as YAML or JSON gives it. Keys may be spelt with `-` or `_`.

    Raises:
        GateFileError: with every problem: its path, a sentence, and a fix where one is known.
    """
    problems: list[Problem] = []
    fields = Fields.of(data, (), problems, "a gate")
    preset = fields.text("preset")
    if preset and fields.data:
        fields = _with_preset(fields, preset)
    gate = _gate(fields, preset or fields.text("from_preset"), are_names_checked=True)
    fields.finish(GATE_KEYS)
    if problems:
        raise GateFileError(problems)
    return gate


def gate_from_data(data: Mapping[str, Any]) -> Gate:
    """Read what `gate_to_data` wrote. Names are not checked again: what was accepted once stays readable.

    Raises:
        Corrupt: the data is not a gate.
    """
    problems: list[Problem] = []
    fields = Fields.of(data, (), problems, "a gate")
    gate = _gate(fields, fields.text("from_preset"), are_names_checked=False)
    if problems:
        raise Corrupt(f"a stored gate cannot be read: {problems[0].place}: {problems[0].message}")
    return gate


def _with_preset(fields: Fields, preset: str) -> Fields:
    """Open the preset with the gate's keys over it; problems in the objectives lead to the gate's own lines."""
    expanded = expand(preset, fields.data)
    if expanded.problem is not None:
        fields.problem("preset", *expanded.problem)
    return Fields(expanded.data, (), fields.problems, set(), fields.written, expanded.origins)


def _gate(fields: Fields, preset: str, *, are_names_checked: bool) -> Gate:
    total = _total_score(fields)
    scores = _scores(fields, are_names_checked=are_names_checked)
    sets = _control_sets(fields)
    own = frozenset(score.name for score in scores)
    manual = _manual(fields)
    objectives = read_objectives(fields, own if are_names_checked else None)
    _refuse_empty(fields, manual=manual, has_judged=any(objective.passes for objective in objectives))
    return Gate(
        name=fields.text("name", preset, required=not preset),
        objectives=objectives,
        manual=manual,
        description=fields.text("description"),
        owner=fields.text("owner"),
        preset=preset,
        mode=fields.choice("mode", MODES, "enforce"),
        is_advisory=not fields.flag("blocking", default=True),
        on_error=fields.choice("on_error", ON_ERROR, "block"),
        on_missing=fields.choice("on_missing", ON_MISSING, "fail"),
        on_no_baseline=fields.choice("on_no_baseline", ON_NO_BASELINE, "warn"),
        total_pass=total[0],
        total_warn=total[1],
        baseline=_baseline(fields),
        scores=scores,
        control_sets=sets,
        waivers=read_waivers(fields),
        reports=fields.texts("reports"),
        sources=read_sources(fields),
    )


def _refuse_empty(fields: Fields, *, manual: Manual | None, has_judged: bool) -> None:
    if manual is not None and fields.has("objectives"):
        fields.problem("objectives", "a manual gate has no objectives", "make two gates of it")
    elif manual is None and not fields.data.get("objectives"):
        fields.problem(
            "objectives", "the gate has no objectives: it would judge nothing", "add an objective or a preset"
        )
    elif manual is None and not has_judged and not fields.problems:
        fields.problem(
            "objectives", "no objective has pass criteria: the gate would judge nothing", 'add pass: ["<= 0"]'
        )


def _total_score(fields: Fields) -> tuple[float | None, float | None]:
    if isinstance(fields.data.get("total_score"), int | float | str):
        passing = fields.number("total_score")
        warning = None
    elif fields.has("total_score"):
        inner = Fields.of(fields.raw("total_score"), fields.at("total_score"), fields.problems, "total_score")
        passing, warning = inner.number("pass"), inner.number("warn")
        inner.finish(("pass", "warn"))
        if passing is None:
            inner.problem("pass", "total_score needs pass", "write pass: 90")
    else:
        return None, None
    for figure in (passing, warning):
        if figure is not None and not 0 < figure <= 100:
            fields.problem("total_score", f"{figure:g} is not a score above 0 and up to 100", "write pass: 90")
    if passing is not None and warning is not None and warning > passing:
        fields.problem("total_score", "warn is above pass, so it could never be reached", "make warn smaller than pass")
    return passing, warning


def _scores(fields: Fields, *, are_names_checked: bool) -> tuple[Score, ...]:
    if not fields.has("scores"):
        return ()
    section = Fields.of(fields.raw("scores"), fields.at("scores"), fields.problems, "scores")
    return tuple(
        _score(
            name,
            Fields.of(body, (*section.path, name), fields.problems, "a score"),
            are_names_checked=are_names_checked,
        )
        for name, body in section.data.items()
    )


def _score(name: str, fields: Fields, *, are_names_checked: bool) -> Score:
    per = Fields.of(fields.raw("per"), fields.at("per"), fields.problems, "per")
    figures = tuple((key, per.number(key) or 0.0) for key in per.data)
    if are_names_checked:
        if not is_known(name):
            fields.problems.append(
                Problem(fields.path, f"{name!r} is not a name a score may have", f"call it custom.{name}")
            )
        for key in per.data:
            if not is_known(key):
                near = nearest(key)
                per.problem(key, f"unknown measurement {key!r}", f"did you mean {near}?" if near else "")
    fields.finish(("start", "per", "at_least", "at_most"))
    start = fields.number("start", 0.0)
    return Score(name, start or 0.0, figures, fields.number("at_least"), fields.number("at_most"))


def _control_sets(fields: Fields) -> tuple[ControlSet, ...]:
    if not fields.has("control_sets"):
        return ()
    section = Fields.of(fields.raw("control_sets"), fields.at("control_sets"), fields.problems, "control_sets")
    found = []
    for name, body in section.data.items():
        inner = Fields.of(body, (*section.path, name), fields.problems, "a control set")
        controls = tuple(_control(item, path, fields.problems) for item, path in inner.items("controls", "controls"))
        if not controls:
            inner.problem("controls", f"control set {name} has no controls: it would judge nothing", "add a control")
        found.append(ControlSet(name, inner.text("title", name), controls))
        inner.finish(("title", "controls"))
    return tuple(found)


def _control(data: Any, path: Path, problems: list[Problem]) -> Control:
    fields = Fields.of(data, path, problems, "a control")
    evidence = fields.texts("evidence")
    if not evidence:
        fields.problem("evidence", "the control names no evidence", "list the checks that prove it")
    fields.finish(("id", "title", "evidence"))
    return Control(fields.text("id", required=True), fields.text("title"), evidence)


def _baseline(fields: Fields) -> BaselineRule:
    if not fields.has("baseline"):
        return BaselineRule()
    inner = Fields.of(fields.raw("baseline"), fields.at("baseline"), fields.problems, "baseline")
    run = inner.text("run") or None
    results = inner.integer("results", 1, at_least=1)
    default: CompareWith = "run" if run else "several" if results > 1 else "last_passing"
    compare_with = inner.choice("compare_with", COMPARE_WITH, default)
    if (compare_with == "run") != (run is not None):
        inner.problem("run", "compare_with: run and run: ID belong together", "write both or neither")
    if compare_with == "last_passing" and results > 1:
        inner.problem("results", "last_passing takes one result", "write compare_with: several")
    aggregate = inner.choice("aggregate", AGGREGATES, "avg")
    include = inner.choice("include", INCLUDES, "pass")
    branch = inner.text("branch") or None
    inner.finish(("compare_with", "results", "aggregate", "include", "branch", "run"))
    return BaselineRule(compare_with, results, aggregate, include, branch, run)


def read_waivers(fields: Fields, key: str = "waivers") -> tuple[Waiver, ...]:
    """Read a list of waivers, noting what is wrong with each."""
    return tuple(
        waiver
        for item, path in fields.items(key, "waivers")
        if (waiver := _waiver(Fields.of(item, path, fields.problems, "a waiver"))) is not None
    )


def _waiver(fields: Fields) -> Waiver | None:
    finding, rule, path = fields.text("finding") or None, fields.text("rule") or None, fields.text("path") or None
    control = fields.text("control") or None
    if sum(one is not None for one in (finding, rule, control)) != 1:
        fix = "write finding: FINGERPRINT, rule: ID or control: ID"
        fields.problem("finding", "a waiver names either a finding, a rule or a control", fix)
    if rule is None and path is not None:
        fields.problem("path", "path narrows a rule, nothing else", "drop path")
    reason, owner = fields.text("reason", required=True), fields.text("owner", required=True)
    expires = fields.day("expires")
    fields.finish(("finding", "rule", "path", "control", "reason", "owner", "expires"))
    return None if expires is None else Waiver(reason, owner, expires, finding, rule, path, control)


def _manual(fields: Fields) -> Manual | None:
    if not fields.has("manual"):
        return None
    inner = Fields.of(fields.raw("manual"), fields.at("manual"), fields.problems, "manual")
    approvers = inner.texts("approvers")
    if not approvers:
        inner.problem("approvers", "a manual gate needs approvers", "write approvers: [alice@example.com]")
    if len(set(approvers)) != len(approvers):
        inner.problem("approvers", "an approver is named twice", "name each once")
    required = inner.integer("required", max(len(approvers), 1), at_least=1)
    if approvers and required > len(approvers):
        inner.problem(
            "required", f"{required} approvals are required of {len(approvers)} approvers", "name more approvers"
        )
    minutes = inner.minutes("timeout", DAY_MINUTES)
    when = inner.choice("when", WHENS, "always")
    manual = Manual(approvers, required, minutes, inner.texts("checklist"), inner.text("instructions"), when)
    inner.finish(("approvers", "required", "timeout", "checklist", "instructions", "when"))
    return manual


def parse_waivers(data: Any) -> tuple[Waiver, ...]:
    """Read a waiver file: a list of waivers, or a mapping with `waivers`.

    Raises:
        GateFileError: with every problem found.
    """
    problems: list[Problem] = []
    is_bare = not isinstance(data, Mapping)
    fields = Fields({"waivers": data}, (), problems) if is_bare else Fields.of(data, (), problems, "a waiver file")
    waivers = read_waivers(fields)
    fields.finish(("waivers",))
    if problems:
        raise GateFileError(problems)
    return waivers
