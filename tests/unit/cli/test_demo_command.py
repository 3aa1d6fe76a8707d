"""The demo waits for a person, and lets itself be interrupted meanwhile."""

import os
import threading
import time
from pathlib import Path

import pytest

from buildgate_cli.api_client import ApiClient
from buildgate_cli.cloud_context import read_local
from buildgate_cli.commands import demo as command
from buildgate_cli.demo import Demo
from buildgate_cli.local.cloud import Cloud, Settings
from buildgate_cli.local.state import Home
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


def test_a_demo_clears_away_what_killed_ones_left_and_nothing_else(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("demo-1-dead", "demo-2-alive", "demo-3-young", "repositories")]
    for folder in folders:
        folder.mkdir()
        (folder / "cloud.lock").touch()
    hour_ago = time.time() - 3600
    for folder in (folders[0], folders[1], folders[3]):
        os.utime(folder, (hour_ago, hour_ago))

    with Home(folders[1]).locked():
        os.utime(folders[1], (hour_ago, hour_ago))
        command._sweep(tmp_path)

    assert sorted(folder.name for folder in tmp_path.iterdir()) == ["demo-2-alive", "demo-3-young", "repositories"]


def test_a_demos_home_is_gone_however_it_ends(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    home.mkdir()

    with pytest.raises(KeyboardInterrupt), command._gone_afterwards(home):
        raise KeyboardInterrupt

    assert not home.exists()
