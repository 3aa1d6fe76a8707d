"""Options that several commands share, as dataclasses: each member is an option, a command takes them as one value."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Callable


def with_groups(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the members of each parameter that is a dataclass as options, in that parameter's place."""
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: one.annotation for name, one in signature.parameters.items() if is_dataclass(one.annotation)
    }

    @wraps(command)
    def run(**given: Any) -> None:
        made = {name: kind(**{one.name: given.pop(one.name) for one in fields(kind)}) for name, kind in groups.items()}
        command(**given, **made)

    shown: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        shown += _members(groups[name]) if name in groups else [parameter]
    run.__signature__ = signature.replace(parameters=shown)  # type: ignore[attr-defined]  # what inspect reads first
    return run


def _members(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    either = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [
        inspect.Parameter(one.name, either, default=one.default, annotation=hints[one.name]) for one in fields(kind)
    ]
