"""All rules: Buildgate's own and those that installed packages bring."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Final

from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.projects import hearing, refused, security, waste
from buildgate_cli.projects.rule import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ENTRY_POINT_GROUP: Final = "buildgate.project_rules"
MODEL_CODE: Final = "PR100"
BROKEN_CODE: Final = "PR199"
OWN: Final = tuple(
    sorted((*refused.RULES, *security.RULES, *waste.RULES, *hearing.REFUSED, *hearing.DEAF), key=lambda one: one.code)
)


def all_rules(installed: Iterable[EntryPoint] | None = None) -> list[Rule]:
    """Return every rule, Buildgate's first.

    Raises UserError when a package's entry is no rule, or takes a code that is taken.
    """
    rules = list(OWN)
    for entry in entry_points(group=ENTRY_POINT_GROUP) if installed is None else installed:
        for rule in _loaded(entry):
            if any(rule.code == other.code for other in rules):
                message = f"The project rule {rule.code} of {entry.value} has a code that is taken."
                raise UserError(message, "Give it a code of its own.", ExitCode.REFUSED)
            rules.append(rule)
    return rules


def _loaded(entry: EntryPoint) -> Iterator[Rule]:
    try:
        found = entry.load()
    except Exception as error:
        message = f"The project rules of {entry.value} cannot be loaded: {error}"
        raise UserError(message, "Repair or remove that package.", ExitCode.REFUSED) from error
    for rule in found if isinstance(found, list | tuple) else [found]:
        if not isinstance(rule, Rule):
            message = f"{entry.value} is no project rule but {type(rule).__name__}."
            raise UserError(message, "Make it a buildgate_cli.projects.Rule, or a list of them.", ExitCode.REFUSED)
        yield rule
