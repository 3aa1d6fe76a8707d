"""What builds and projects mean in the local cloud: retries of a project, places of artifacts, one-way caches, machines."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

import pytest
from botocore.session import Session

from agent_harness import FakeOutside, run_buildspec
from buildgate_cli.local.agent.host import Allowed, refusal
from buildgate_cli.local.codebuild import Settings
from local_builds import build_cloud
from local_cloud_asking import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_builds import BuildCloud

KINDS = Session().get_service_model("codebuild").shape_for("EnvironmentType").enum
IS_ARM = platform.machine().lower() in {"arm64", "aarch64"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildCloud]:
    with build_cloud(tmp_path_factory.mktemp("semantics"), Settings(grace_seconds=0.3, log_bytes=200_000)) as opened:
        yield opened


def test_a_project_has_its_failed_builds_run_again_as_often_as_it_says(cloud: BuildCloud) -> None:
    build_id = cloud.inline("exit 1", name="stubborn", autoRetryLimit=1)

    ids = until(lambda: found if len(found := builds(cloud, "stubborn")) == 2 else None)
    last = cloud.wait(ids[0])

    assert ids[-1] == build_id
    assert (last["autoRetryConfig"]["autoRetryNumber"], last["autoRetryConfig"]["autoRetryLimit"]) == (1, 1)
    assert "nextAutoRetry" not in last["autoRetryConfig"]
    assert len(builds(cloud, "stubborn")) == 2


def builds(cloud: BuildCloud, project: str) -> list[str]:
    return list(cloud.api.list_builds_for_project(projectName=project)["ids"])


def test_a_prefix_of_the_buildspec_stands_before_the_builds_id_and_its_name_when_the_project_lets_it(
    cloud: BuildCloud,
) -> None:
    spec = (
        "version: 0.2\nphases: {build: {commands: ['X=7', 'echo 1 > a']}}\n"
        "artifacts: {files: [a], s3-prefix: pre, name: 'out-$X.zip'}\n"
    )
    place = {
        "type": "S3",
        "location": "b",
        "path": "p",
        "namespaceType": "BUILD_ID",
        "packaging": "ZIP",
        "name": "n.zip",
    }
    cloud.project("prefixed", spec, artifacts={**place, "overrideArtifactName": True})
    cloud.project("kept", spec, artifacts=place)

    named, own = cloud.wait(cloud.start("prefixed")), cloud.wait(cloud.start("kept"))

    expected = {f"b/pre/{named['id'].partition(':')[2]}/out-7.zip", f"b/pre/{own['id'].partition(':')[2]}/n.zip"}
    assert expected <= cloud.s3.objects.keys()


def test_a_log_of_a_gigabyte_ends_its_build_and_not_the_cloud(cloud: BuildCloud) -> None:
    huge = cloud.inline("yes a line of a log that nobody reads | head -c 1073741824", name="huge")

    build = cloud.wait(huge)

    (phase,) = [one for one in build["phases"] if one.get("phaseStatus") == "FAILED"]
    assert "more log than the local cloud keeps" in phase["contexts"][0]["message"]
    assert cloud.wait(cloud.inline("true", name="after", autoRetryLimit=2))["buildStatus"] == "SUCCEEDED"
    assert len(builds(cloud, "after")) == 1


@pytest.mark.parametrize(("action", "outcome", "is_kept"), [("restore", "miss", False), ("save", None, True)])
def test_a_cache_may_go_one_way_only(tmp_path: Path, action: str, outcome: str | None, *, is_kept: bool) -> None:
    outside = FakeOutside()
    spec = f"version: 0.2\nphases: {{build: {{commands: ['echo 1 > dep']}}}}\ncache: {{key: k, action: {action}, paths: [dep]}}\n"

    done = run_buildspec(tmp_path, spec, outside=outside, has_cache=True)

    assert (done.outcome.cache and done.outcome.cache.outcome) == outcome
    assert bool(outside.caches) is is_kept


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_environment_runs_here_or_says_what_it_would_need(kind: str) -> None:
    said = refusal(kind)

    needs = {
        "Windows": kind.startswith("WINDOWS"),
        "macOS": kind.startswith("MAC") and platform.system() != "Darwin",
        "a GPU image": "GPU" in kind,
        "an ARM processor": kind.startswith("ARM") and not IS_ARM,
    }
    assert [need for need, is_needed in needs.items() if is_needed and said and need in said] == [
        need for need, is_needed in needs.items() if is_needed
    ]
    assert (said is None) is not any(needs.values())


def test_allowing_the_machine_allows_its_runtimes_too() -> None:
    assert Allowed.by({"BUILDGATE_ALLOW_HOST": "1"}) == Allowed(is_host=True, is_runtimes=True)
    assert Allowed.by({"BUILDGATE_ALLOW_HOST_RUNTIMES": "1"}) == Allowed(is_host=False, is_runtimes=True)
    assert Allowed.by({"BUILDGATE_ALLOW_HOST": "yes"}) == Allowed()
