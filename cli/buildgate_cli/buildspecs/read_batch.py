"""Reads `batch`: a list, a graph, a matrix or a fan-out of builds."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from buildgate_cli.buildspecs import tree
from buildgate_cli.buildspecs.model import Batch, BatchEnv, BatchFanout, BatchMatrix, BatchTask

if TYPE_CHECKING:
    from buildgate_cli.buildspecs.context import Context

KINDS = ("build-list", "build-graph", "build-matrix", "build-fanout")
BATCH_KEYS = ("fast-fail", *KINDS)
TASK_KEYS = ("identifier", "buildspec", "depend-on", "ignore-failure", "debug-session", "env")
BATCH_ENV_KEYS = ("compute-type", "fleet", "image", "privileged-mode", "type", "variables")
MATRIX_KEYS = ("static", "dynamic")
STATIC_KEYS = ("ignore-failure", "env")
DYNAMIC_KEYS = ("buildspec", "env")
DYNAMIC_ENV_KEYS = ("compute-type", "image", "variables")
FANOUT_KEYS = ("parallelism", "ignore-failure")
_OTHER_COMPUTE = frozenset({f"ARM_LAMBDA_{size}GB" for size in (1, 2, 4, 8, 10)})  # so written in AWS's examples


@cache
def api_enum(shape: str) -> frozenset[str]:
    """Return the values that CodeBuild's API model gives for an enumeration, such as `ComputeType`."""
    from botocore.loaders import Loader  # noqa: PLC0415 - slow to import, and only batches need it

    model = Loader().load_service_model("codebuild", "service-2")
    return frozenset(model["shapes"][shape]["enum"])


def read_batch(context: Context, key: tree.Node, node: tree.Node) -> Batch | None:
    if not isinstance(node, tree.Mapping):
        tuple(context.mapping(node, "batch"))
        return None
    context.places.batch = key
    parts: dict[str, Any] = {}
    seen = set()
    for name, name_node, value in context.mapping(node, "batch"):
        seen.add(name)
        if name == "fast-fail":
            parts["fast_fail"] = bool(context.switch(value, "batch/fast-fail"))
        elif name in {"build-list", "build-graph"}:
            parts[name.replace("-", "_")] = _read_tasks(context, name, value)
        elif name == "build-matrix":
            parts["matrix"] = _read_matrix(context, value)
        elif name == "build-fanout":
            parts["fanout"] = _read_fanout(context, value)
        else:
            context.unknown(name, name_node, BATCH_KEYS, "batch")
    _check_kinds(context, key, seen)
    return Batch(**parts)


def _check_kinds(context: Context, key: tree.Node, seen: set[str]) -> None:
    kinds = [kind for kind in KINDS if kind in seen]
    if len(kinds) != 1:
        said = f"has {' and '.join(kinds)}" if kinds else "names no builds"
        context.add("BS212", key, f"`batch` {said}: it takes exactly one kind", fix=f"Keep one of {', '.join(KINDS)}.")


def _read_tasks(context: Context, kind: str, node: tree.Node) -> tuple[BatchTask, ...]:
    where = f"batch/{kind}"
    if not isinstance(node, tree.Sequence):
        if tree.is_null(node):
            context.add("BS204", node, f"`{where}` is an empty list", fix="Add tasks, or remove the key.")
        else:
            context.add("BS103", node, f"`{where}` must be a list of tasks, not {tree.kind_of(node)}")
        return ()
    tasks = []
    depends: list[tuple[str, str, tree.Node]] = []
    first_seen: dict[str, tree.Node] = {}
    for index, item in enumerate(node.value):
        task = _read_task(context, f"{where}[{index}]", item, depends)
        if task is None:
            continue
        tasks.append(task)
        if task.identifier and first_seen.setdefault(task.identifier, item) is not item:
            line = tree.line_of(first_seen[task.identifier])
            context.add(
                "BS115",
                item,
                f"the identifier `{task.identifier}` is taken by the task at line {line}",
                fix="Choose another one.",
            )
    _check_depends(context, tasks, depends)
    return tuple(tasks)


