"""Fixtures of the command line's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_harness import Cli, OperatorApi, serving_api, write_cloud


@pytest.fixture
def api() -> Iterator[OperatorApi]:
    with serving_api() as serving:
        yield serving


@pytest.fixture
def cli(tmp_path: Path, api: OperatorApi) -> Cli:
    write_cloud(tmp_path / "home", front=api.url)
    return Cli(tmp_path / "home")
