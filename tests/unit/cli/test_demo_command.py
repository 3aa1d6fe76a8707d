"""The demo waits for a person, and lets itself be interrupted meanwhile."""

import threading
from pathlib import Path

import pytest

from buildgate_cli.api_client import ApiClient
from buildgate_cli.cloud_context import read_local
from buildgate_cli.demo import Demo
from buildgate_cli.local.cloud import Cloud, Settings
from cli_harness import OperatorApi, write_cloud

WAITING = {"run_id": "r1", "status": "RUNNING", "stages": []}


def test_an_interrupted_demo_waits_for_nobody(tmp_path: Path, api: OperatorApi) -> None:
    write_cloud(tmp_path / "home", front=api.url)
    api.on("GET", "/v1/runs/r1", (200, {"run": WAITING}))
    said, stop = [], threading.Event()
    demo = Demo(Cloud(Settings(home=tmp_path / "home")), said.append, approves=False, stop=stop)

    stop.set()

    with pytest.raises(KeyboardInterrupt):
        demo.follow(ApiClient(read_local(tmp_path / "home")), "r1")