def _read_task(
    context: Context, where: str, node: tree.Node, depends: list[tuple[str, str, tree.Node]]
) -> BatchTask | None:
    if not isinstance(node, tree.Mapping):
        context.add("BS103", node, f"`{where}` must be a task with an `identifier`, not {tree.kind_of(node)}")
        return None
    parts: dict[str, Any] = {}
    needs: list[tuple[str, tree.Scalar]] = []
    for key, key_node, value in context.mapping(node, where):
        if key in {"identifier", "buildspec"}:
            parts[key] = context.text(value, f"{where}/{key}")
            if key == "identifier" and parts[key]:
                _check_identifier(context, parts[key], value)
        elif key == "depend-on":
            needs = context.texts(value, f"{where}/depend-on")
            parts["depend_on"] = tuple(text for text, _ in needs)
        elif key in {"ignore-failure", "debug-session"}:
            parts[key.replace("-", "_")] = bool(context.switch(value, f"{where}/{key}"))
        elif key == "env":
            parts["env"] = _read_batch_env(context, f"{where}/env", value)
        else:
            context.unknown(key, key_node, TASK_KEYS, where)
    if not parts.get("identifier"):
        context.add("BS110", node, f"`{where}` has no `identifier`", fix="Give each task its own `identifier`.")
        parts["identifier"] = ""
    depends.extend((parts["identifier"], text, item) for text, item in needs)
    return BatchTask(**parts)


def _check_identifier(context: Context, identifier: str, node: tree.Node) -> None:
    if not identifier.replace("_", "").isalnum() and "$" not in identifier:
        better = "".join(one if one.isalnum() else "_" for one in identifier)
        context.add(
            "BS213",
            node,
            f"the identifier `{identifier}` holds characters other than letters, digits and `_`",
            fix=f"Write `{better}`.",
        )


def _check_depends(context: Context, tasks: list[BatchTask], depends: list[tuple[str, str, tree.Node]]) -> None:
    known = {task.identifier for task in tasks}
    names = ", ".join(sorted(filter(None, known))[:10])
    for task, needed, node in depends:
        if needed not in known:
            context.add("BS111", node, f"`{task}` depends on `{needed}`, which is no task", fix=f"There are {names}.")
    waiting = _in_circles(tasks)
    for task, _needed, node in depends:
        if task in waiting:
            context.add(
                "BS116", node, f"the tasks {', '.join(sorted(waiting))} wait for each other", fix="Break the circle."
            )
            return


def _in_circles(tasks: list[BatchTask]) -> set[str]:
    """Return the tasks that can never start because they wait, directly or not, for each other."""
    known = {task.identifier for task in tasks}
    needs = {task.identifier: {one for one in task.depend_on if one in known} for task in tasks}
    followers: dict[str, list[str]] = {name: [] for name in needs}
    for name, needed in needs.items():
        for one in needed:
            followers[one].append(name)
    ready = [name for name, needed in needs.items() if not needed]
    while ready:
        done = ready.pop()
        del needs[done]
        for name in followers[done]:
            needs[name].discard(done)
            if not needs[name]:
                ready.append(name)
    return set(needs)


def _read_batch_env(context: Context, where: str, node: tree.Node) -> BatchEnv:
    parts: dict[str, Any] = {}
    for key, key_node, value in context.mapping(node, where):
        if key == "variables":
            parts["variables"] = {one.name: one.text for one in context.named_texts(value, f"{where}/variables")}
        elif key == "privileged-mode":
            parts["privileged_mode"] = context.switch(value, f"{where}/privileged-mode")
        elif key in {"compute-type", "type"}:
            parts[key.replace("-", "_")] = _read_enum(context, key, f"{where}/{key}", value)
        elif key in {"fleet", "image"}:
            parts[key] = context.text(value, f"{where}/{key}")
        else:
            context.unknown(key, key_node, BATCH_ENV_KEYS, where)
    return BatchEnv(**parts)


