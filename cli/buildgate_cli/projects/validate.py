"""Everything that speaks against a project: the API's model, the rules, the policy; each with code, place and fix."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli.project_file import model_problems
from buildgate_cli.projects.catalogue import BROKEN_CODE, MODEL_CODE, all_rules
from buildgate_cli.projects.model import Path, Project
from buildgate_cli.projects.policy import Policy
from buildgate_cli.projects.role import NOT_LOOKED, RoleFacts
from buildgate_cli.projects.rule import Found, Rule, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from buildgate_cli.yaml_positions import Document

_RANK: Final = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Finding:
    """One finding; `line` and `column` are 0 for a project that no file describes. `is_denied`: the policy says so."""

    file: str
    line: int
    column: int
    code: str
    severity: Severity
    field: str
    message: str
    fix: str
    source: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        data = asdict(self)
        del data["source"]
        return data


@dataclass(frozen=True)
class Standards:
    """What projects are held to."""

    model: Any
    rules: Sequence[Rule]
    policy: Policy

    @classmethod
    def of(cls, model: Any, policy: Policy | None = None) -> Standards:
        """Return Buildgate's rules, those of installed packages, and a policy."""
        return cls(model, all_rules(), policy or Policy())


def findings_in(
    standards: Standards, document: Document, lines: Sequence[str], name: str, role: RoleFacts = NOT_LOOKED
) -> list[Finding]:
    """Return the findings about a file's project, in the file's order."""

    def place(path: Path, *, at_key: bool = False) -> tuple[int, int, str]:
        at = document.locate(path, at_key=at_key)
        return at.line, at.column, lines[at.line - 1] if 0 < at.line <= len(lines) else ""

    found = list(_findings(standards, document.data, name, place, role, is_file=True))
    return sorted(found, key=lambda one: (one.line, one.column, _RANK[one.severity], one.code))


def findings_of(
    standards: Standards, data: Mapping[str, Any], name: str, role: RoleFacts = NOT_LOOKED
) -> list[Finding]:
    """Return the findings about a project that no file describes, the gravest first."""
    found = _findings(standards, data, name, lambda *_, **__: (0, 0, ""), role)
    return sorted(found, key=lambda one: (_RANK[one.severity], one.code))


def _findings(
    standards: Standards, data: Any, name: str, place: Any, role: RoleFacts, *, is_file: bool = False
) -> Iterator[Finding]:
    fits = True
    for problem in model_problems(standards.model, data):
        expected = f"; expected {problem.expected}" if problem.expected and not problem.is_key else ""
        nearest = f"did you mean {problem.nearest}?" if problem.nearest else problem.fix
        line, column, source = place(problem.path, at_key=problem.is_key)
        said = f"{problem.message}{expected}"
        yield Finding(name, line, column, MODEL_CODE, "error", problem.field, said, nearest, source)
        fits = False
    if not isinstance(data, dict):
        return
    project = replace(Project.fitting(data), role_facts=role)
    project = standards.policy.completed(project) if is_file else project
    for rule in standards.rules:
        severity = _severity(rule, standards.policy)
        if severity is None:
            continue
        for code, found in _checked(rule, project, fits=fits):
            line, column, source = place(found.path)
            kind: Severity = "error" if code == BROKEN_CODE else severity
            yield Finding(name, line, column, code, kind, _field(found.path), found.message, found.fix, source)
    for code, effect, found in standards.policy.judge(project):
        line, column, source = place(found.path)
        kind = "error" if effect == "deny" else "warning"
        yield Finding(name, line, column, code, kind, _field(found.path), found.message, found.fix, source)


def _severity(rule: Rule, policy: Policy) -> Severity | None:
    effect = policy.rules.get(rule.code)
    if effect is None:
        return rule.severity
    return None if effect == "off" else "error" if effect == "deny" else "warning"


def _checked(rule: Rule, project: Project, *, fits: bool) -> Iterator[tuple[str, Found]]:
    """Yield what a rule finds. A rule that breaks is a finding itself: a defect must not let a project pass.

    Of a project that does not fit the model, which does not pass anyway, a rule may trip over the shape.
    """
    try:
        for found in rule.check(project):
            yield rule.code, found
    except Exception as error:  # noqa: BLE001  # rules come from other packages: whatever they raise is reported
        if fits:
            message = f"the rule {rule.code} failed: {type(error).__name__}: {error}"
            yield BROKEN_CODE, Found((), message, "repair the package that brings the rule")


def _field(path: Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
