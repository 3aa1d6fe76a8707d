"""Reads a whole buildspec from its tree: the model, and every problem on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from buildgate_cli.buildspecs import tree
from buildgate_cli.buildspecs.model import Buildspec
from buildgate_cli.buildspecs.read_batch import read_batch
from buildgate_cli.buildspecs.read_outputs import (
    read_artifacts,
    read_cache,
    read_env,
    read_old_env,
    read_proxy,
    read_reports,
)
from buildgate_cli.buildspecs.read_phases import read_phases

if TYPE_CHECKING:
    from collections.abc import Callable

    from buildgate_cli.buildspecs.context import Context

TOP_KEYS = ("version", "run-as", "env", "proxy", "batch", "phases", "reports", "artifacts", "cache")


def read(context: Context, document: tree.Document) -> Buildspec:
    """Return what the document says. Errors (codes BS1xx) go to the context's problems, like everything else."""
    root = document.root
    if root is None or tree.is_null(root):
        context.add("BS102", root, "the file holds no buildspec", refusal=tree.EMPTY, fix="Start with `version: 0.2`.")
        return Buildspec()
    if not isinstance(root, tree.Mapping):
        message = f"a buildspec is a mapping of keys to values, not {tree.kind_of(root)}"
        fix = "Start with `version: 0.2`, then `phases:`, at the left margin."
        context.add("BS103", root, message, refusal=tree.EMPTY, fix=fix)
        return Buildspec()
    top = {key: (key_node, value) for key, key_node, value in context.mapping(root, "")}
    version = _read_version(context, root, top)
    parts = _read_parts(context, root, top, version)
    _check_phases(context, root, top)
    if document.more_at is not None:
        message = f"CodeBuild reads the first document only; what follows line {document.more_at} is ignored"
        context.add("BS209", None, message, fix="Remove the `---` line, or what follows it.")
    return Buildspec(version=version, **parts)


def _read_version(
    context: Context, root: tree.Node, top: dict[str, tuple[tree.Node, tree.Node]]
) -> Literal["0.1", "0.2"]:
    if "version" not in top:
        context.add("BS104", root, "`version` is missing", fix="Add `version: 0.2` as the first line.")
        return "0.2"
    node = top["version"][1]
    context.places.version = node
    text = context.text(node, "version")
    number = text.rstrip("0") if text and text.count(".") == 1 and tree.is_plain(node) else text
    if number == "0.1":
        return "0.1"
    if number == "0.2":
        return "0.2"
    said = "is empty" if text is None else f"is `{text}`"
    if isinstance(node, tree.Scalar):
        context.add("BS105", node, f"`version` {said}; CodeBuild knows 0.1 and 0.2", fix="Write `version: 0.2`.")
    return "0.2"


def _read_parts(
    context: Context, root: tree.Node, top: dict[str, tuple[tree.Node, tree.Node]], version: str
) -> dict[str, Any]:
    readers: dict[str, Callable[[tree.Node, tree.Node], Any]] = {
        "run-as": lambda _key, node: context.text(node, "run-as"),
        "env": lambda _key, node: read_env(context, node),
        "proxy": lambda _key, node: read_proxy(context, node),
        "batch": lambda key, node: read_batch(context, key, node),
        "phases": lambda _key, node: {} if tree.is_null(node) else read_phases(context, node),
        "reports": lambda _key, node: read_reports(context, node),
        "artifacts": lambda key, node: read_artifacts(context, key, node, version=version),
        "cache": lambda key, node: read_cache(context, key, node),
    }
    parts: dict[str, Any] = {}
    unknown = []
    for key, (key_node, node) in top.items():
        if key in readers:
            parts[key.replace("-", "_")] = readers[key](key_node, node)
        elif key == "environment_variables" and version == "0.1":
            parts.setdefault("env", read_old_env(context, node))
        elif key != "version" and not key.startswith(("x-", ".", "_")):
            unknown.append((key, key_node, node))
    shared = tree.repeated(root) if unknown else set()
    for key, key_node, node in unknown:
        if not tree.holds_any(node, shared):  # a place for anchors, used elsewhere
            context.unknown(key, key_node, TOP_KEYS, "")
    return parts


def _check_phases(context: Context, root: tree.Node, top: dict[str, tuple[tree.Node, tree.Node]]) -> None:
    """A buildspec needs phases, but for the one of a batch, whose tasks may name their own buildspecs."""
    if "batch" in top:
        return
    if "phases" not in top:
        context.add("BS106", root, "`phases` is missing", refusal=tree.EMPTY, fix="Add `phases` with at least `build`.")
    elif tree.is_null(top["phases"][1]) or top["phases"][1].value == []:
        fix = "Indent the phases below it: two spaces before `build:`, four before `commands:`."
        context.add("BS106", top["phases"][0], "`phases` is empty", refusal=tree.EMPTY, fix=fix)
