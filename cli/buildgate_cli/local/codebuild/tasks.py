"""A buildspec's `batch` as tasks: what each member build changes, and after which others it runs.

One build per item of `build-list` and `build-graph`, per combination of a `build-matrix`, per share of a `build-fanout`.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from buildgate_cli.buildspecs import Batch, BatchEnv, BatchMatrix, BatchTask


class BadBatchError(Exception):
    """The batch cannot be run: it is empty, a dependency is unknown or they form a circle."""


@dataclass(frozen=True)
class Task:
    """One member build. `changes` are members of a StartBuild request; `share` is its number among how many shares."""

    identifier: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    depends_on: tuple[str, ...] = ()
    is_failure_ignored: bool = False
    share: tuple[int, int] | None = None


def tasks_of(batch: Batch | None) -> list[Task]:
    """Return a batch's tasks in the order in which they may start. Raises BadBatchError."""
    tasks = list(_tasks(batch)) if batch is not None else []
    if not tasks:
        raise BadBatchError("the buildspec defines no batch")
    names = [task.identifier for task in tasks]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise BadBatchError(f"identifier used more than once: {', '.join(sorted(repeated))}")
    _check_order(tasks)
    return tasks


def _tasks(batch: Batch) -> Iterator[Task]:
    for item in (*batch.build_list, *batch.build_graph):
        yield _listed(item)
    if batch.matrix is not None:
        yield from _combinations(batch.matrix)
    if batch.fanout is not None:
        for index in range(batch.fanout.parallelism):
            share = (index, batch.fanout.parallelism)
            yield Task(f"build{index}", {}, (), batch.fanout.ignore_failure, share)


def _listed(item: BatchTask) -> Task:
    buildspec = {"buildspecOverride": item.buildspec} if item.buildspec else {}
    return Task(item.identifier, {**buildspec, **_environment(item.env)}, item.depend_on, item.ignore_failure)


def _combinations(matrix: BatchMatrix) -> Iterator[Task]:
    names = list(matrix.variables)
    axes = (
        [{"buildspecOverride": each} for each in matrix.buildspecs] or [{}],
        [{"computeTypeOverride": each} for each in matrix.compute_types] or [{}],
        [{"imageOverride": each} for each in matrix.images] or [{}],
    )
    combinations = itertools.product(*axes, itertools.product(*matrix.variables.values()))
    for index, (*changes, values) in enumerate(combinations):
        static = _environment(matrix.static)
        merged: dict[str, Any] = dict(static)
        for change in changes:
            merged |= change
        own = _variables(dict(zip(names, values, strict=True)))
        merged["environmentVariablesOverride"] = [*static.get("environmentVariablesOverride", []), *own]
        yield Task(f"build{index}", merged, (), matrix.ignore_failure)


def _environment(env: BatchEnv) -> dict[str, Any]:
    members: dict[str, Any] = {
        "computeTypeOverride": env.compute_type,
        "imageOverride": env.image,
        "environmentTypeOverride": env.type,
        "privilegedModeOverride": env.privileged_mode,
        "environmentVariablesOverride": _variables(env.variables) or None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _variables(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value, "type": "PLAINTEXT"} for name, value in values.items()]


def _check_order(tasks: list[Task]) -> None:
    left = {task.identifier: set(task.depends_on) for task in tasks}
    for task in tasks:
        unknown = set(task.depends_on) - left.keys()
        if unknown:
            raise BadBatchError(f"{task.identifier} depends on unknown {', '.join(sorted(unknown))}")
    while left:
        free = {name for name, needs in left.items() if not needs & left.keys()}
        if not free:
            raise BadBatchError(f"circular dependency between {', '.join(sorted(left))}")
        left = {name: needs for name, needs in left.items() if name not in free}
