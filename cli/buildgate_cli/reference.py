"""The generated pages of the reference: `python -m buildgate_cli.reference` writes those that changed.

The page of the command line is made from the commands themselves: from names, help and defaults, never from the drawn
help, so that it is the same on every terminal.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from buildgate.inbound import pipeline_file
from buildgate_cli import api_reference, gate_reference, main
from buildgate_cli.projects import reference as project_reference

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = "docs/reference/cli.md"
SCHEMA: Final = "docs/reference/pipeline.schema.json"
_CODES: Final = (
    (0, "done; a run SUCCEEDED; a verdict is pass or warn"),
    (1, "refused, failed or blocked: the file, the run or the request, not the way it was asked"),
    (2, "usage: an option, an argument or a path is wrong"),
    (3, "unavailable: the cloud does not answer, or is not there; trying again may help"),
    (4, "a verdict is warn and `--strict` was given"),
    (5, "inconclusive: a report could not be judged, or Buildgate itself failed"),
    (130, "interrupted with Ctrl-C"),
)
_INTRODUCTION: Final = """\
# The command line

Written from the commands by `python -m buildgate_cli.reference`; `make docs` writes it again.

Every command talks to the local cloud (`buildgate local up`; its home is `$BUILDGATE_HOME`, else `.buildgate` in the
checkout) unless `--stack`, `--profile` or `$BUILDGATE_STACK` names one on AWS. Results go to standard output, remarks
and errors to standard error. Through a pipe tables are plain columns; `--json` prints the data itself.

A mistake is one sentence with its remedy. `BUILDGATE_TRACEBACK=1` shows where a defect of Buildgate's own came from.
`buildgate --install-completion` completes commands, and names of pipelines, runs, approvals and projects.

## Exit codes

| code | meaning |
|---|---|
"""


def text() -> str:
    """Return the whole page."""
    root = typer.main.get_command(main.app)
    lines = [_INTRODUCTION + "\n".join(f"| {code} | {meaning} |" for code, meaning in _CODES), ""]
    lines += ["## buildgate", "", "```text", "buildgate [OPTIONS] COMMAND [ARGS]...", "```", "", *_options(root)]
    for noun, entry in main.NOUNS.items():
        if importlib.util.find_spec(entry.module) is None:
            continue
        lines += _command(("buildgate", noun), main.load(noun), 2)
    return "\n".join(lines).rstrip() + "\n"


def _command(words: tuple[str, ...], command: Any, level: int) -> Iterator[str]:
    yield from (f"{'#' * level} {' '.join(words)}", "", _help(command), "")
    inner = getattr(command, "commands", None)
    if inner:
        for name, one in inner.items():
            if not one.hidden:
                yield from _command((*words, name), one, min(level + 1, 4))
        return
    yield from ("```text", f"{' '.join(words)} {_usage(command)}".rstrip(), "```", "")
    yield from _arguments(command)
    yield from _options(command)


def _help(command: Any) -> str:
    return inspect.cleandoc(command.help or "").split("\f")[0].strip()


def _usage(command: Any) -> str:
    parts = ["[OPTIONS]"] if any(_is_shown(one) for one in command.params if one.param_type_name == "option") else []
    for one in command.params:
        if one.param_type_name == "argument":
            name = _name(one) + ("..." if one.nargs != 1 else "")
            parts.append(name if one.required else f"[{name}]")
    return " ".join(parts)


def _name(argument: Any) -> str:
    return str(argument.metavar or argument.name).strip("[]").upper()


def _arguments(command: Any) -> Iterator[str]:
    rows = [
        f"| `{_name(one)}` | {_cell(one.help)} | {_default(one)} |"
        for one in command.params
        if one.param_type_name == "argument" and not one.hidden
    ]
    if rows:
        yield from ("| argument | meaning | default |", "|---|---|---|", *rows, "")


def _options(command: Any) -> Iterator[str]:
    shown = [one for one in command.params if one.param_type_name == "option" and _is_shown(one)]
    rows = [f"| {_spellings(one)} | {_cell(one.help)}{_variable(one)} | {_default(one)} |" for one in shown]
    if rows:
        yield from ("| option | meaning | default |", "|---|---|---|", *rows, "")


def _is_shown(option: Any) -> bool:
    return not option.hidden and option.name not in {"help", "install_completion", "show_completion"}


def _spellings(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len, reverse=True))
    if option.secondary_opts:
        names += " / " + ", ".join(f"`{name}`" for name in option.secondary_opts)
    choices = option.type_descriptor.choices if option.type_descriptor.is_choice else None
    if choices:
        values = " \\| ".join(f"`{_value(choice)}`" for choice in choices)
        return f"{names} {values}"
    return names if option.is_flag else f"{names} {option.name.replace('_', '-').upper()}"


def _variable(option: Any) -> str:
    return f" Also `${option.envvar}`." if isinstance(option.envvar, str) else ""


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or default is False or default in ((), []) or callable(default):
        return ""
    return f"`{_value(default)}`" if _value(default) else ""


def _value(value: Any) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def _cell(help_text: str | None) -> str:
    return " ".join((help_text or "").split()).replace("|", "\\|")


def pages() -> dict[str, str]:
    """Return the text of every generated page by its path from the top of the repository."""
    schema = json.dumps(pipeline_file.json_schema(), indent=2, ensure_ascii=False)
    return {
        PAGE: text(),
        SCHEMA: f"{schema}\n",
        **api_reference.pages(),
        **gate_reference.pages(),
        **project_reference.pages(),
    }


def write(root: Path) -> list[Path]:
    """Write the pages into a checkout, and return the paths of those that changed."""
    changed = []
    for place, page in pages().items():
        path = root / place
        if path.is_file() and path.read_text(encoding="utf-8") == page:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
        changed.append(path)
    return changed


if __name__ == "__main__":
    for written in write(Path(__file__).resolve().parents[2]):
        sys.stdout.write(f"{written}\n")
