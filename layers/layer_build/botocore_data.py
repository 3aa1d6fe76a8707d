"""Cuts botocore's API models to the operations in use: what is read at each cold start is read for a reason.

A model loses the operations nobody calls, the shapes only they used, and its documentation; the list of endpoints loses
the other services, and keeps every partition. Files are written uncompressed: reading them is then only parsing.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

KEPT_FILES = ("endpoint-rule-set-1", "paginators-1", "service-2", "service-2.sdk-extras", "waiters-2")
DOCUMENTATION = frozenset({"documentation", "documentationUrl", "examples"})


def trim(data: Path, used: Mapping[str, Collection[str]]) -> None:
    """Keep, in botocore's data folder, only `used`: operation names by service name.

    Raises:
        KeyError: botocore has no such service or operation: the list is wrong, and a build must not pass.
    """
    services = {folder.name for folder in data.iterdir() if folder.is_dir()}
    if unknown := sorted(set(used) - services):
        raise KeyError(f"botocore has no service {', '.join(unknown)}")
    for name in sorted(services - set(used)):
        shutil.rmtree(data / name)
    for name, operations in sorted(used.items()):
        _trim_service(data / name, operations)
    prefixes = set(_endpoint_prefixes(data, used))
    endpoints = _read(data / "endpoints")
    _write(data / "endpoints", trim_endpoints(endpoints, prefixes))


def _trim_service(folder: Path, operations: Collection[str]) -> None:
    versions = sorted(version for version in folder.iterdir() if version.is_dir())
    for old in versions[:-1]:
        shutil.rmtree(old)
    newest = versions[-1]
    kept = {name: _read(newest / name) for name in KEPT_FILES if _file(newest / name)}
    for path in newest.iterdir():
        path.unlink()
    kept["service-2"] = trim_model(kept["service-2"], operations)
    for name, value in kept.items():
        _write(newest / name, value)


def trim_model(model: Mapping[str, Any], operations: Collection[str]) -> dict[str, Any]:
    """Return a service model with only these operations and the shapes they reach, errors included, without prose.

    Prose elsewhere in the model stays: botocore reads the documentation of client context parameters when it runs.
    """
    if unknown := sorted(set(operations) - set(model["operations"])):
        raise KeyError(f"{model['metadata']['serviceId']} has no operation {', '.join(unknown)}")
    kept = {name: model["operations"][name] for name in sorted(operations)}
    reached: set[str] = set()
    waiting = [shape for operation in kept.values() for shape in _references(operation)]
    while waiting:
        shape = waiting.pop()
        if shape not in reached:
            reached.add(shape)
            waiting.extend(_references(model["shapes"][shape]))
    shapes = {name: shape for name, shape in model["shapes"].items() if name in reached}
    return {**model, "operations": _without_prose(kept, is_names=True), "shapes": _without_prose(shapes, is_names=True)}


def trim_endpoints(endpoints: Mapping[str, Any], prefixes: Collection[str]) -> dict[str, Any]:
    """Return the list of endpoints with every partition and Region, and only these services' endpoints."""
    partitions = [
        {**partition, "services": {name: value for name, value in partition["services"].items() if name in prefixes}}
        for partition in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def _references(node: Any) -> Iterator[str]:
    """Yield the name of every shape that a part of a model refers to."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _without_prose(node: Any, *, is_names: bool = False) -> Any:
    """Drop documentation; the names of operations, shapes and members stay whatever they are (`documentation` too)."""
    if isinstance(node, dict):
        return {
            key: _without_prose(value, is_names=key == "members" and not is_names)
            for key, value in node.items()
            if is_names or key not in DOCUMENTATION
        }
    if isinstance(node, list):
        return [_without_prose(value) for value in node]
    return node


def _endpoint_prefixes(data: Path, used: Mapping[str, Collection[str]]) -> Iterator[str]:
    for name in used:
        (version,) = (data / name).iterdir()
        yield _read(version / "service-2")["metadata"]["endpointPrefix"]


def _file(stem: Path) -> Path | None:
    candidates = (stem.with_name(stem.name + ending) for ending in (".json", ".json.gz"))
    return next((path for path in candidates if path.exists()), None)


def _read(stem: Path) -> Any:
    path = _file(stem)
    if path is None:
        raise KeyError(f"botocore has no {stem.name}")
    content = path.read_bytes()
    return json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)


def _write(stem: Path, value: Any) -> None:
    if path := _file(stem):
        path.unlink()
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    stem.with_name(stem.name + ".json").write_text(text, encoding="utf-8")
