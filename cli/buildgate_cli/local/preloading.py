"""What the process that handlers branch off loads for them beforehand.

Third-party libraries look at no environment, and neither does what functions share of the project: of `runtime` only
what joins the parts together, not what writes logs and metrics. Loading all of it is most of a handler's start.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from pathlib import Path
from typing import Any, Final

LAYERS: Final = "_LAMBDA_LAYERS_DIRS"
"""The variable in which a handler's process is told the folders of its layers."""

_LIBRARIES: Final = (
    "aws_lambda_powertools.logging",
    "aws_lambda_powertools.metrics",
    "botocore.config",
    "defusedxml.ElementTree",
    "jinja2",
    "pydantic.main",
)
_CLIENTS: Final = ("dynamodb", "stepfunctions", "codebuild", "sns", "s3")
"""The services that several functions ask."""
_PACKAGE: Final = "buildgate"
_PROJECT: Final = (
    *("runtime.wiring", "runtime.build_wiring", "runtime.gate_wiring", "runtime.test_wiring"),
    *("web.api", "web.approval_page", "inbound.push_event", "inbound.build_event"),
)
_FUNCTION: Final = "AWS_LAMBDA_FUNCTION_NAME"


def load_libraries() -> None:
    """Import what handlers share, and let the SDK read each of its files once for all processes that branch off."""
    for name in _LIBRARIES:
        importlib.import_module(name)
    _keep_files()
    session = importlib.import_module("botocore.session").Session()
    session.set_credentials("none", "none")
    for service in _CLIENTS:
        session.create_client(service, region_name="us-east-1")


def _keep_files() -> None:
    """Let every session's loader share what was read, as all clients of one session do."""
    loaders = importlib.import_module("botocore.loaders")
    read, look = loaders.JSONFileLoader.load_file, loaders.Loader.list_available_services
    files: dict[str, Any] = {}
    services: dict[tuple[str, ...], list[str]] = {}

    def load_file(self: Any, file_path: str) -> Any:
        if file_path not in files:
            files[file_path] = read(self, file_path)
        return files[file_path]

    def list_available_services(self: Any, type_name: str) -> list[str]:
        asked = type_name, *self.search_paths
        if asked not in services:
            services[asked] = look(self, type_name)
        return list(services[asked])

    loaders.JSONFileLoader.load_file = load_file
    loaders.Loader.list_available_services = list_available_services


def layers_of(environment: dict[str, str]) -> tuple[str, ...]:
    """Return the folders that a handler's layers are unpacked to, if one of them brings the project; else nothing."""
    folders = tuple(str(Path(each).resolve()) for each in environment.get(LAYERS, "").split(os.pathsep) if each)
    return folders if any((Path(each) / "python" / _PACKAGE).is_dir() for each in folders) else ()


def load_project(layers: tuple[str, ...]) -> None:
    """Import what functions share of the project from their layers, in the order in which they look for it."""
    before = list(sys.path)
    for each in layers:
        sys.path.insert(0, str(Path(each) / "python"))
    os.environ[_FUNCTION] = _PACKAGE  # as in Lambda, what is loaded now is not looked through for garbage
    try:
        for name in _PROJECT:
            with contextlib.suppress(Exception):  # a layer that is broken breaks the function, which says so itself
                importlib.import_module(f"{_PACKAGE}.{name}")
    finally:
        del os.environ[_FUNCTION]
        sys.path[:] = before
