"""Advice only with evidence, and figures of cleaning before anything goes."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from buildgate.domain.builds import Build, BuildStatus, Phase
from buildgate_cli.errors import UserError
from buildgate_cli.projects import Project, advice, cleaning
from buildgate_cli.projects.model import Artifacts
from buildgate_cli.projects.places import artifact_prefix

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROJECT: dict[str, Any] = {
    "name": "shop",
    "environment": {"type": "LINUX_CONTAINER", "computeType": "BUILD_GENERAL1_MEDIUM"},
    "timeoutInMinutes": 15,
    "cache": {"type": "S3", "location": "b/c"},
}


def builds(count: int = 10, *, seconds: float = 240, phases: dict[str, float] | None = None) -> list[Build]:
    took = tuple(
        Phase(name, "SUCCEEDED", START, START + timedelta(seconds=each), each) for name, each in (phases or {}).items()
    )
    return [
        Build(
            build_id=f"shop:{number}",
            project="shop",
            status=BuildStatus.SUCCEEDED,
            started_at=START,
            ended_at=START + timedelta(seconds=seconds),
            phases=took,
            compute_type="BUILD_GENERAL1_MEDIUM",
            environment_type="LINUX_CONTAINER",
        )
        for number in range(count)
    ]


IDLE = {"CPUUtilizedPercent": 21.0, "MemoryUtilizedPercent": 18.0}
BUSY = {"CPUUtilizedPercent": 97.0, "MemoryUtilizedPercent": 40.0}


def advise(project: dict[str, Any], *arguments: Any) -> list[advice.Advice]:
    return advice.advise(Project.fitting(project), *arguments)


def changes(*arguments: Any) -> list[str]:
    return [one.change for one in advise(*arguments)]


def test_an_idle_machine_is_one_size_too_large_and_the_saving_is_named() -> None:
    (found,) = advise(PROJECT, builds(), IDLE)

    assert found.change == "use BUILD_GENERAL1_SMALL"
    assert found.saves_micro_usd == 100 * 4 * (10_000 - 5_000)
    assert "21 % of the CPU" in found.evidence


def test_a_busy_machine_is_too_small_and_nothing_is_promised() -> None:
    (found,) = advise(PROJECT, builds(), BUSY)

    assert (found.change, found.saves_micro_usd) == ("try BUILD_GENERAL1_LARGE", None)


def test_without_figures_of_use_nothing_is_said_about_the_machine() -> None:
    assert changes(PROJECT, builds(), {}) == []


def test_few_builds_are_no_evidence() -> None:
    assert changes(PROJECT, builds(4), IDLE) == []


def test_a_timeout_far_above_the_longest_build_is_named() -> None:
    assert changes({**PROJECT, "timeoutInMinutes": 480}, builds(), {}) == ["set timeoutInMinutes to 12 (it is 480)"]


def test_a_cache_pays_where_installing_takes_much_of_the_time() -> None:
    plain = {**PROJECT, "cache": {"type": "NO_CACHE"}}

    assert changes(plain, builds(phases={"INSTALL": 120}), {}) == ["add a cache of dependencies"]
    assert changes(plain, builds(phases={"INSTALL": 20}), {}) == []
    assert changes(plain, builds(seconds=30, phases={"INSTALL": 20}), {}) == []


def test_waiting_builds_ask_for_a_higher_quota() -> None:
    (found,) = changes(PROJECT, builds(phases={"QUEUED": 90}), {})

    assert "quota" in found


def test_use_is_the_highest_value_of_two_weeks() -> None:
    asked: list[Any] = []

    def statistics(**request: Any) -> dict[str, Any]:
        asked.append(request)
        points = [{"Maximum": 12.0}, {"Maximum": 31.0}] if "CPU" in request["MetricName"] else []
        return {"Datapoints": points}

    cloudwatch = SimpleNamespace(get_metric_statistics=statistics)

    assert advice.utilisation(cloudwatch, "shop", START) == {"CPUUtilizedPercent": 31.0}
    assert asked[0]["EndTime"] - asked[0]["StartTime"] == timedelta(days=14)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90d", 7_776_000), ("12w", 7_257_600), ("6m", 15_552_000), ("3", 259_200), ("36h", 129_600)]
)
def test_ages_are_read_as_people_write_them(text: str, seconds: int) -> None:
    assert cleaning.age_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0d", "-3d", "90 days", "1y", "d"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is no age"):
        cleaning.age_of(text)


@pytest.mark.parametrize(
    ("artifacts", "prefix"),
    [
        ({}, "shop/"),
        ({"path": "/out/", "name": "web"}, "out/web/"),
        ({"packaging": "ZIP"}, ""),
        ({"path": "out", "namespaceType": "BUILD_ID", "packaging": "ZIP"}, "out/"),
        ({"namespaceType": "BUILD_ID"}, ""),
    ],
)
def test_artifacts_have_a_folder_of_their_own_or_none(artifacts: dict[str, str], prefix: str) -> None:
    project = Project.fitting({"name": "shop"})

    assert artifact_prefix(project, Artifacts.fitting(artifacts)) == prefix


class Bucket:
    """S3 with some objects of one age."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.deleted: list[str] = []

    def get_paginator(self, _: str) -> Any:
        def pages(Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
            found = [key for key in self.keys if key.startswith(Prefix)]
            return [{"Contents": [{"Key": key, "Size": 1024**3, "LastModified": START} for key in found]}]

        return SimpleNamespace(paginate=pages)

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        self.deleted += [one["Key"] for one in Delete["Objects"]]
        return {"Errors": [{"Key": "locked", "Message": "object lock"}]}


class Builds:
    """CodeBuild with one build, ended at the start of the tests."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    def list_builds_for_project(self, **_: Any) -> dict[str, Any]:
        return {"ids": ["shop:old"]}

    list_builds = list_builds_for_project

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        return {"builds": [{"id": one, "buildComplete": True, "endTime": START} for one in ids]}

    def list_report_groups(self, **_: Any) -> dict[str, Any]:
        return {"reportGroups": []}

    def batch_delete_builds(self, ids: list[str]) -> dict[str, Any]:
        self.deleted += ids
        return {}


def cloud(client: Builds, bucket: Bucket) -> Any:
    return SimpleNamespace(client={"codebuild": client, "s3": bucket}.__getitem__, report_bucket=None)


def heaps(project: dict[str, Any], bucket: Bucket, *others: dict[str, Any], after: float = 1) -> list[cleaning.Heap]:
    before = START + timedelta(seconds=after)
    mine, *rest = (Project.fitting(one) for one in (project, *others))
    return cleaning.heaps(cloud(Builds(), bucket), mine, before, [mine, *rest])


def test_figures_come_before_anything_goes() -> None:
    bucket = Bucket("c/a", "c/b", "cc/a")
    project = {**PROJECT, "artifacts": {"type": "NO_ARTIFACTS"}}

    found = heaps(project, bucket)

    assert [(one.what, one.count) for one in found] == [("builds", 1), ("cache in s3://b/c/", 2)]
    assert found[1].to_data()["usd_per_month"] == 0.046
    assert bucket.deleted == []
    assert found[1].remove() == ["locked: object lock"]
    assert bucket.deleted == ["c/a", "c/b"]


def test_a_cache_that_another_project_uses_stays() -> None:
    other = {"name": "other", "cache": {"type": "S3", "location": "arn:aws:s3:::b/c/"}}

    assert [one.what for one in heaps(PROJECT, Bucket("c/a"), other)] == ["builds"]


def test_artifacts_below_a_builds_id_go_with_their_builds_only() -> None:
    artifacts = {"type": "S3", "location": "b", "namespaceType": "BUILD_ID", "packaging": "ZIP"}
    bucket = Bucket("old/shop", "new/shop", "other/thing")

    found = heaps({**PROJECT, "cache": None, "artifacts": artifacts}, bucket)[-1]
    found.remove()

    assert bucket.deleted == ["old/shop"]


def test_what_is_younger_is_left_out() -> None:
    assert heaps(PROJECT, Bucket("c/a"), after=-1) == []