def _read_enum(context: Context, key: str, where: str, node: tree.Node) -> str | None:
    text = context.text(node, where)
    if text is None or "$" in text or (key == "compute-type" and text in _OTHER_COMPUTE):
        return text
    known = api_enum("ComputeType" if key == "compute-type" else "EnvironmentType")
    if text not in known:
        context.add("BS114", node, f"`{where}` is `{text}`", fix=f"Use one of {', '.join(sorted(known))}.")
    return text


def _read_matrix(context: Context, node: tree.Node) -> BatchMatrix | None:
    parts: dict[str, Any] = {}
    for key, key_node, value in context.mapping(node, "batch/build-matrix"):
        if key == "static":
            _read_static(context, value, parts)
        elif key == "dynamic":
            _read_dynamic(context, value, parts)
        else:
            context.unknown(key, key_node, MATRIX_KEYS, "batch/build-matrix")
    return BatchMatrix(**parts) if isinstance(node, tree.Mapping) else None


def _read_static(context: Context, node: tree.Node, parts: dict[str, Any]) -> None:
    where = "batch/build-matrix/static"
    for key, key_node, value in context.mapping(node, where):
        if key == "ignore-failure":
            parts["ignore_failure"] = bool(context.switch(value, f"{where}/{key}"))
        elif key == "env":
            parts["static"] = _read_batch_env(context, f"{where}/env", value)
        else:
            context.unknown(key, key_node, STATIC_KEYS, where)


def _read_dynamic(context: Context, node: tree.Node, parts: dict[str, Any]) -> None:
    where = "batch/build-matrix/dynamic"
    for key, key_node, value in context.mapping(node, where):
        if key == "buildspec":
            parts["buildspecs"] = _texts(context, value, f"{where}/buildspec")
        elif key == "env":
            _read_dynamic_env(context, f"{where}/env", value, parts)
        else:
            context.unknown(key, key_node, DYNAMIC_KEYS, where)


def _read_dynamic_env(context: Context, where: str, node: tree.Node, parts: dict[str, Any]) -> None:
    for key, key_node, value in context.mapping(node, where):
        if key == "compute-type":
            items = value.value if isinstance(value, tree.Sequence) else [value]
            for item in items:
                if isinstance(item, tree.Scalar):
                    _read_enum(context, key, f"{where}/{key}", item)
            parts["compute_types"] = _texts(context, value, f"{where}/{key}")
        elif key == "image":
            parts["images"] = _texts(context, value, f"{where}/image")
        elif key == "variables":
            parts["variables"] = {
                name: _texts(context, values, f"{where}/variables/{name}")
                for name, _key, values in context.mapping(value, f"{where}/variables")
            }
        else:
            context.unknown(key, key_node, DYNAMIC_ENV_KEYS, where)


def _texts(context: Context, node: tree.Node, where: str) -> tuple[str, ...]:
    return tuple(text for text, _ in context.texts(node, where))


def _read_fanout(context: Context, node: tree.Node) -> BatchFanout | None:
    parallelism = None
    ignore_failure = False
    for key, key_node, value in context.mapping(node, "batch/build-fanout"):
        if key == "parallelism":
            parallelism = context.text(value, "batch/build-fanout/parallelism")
        elif key == "ignore-failure":
            ignore_failure = bool(context.switch(value, "batch/build-fanout/ignore-failure"))
        else:
            context.unknown(key, key_node, FANOUT_KEYS, "batch/build-fanout")
    if parallelism is None or not parallelism.isdecimal() or len(parallelism) > 9 or int(parallelism) < 1:
        context.add(
            "BS117",
            node,
            "`batch/build-fanout` needs `parallelism`, a whole number from 1",
            fix="Add `parallelism: 2`.",
        )
        return None
    return BatchFanout(int(parallelism), ignore_failure)
