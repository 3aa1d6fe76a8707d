"""Reads `phases`: the four phases, their commands, and the runtime versions of `install`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildgate_cli.buildspecs import tree
from buildgate_cli.buildspecs.context import Command, Context, Entry
from buildgate_cli.buildspecs.model import PHASE_NAMES, OnFailure, Phase
from buildgate_cli.buildspecs.nearest import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

PHASE_KEYS = ("run-as", "on-failure", "runtime-versions", "commands", "finally")
_EXPECTED = "build,install,post_build,pre_build"
_CLOSE = {"prebuild": "pre_build", "postbuild": "post_build"}
_OUTSIDE = frozenset({"artifacts", "reports", "cache", "env", "batch", "proxy", "version", "run-as"})


def read_phases(context: Context, node: tree.Node) -> dict[str, Phase]:
    """Return the phases in the order in which they run."""
    found: dict[str, Phase] = {}
    for name, key, value in context.mapping(node, "phases"):
        known = _phase_name(context, name, key)
        if known is not None:
            found[known] = _read_phase(context, known, value)
            if known == "post_build":
                context.places.post_build = key
    return {name: found[name] for name in PHASE_NAMES if name in found}


def _phase_name(context: Context, name: str, key: tree.Node) -> str | None:
    if name in PHASE_NAMES:
        return name
    if name.lower() in PHASE_NAMES:
        context.add(
            "BS210",
            key,
            f"the phase `{name}` is not written in lower case",
            fix=f"Write `{name.lower()}`, as documented.",
        )
        return name.lower()
    if name in _OUTSIDE:
        fix = f"Move `{name}` out of `phases`, to the left margin."
    else:
        close = nearest(name, PHASE_NAMES) or _CLOSE.get(name.lower().replace("-", "").replace("_", ""))
        fix = f"Did you mean `{close}`?" if close else f"Use one of {', '.join(PHASE_NAMES)}."
    refusal = f"Invalid buildspec phase name: {name}. Expecting: {_EXPECTED}"
    context.add("BS107", key, f"`{name}` is not a phase", fix=fix, refusal=refusal)
    return None


def _read_phase(context: Context, name: str, node: tree.Node) -> Phase:
    where = f"phases/{name}"
    commands: tuple[str, ...] = ()
    finally_commands: tuple[str, ...] = ()
    on_failure: OnFailure | None = None
    run_as: str | None = None
    runtimes: dict[str, str] = {}
    has_work = False
    for key, key_node, value in context.mapping(node, where):
        if key == "commands":
            commands = tuple(_read_commands(context, name, "commands", value))
            has_work = True
        elif key == "finally":
            finally_commands = tuple(_read_commands(context, name, "finally", value))
            has_work = True
        elif key == "on-failure":
            on_failure = _read_on_failure(context, where, value)
        elif key == "run-as":
            run_as = context.text(value, f"{where}/run-as")
        elif key == "runtime-versions":
            runtimes = _read_runtimes(context, name, key_node, value)
            has_work = has_work or name == "install"
        else:
            context.unknown(key, key_node, PHASE_KEYS, where)
    if not has_work and isinstance(node, tree.Mapping):
        context.add("BS206", node, f"the phase `{name}` has no commands", fix="Add `commands`, or remove the phase.")
    return Phase(name, commands, finally_commands, on_failure, run_as, runtimes)


def _read_commands(context: Context, phase: str, part: str, node: tree.Node) -> Iterator[str]:
    where = f"phases/{phase}/{part}"
    items = node.value if isinstance(node, tree.Sequence) else []
    for index, item in enumerate(items):
        if not isinstance(item, tree.Scalar):
            _refuse_command(context, where, part, index, item)
    scalars = tree.Sequence("", [one for one in items if isinstance(one, tree.Scalar)]) if items else node
    for index, (text, scalar) in enumerate(context.texts(scalars, where) if not items or scalars.value else []):
        context.places.commands.append(Command(phase, part, index, text, scalar))
        yield text


def _refuse_command(context: Context, where: str, part: str, index: int, item: tree.Node) -> None:
    line = tree.line_of(item)
    colon = isinstance(item, tree.Mapping) and bool(item.value)
    context.add(
        "BS108",
        item,
        f"`{where}[{index}]` is {tree.kind_of(item)}, not a command"
        + (": a colon followed by a space makes a key of what stands before it" if colon else ""),
        fix="Put the whole command in quotes, or write it as a block: `- |` and the command on the next line.",
        refusal=f"Expected {part.capitalize()}[{index}] to be of string type: found subkeys instead at line {line}, "
        f"value of the key tag on line {max(line - 1, 1)} might be empty",
    )


def _read_on_failure(context: Context, where: str, node: tree.Node) -> OnFailure | None:
    text = context.text(node, f"{where}/on-failure")
    if text is None:
        return None
    parsed = OnFailure.parse(text)
    if parsed is None:
        context.add(
            "BS112",
            node,
            f"`{where}/on-failure` is `{text}`",
            fix="Use ABORT, CONTINUE, RETRY, RETRY-<count>, RETRY-<regex> or RETRY-<count>-<regex> (count up to 100).",
        )
    return parsed


def _read_runtimes(context: Context, phase: str, key: tree.Node, node: tree.Node) -> dict[str, str]:
    found = context.named_texts(node, f"phases/{phase}/runtime-versions")
    if phase != "install":
        context.add(
            "BS208",
            key,
            f"`runtime-versions` is read in `install` only; in `{phase}` it is ignored",
            fix="Move it to `phases/install/runtime-versions`.",
        )
        return {}
    context.places.runtimes.extend(found)
    return {entry.name: _as_number(entry) for entry in found}


def _as_number(entry: Entry) -> str:
    """Return the version as CodeBuild sees it: an unquoted 3.10 is the number 3.1, while 8.0 stays 8.0."""
    text = entry.text
    if tree.is_plain(entry.node) and text.count(".") == 1 and text.replace(".", "").isdecimal():
        whole, fraction = text.split(".")
        return f"{whole or '0'}.{fraction.rstrip('0') or '0'}"
    return text
