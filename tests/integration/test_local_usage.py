"""What builds of the local cloud use of the machine, as CodeBuild publishes it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agent_harness import run_buildspec
from buildgate_cli.local.agent.build import Limits, Used
from buildgate_cli.local.codebuild import Settings
from buildgate_cli.local.codebuild.metrics import usage_data
from local_builds import build_cloud

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 22, tzinfo=UTC)
BURN = f"{sys.executable} -c 'import time; n = bytearray(40_000_000); e = time.process_time() + 0.3\nwhile time.process_time() < e: pass'"


def build(compute: str) -> dict[str, Any]:
    return {"id": "shop:1-2", "buildNumber": 7, "projectName": "shop", "environment": {"computeType": compute}}


def test_short_commands_count_in_full_though_nobody_looked_while_they_ran(tmp_path: Path) -> None:
    done = run_buildspec(
        tmp_path,
        f"version: 0.2\nphases:\n  build:\n    commands:\n      - |\n        {BURN.replace(chr(10), chr(10) + ' ' * 8)}\n",
    )

    (used,) = done.heard.measured
    assert 0.3 <= used.cpu_seconds < 3
    assert used.memory_bytes > 40_000_000
    assert used.seconds > 0


def test_a_long_build_is_measured_every_minute_and_its_last_part_is_left_out(tmp_path: Path) -> None:
    limits = Limits(timeout_seconds=30, grace_seconds=0.3, minute_seconds=1)

    started_at = datetime.now(UTC)
    done = run_buildspec(tmp_path, "version: 0.2\nphases: {build: {commands: ['sleep 2.4']}}\n", limits=limits)

    measured = done.heard.measured
    assert 1 <= len(measured) <= 2  # a busy machine may be late for the second
    assert all(used.seconds >= 0.5 and used.cpu_seconds < 0.5 and used.memory_bytes > 0 for used in measured)
    assert sum(used.seconds for used in measured) < (done.heard.ended[-1].ended_at - started_at).total_seconds()


def test_metrics_have_the_names_units_and_dimensions_of_aws() -> None:
    used = Used(seconds=60, cpu_seconds=30, memory_bytes=1024**3, read_bytes=600, written_bytes=1200)

    data = usage_data(build("BUILD_GENERAL1_SMALL"), used, AT)

    of_build = {one["MetricName"]: (one["Value"], one["Unit"]) for one in data if len(one["Dimensions"]) == 3}
    assert of_build == {
        "CPUUtilized": (512, "None"),
        "CPUUtilizedPercent": (25, "Percent"),
        "MemoryUtilized": (1024, "Megabytes"),
        "MemoryUtilizedPercent": (25, "Percent"),
        "StorageReadBytes": (10, "Bytes/Second"),
        "StorageWriteBytes": (20, "Bytes/Second"),
    }
    assert data[0]["Dimensions"] == [
        {"Name": "BuildId", "Value": "1-2"},
        {"Name": "BuildNumber", "Value": "7"},
        {"Name": "ProjectName", "Value": "shop"},
    ]
    assert [len(one["Dimensions"]) for one in data[:3]] == [3, 1, 0]


def test_shares_end_at_all_of_it_and_a_machine_of_no_fixed_size_has_none() -> None:
    used = Used(seconds=1, cpu_seconds=16, memory_bytes=1024**4, read_bytes=0, written_bytes=0)

    small = {one["MetricName"]: one["Value"] for one in usage_data(build("BUILD_GENERAL1_SMALL"), used, AT)}
    fitted = {one["MetricName"] for one in usage_data(build("ATTRIBUTE_BASED_COMPUTE"), used, AT)}

    assert (small["CPUUtilizedPercent"], small["MemoryUtilizedPercent"]) == (100, 100)
    assert fitted == {"CPUUtilized", "MemoryUtilized", "StorageReadBytes", "StorageWriteBytes"}


def test_a_build_of_the_cloud_publishes_what_it_used(tmp_path: Path) -> None:
    with build_cloud(tmp_path, Settings(grace_seconds=0.3)) as cloud:
        cloud.wait(cloud.inline("true"))
        cloud.service.stop()

        found = {one["MetricName"]: one["Value"] for one in cloud.metrics.data if len(one["Dimensions"]) == 3}

    assert 0 < found["CPUUtilizedPercent"] <= 100
    assert 0 < found["MemoryUtilizedPercent"] < 100
