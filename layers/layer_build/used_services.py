"""Finds the API calls that the package makes, from its source: the list by which botocore's models are trimmed.

Adapters keep their client in `self._client`, or in an attribute named for the service (`self._s3`); an adapter's file or
folder is named for its service, or the file's name begins with it (`codebuild_projects.py`). A call that cannot be placed
is an error: a list that misses one would fail on AWS only.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import botocore.session
from botocore import xform_name

PLACES = {"reminders": "lambda", "table": "dynamodb"}
"""Files and folders whose service has another name."""


def write(layers: Path) -> None:
    """Write layers/deps/services.json again."""
    text = json.dumps(scan(layers.parent), indent=2) + "\n"
    (layers / "deps" / "services.json").write_text(text, encoding="utf-8")


def scan(root: Path) -> dict[str, list[str]]:
    """Return the operations in use, by service, both sorted.

    Raises:
        KeyError: A call on a client is no operation of its service, or its service cannot be told.
    """
    session = botocore.session.get_session()
    services = set(session.get_available_services())
    found: dict[str, set[str]] = {}
    operations: dict[str, Mapping[str, str]] = {}
    adapters = root / "layers" / "core" / "buildgate" / "adapters"
    for path in sorted(adapters.rglob("*.py")):
        if "memory" in path.relative_to(adapters).parts:
            continue
        for attribute, method in _calls(path):
            service = _service(attribute, path, services)
            if service is None:
                continue
            if service not in operations:
                names = session.get_service_model(service).operation_names
                operations[service] = {xform_name(name): name for name in names}
            if method not in operations[service]:
                raise KeyError(f"{path.name} calls {method}, which is no operation of {service}")
            found.setdefault(service, set()).add(operations[service][method])
    return {service: sorted(names) for service, names in sorted(found.items())}


def _calls(path: Path) -> Iterator[tuple[str, str]]:
    """Yield attribute and method of every call `self._attribute.method(...)`, and of a paginator's operation."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Attribute(value=ast.Name(id="self"), attr=attribute), attr="get_paginator"
                ),
                args=[ast.Constant(value=str(method))],
            ):
                yield attribute, method
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr=attribute), attr=method)
            ):
                yield attribute, method


def _service(attribute: str, path: Path, services: set[str]) -> str | None:
    """Return the service whose client an attribute holds, or None when it holds something else."""
    name = attribute.strip("_")
    if name in services:
        return name
    if name != "client":
        return None
    places = (path.stem, path.stem.partition("_")[0], path.parent.name)
    for place in places:
        if (service := PLACES.get(place, place)) in services:
            return service
    raise KeyError(f"{path.name} has a client, and neither the file nor its folder is named for a service")
