"""Batch builds: lists, graphs, matrices and fan-outs, started, stopped, failed and tried again."""

import hashlib
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildgate_cli.local.codebuild import Settings
from local_builds import BuildCloud, build_cloud, refused

PHASES = 'phases:\n  build:\n    commands:\n      - echo "$CODEBUILD_BATCH_BUILD_IDENTIFIER $MODE"\n      - %s\n'


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[BuildCloud]:
    with build_cloud(tmp_path, Settings(grace_seconds=0.3, concurrent_builds=4)) as opened:
        yield opened


def start(cloud: BuildCloud, batch: str, command: str = "true", **members: Any) -> dict[str, Any]:
    text = f"version: 0.2\nbatch:\n{batch}\n" + PHASES % command
    config = {"serviceRole": "arn:aws:iam::000000000000:role/batch", **members}
    cloud.project("many", text, buildBatchConfig=config)
    return dict(cloud.api.start_build_batch(projectName="many")["buildBatch"])


def wait(cloud: BuildCloud, batch_id: str, seconds: float = 40) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        (batch,) = cloud.api.batch_get_build_batches(ids=[batch_id])["buildBatches"]
        if batch["complete"]:
            return dict(batch)
        time.sleep(0.05)
    raise AssertionError(f"{batch_id} is still {batch['buildGroups']}")


def statuses(batch: dict[str, Any]) -> dict[str, str | None]:
    return {g["identifier"]: g.get("currentBuildSummary", {}).get("buildStatus") for g in batch["buildGroups"]}


def build_of(cloud: BuildCloud, batch: dict[str, Any], identifier: str) -> dict[str, Any]:
    (group,) = [group for group in batch["buildGroups"] if group["identifier"] == identifier]
    return cloud.get(group["currentBuildSummary"]["arn"].partition("build/")[2])


def output(cloud: BuildCloud, build: dict[str, Any]) -> list[str]:
    return [line for line in cloud.log(build["id"]) if not line.startswith("[Container]")]


GRAPH = """\
  build-graph:
    - identifier: first
      env: {variables: {MODE: one}}
    - identifier: second
      depend-on: [first]
"""


def test_a_graph_runs_in_order_with_its_own_variables(cloud: BuildCloud) -> None:
    started = start(cloud, GRAPH)

    batch = wait(cloud, started["id"])

    assert batch["buildBatchStatus"] == "SUCCEEDED"
    assert [phase["phaseType"] for phase in batch["phases"]] == [
        "SUBMITTED", "DOWNLOAD_BATCHSPEC", "IN_PROGRESS", "SUCCEEDED",
    ]  # fmt: skip
    first, second = build_of(cloud, batch, "first"), build_of(cloud, batch, "second")
    assert first["endTime"] <= second["startTime"]
    assert first["buildBatchArn"] == batch["arn"]
    assert output(cloud, first) == ["first one"]
    assert output(cloud, second) == ["second "]


ENVELOPE = {
    "State": {"build-status", "current-phase", "current-phase-context"},
    "Phase": {f"completed-phase{end}" for end in ("", "-status", "-context", "-duration-seconds", "-start", "-end")},
}
COMMON = {"build-id", "project-name", "version", "additional-information"}
ADDITIONAL = {
    *("artifact", "cache", "environment", "timeout-in-minutes", "queued-timeout-in-minutes", "build-complete"),
    *("build-number", "initiator", "build-start-time", "source", "logs", "phases"),
}
INSIDE = {
    "cache": {"type"},
    "environment": {
        *("image", "privileged-mode", "image-pull-credentials-type", "compute-type", "type", "environment-variables"),
    },
    "source": {"type", "buildspec"},
    "logs": {"group-name", "stream-name", "deep-link"},
}


def test_a_batch_is_told_of_by_the_events_of_its_builds_and_by_no_other(cloud: BuildCloud) -> None:
    batch = wait(cloud, start(cloud, GRAPH)["id"])
    cloud.settle()

    members = {group["currentBuildSummary"]["arn"] for group in batch["buildGroups"]}
    assert {event.detail_type for event in cloud.bus.events} == {f"CodeBuild Build {kind} Change" for kind in ENVELOPE}
    assert {event.resources for event in cloud.bus.events} == {(arn,) for arn in members}
    for kind, own in ENVELOPE.items():
        for detail in cloud.details(kind):
            assert set(detail) == COMMON | own
            assert set(detail["additional-information"]) - {"source-version"} == ADDITIONAL
            assert {key: set(detail["additional-information"][key]) for key in INSIDE} == INSIDE
            assert detail["build-id"] in members
            assert batch["id"].rpartition(":")[2] not in str(detail["additional-information"]["environment"])
    ended = [detail for detail in cloud.details("State") if detail["current-phase"] == "COMPLETED"]
    assert sorted(detail["build-id"] for detail in ended) == sorted(members)
    *done, last = ended[0]["additional-information"]["phases"]
    named = {"phase-context", "start-time", "end-time", "duration-in-seconds", "phase-type", "phase-status"}
    assert {frozenset(phase) for phase in done} == {frozenset(named)}
    assert set(last) == {"phase-type", "start-time"}


def test_what_depends_on_a_failed_build_is_not_started(cloud: BuildCloud) -> None:
    batch = wait(cloud, start(cloud, GRAPH, "exit 1")["id"])

    assert batch["buildBatchStatus"] == "FAILED"
    assert statuses(batch) == {"first": "FAILED", "second": None}


def test_an_ignored_failure_fails_nothing_and_holds_up_nobody(cloud: BuildCloud) -> None:
    graph = GRAPH.replace("env: {variables: {MODE: one}}", "ignore-failure: true\n      env: {variables: {MODE: one}}")

    batch = wait(cloud, start(cloud, graph, 'test -z "$MODE"')["id"])

    assert batch["buildBatchStatus"] == "SUCCEEDED"
    assert statuses(batch) == {"first": "FAILED", "second": "SUCCEEDED"}


def test_fast_fail_stops_the_others(cloud: BuildCloud) -> None:
    items = "  fast-fail: true\n  build-list:\n    - {identifier: bad, env: {variables: {MODE: bad}}}\n    - identifier: slow\n"

    batch = wait(cloud, start(cloud, items, 'test "$MODE" != bad && sleep 60')["id"])

    assert batch["buildBatchStatus"] == "FAILED"
    assert statuses(batch) == {"bad": "FAILED", "slow": "STOPPED"}


def test_a_matrix_is_every_combination(cloud: BuildCloud) -> None:
    matrix = "  build-matrix:\n    dynamic:\n      env:\n        variables: {MODE: [a, b], OTHER: [x, y]}\n"

    batch = wait(cloud, start(cloud, matrix, 'echo "$MODE$OTHER"')["id"])

    printed = sorted(output(cloud, build_of(cloud, batch, f"build{index}"))[-1] for index in range(4))
    assert printed == ["ax", "ay", "bx", "by"]


def test_a_fan_out_runs_each_test_file_once(cloud: BuildCloud) -> None:
    run = 'touch t1 t2 t3; codebuild-tests-run --test-command "echo" --files-search "codebuild-glob-search t*"'

    batch = wait(cloud, start(cloud, "  build-fanout: {parallelism: 2}\n", run)["id"])

    shares = [output(cloud, build_of(cloud, batch, f"build{index}"))[-1] for index in range(2)]
    assert shares == ["t1 t3", "t2"]


def test_stopping_a_batch_stops_its_builds(cloud: BuildCloud) -> None:
    started = start(cloud, "  build-list:\n    - identifier: one\n    - identifier: two\n", "sleep 60")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        (batch,) = cloud.api.batch_get_build_batches(ids=[started["id"]])["buildBatches"]
        if list(statuses(batch).values()) == ["IN_PROGRESS", "IN_PROGRESS"]:
            break

    cloud.api.stop_build_batch(id=started["id"])
    batch = wait(cloud, started["id"])

    assert batch["buildBatchStatus"] == "STOPPED"
    assert set(statuses(batch).values()) == {"STOPPED"}


def test_only_failed_builds_are_tried_again_when_asked(cloud: BuildCloud, tmp_path: Path) -> None:
    marker = tmp_path / "fixed"
    items = "  build-list:\n    - {identifier: good}\n    - {identifier: bad, env: {variables: {MODE: bad}}}\n"
    failed = wait(cloud, start(cloud, items, f'test "$MODE" != bad || test -e {marker}')["id"])
    marker.touch()

    cloud.api.retry_build_batch(id=failed["id"], retryType="RETRY_FAILED_BUILDS")
    batch = wait(cloud, failed["id"])

    assert failed["buildBatchStatus"] == "FAILED"
    assert batch["buildBatchStatus"] == "SUCCEEDED"
    assert build_of(cloud, batch, "good")["id"] == build_of(cloud, failed, "good")["id"]
    (bad,) = [group for group in batch["buildGroups"] if group["identifier"] == "bad"]
    assert [summary["buildStatus"] for summary in bad["priorBuildSummaryList"]] == ["FAILED"]
    code, _ = refused(cloud.api.retry_build_batch, id=batch["id"])
    assert code == "InvalidInputException"


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        (
            "  build-graph:\n    - {identifier: a, depend-on: [b]}\n    - {identifier: b, depend-on: [a]}\n",
            "wait for each other",
        ),
        ("  build-list:\n    - {identifier: a}\n    - {identifier: a}\n", ""),
        ("  build-list:\n    - {identifier: a}\n    - {identifier: b}\n    - {identifier: c}\n", "2 are allowed"),
    ],
)
def test_a_batch_that_cannot_run_fails_in_its_download_phase(cloud: BuildCloud, batch: str, said: str) -> None:
    failed = wait(cloud, start(cloud, batch, restrictions={"maximumBuildsAllowed": 2})["id"])

    (phase,) = [phase for phase in failed["phases"] if phase["phaseType"] == "DOWNLOAD_BATCHSPEC"]
    assert failed["buildBatchStatus"] == "FAILED"
    assert phase["contexts"][0]["statusCode"] == "YAML_FILE_ERROR"
    assert said in phase["contexts"][0]["message"]


def test_batches_are_listed_and_deleted_with_their_builds(cloud: BuildCloud) -> None:
    batch = wait(cloud, start(cloud, "  build-list:\n    - identifier: one\n")["id"])
    cloud.project("plain", "version: 0.2\nphases: {build: {commands: ['true']}}\n")

    assert cloud.api.list_build_batches(filter={"status": "SUCCEEDED"})["ids"] == [batch["id"]]
    assert cloud.api.list_build_batches_for_project(projectName="many", filter={"status": "FAILED"})["ids"] == []
    assert refused(cloud.api.start_build_batch, projectName="plain")[0] == "InvalidInputException"
    deleted = cloud.api.delete_build_batch(id=batch["id"])
    assert len(deleted["buildsDeleted"]) == 1
    assert cloud.api.batch_get_build_batches(ids=[batch["id"]])["buildBatchesNotFound"] == [batch["id"]]


def test_a_batch_that_ran_when_the_cloud_went_down_becomes_a_fault(tmp_path: Path) -> None:
    with build_cloud(tmp_path, Settings(grace_seconds=0.3)) as cloud:
        started = start(cloud, "  build-list:\n    - identifier: one\n", "sleep 60")
        time.sleep(0.5)
    with build_cloud(tmp_path, Settings(grace_seconds=0.3)) as cloud:
        cloud.service.start()

        assert wait(cloud, started["id"])["buildBatchStatus"] == "FAULT"


MATRIX = "  build-matrix:\n    dynamic: {env: {variables: {MODE: [a, b]}}}\n"
SECONDARY = {"type": "S3", "location": "bucket", "artifactIdentifier": "logs", "packaging": "ZIP"}


def start_combining(cloud: BuildCloud, command: str, packaging: str, **members: Any) -> dict[str, Any]:
    """Start a batch of builds a and b whose artifacts are brought together."""
    artifacts = "artifacts:\n  base-directory: out\n  files: '**/*'\n  secondary-artifacts:\n    logs: {files: [log]}\n"
    text = f"version: 0.2\nbatch:\n{MATRIX}" + PHASES % command + artifacts
    config = {"serviceRole": "arn:aws:iam::000000000000:role/batch", "combineArtifacts": True}
    place = {"type": "S3", "location": "bucket", "path": "to", "name": "all", "packaging": packaging}
    cloud.project("many", text, buildBatchConfig=config, artifacts=place, **members)
    return wait(cloud, str(cloud.api.start_build_batch(projectName="many")["buildBatch"]["id"]))


def test_artifacts_of_a_batch_are_combined_into_one_folder(cloud: BuildCloud) -> None:
    batch = start_combining(cloud, 'mkdir out; echo "$MODE" > out/$MODE; echo same > out/same', "NONE")

    assert [phase["phaseType"] for phase in batch["phases"]][-2:] == ["COMBINE_ARTIFACTS", "SUCCEEDED"]
    assert batch["artifacts"]["location"] == "arn:aws:s3:::bucket/to/all"
    combined = {key: body for key, body in cloud.s3.objects.items() if key.startswith("bucket/to/all/")}
    assert combined == {"bucket/to/all/a": b"a\n", "bucket/to/all/b": b"b\n", "bucket/to/all/same": b"same\n"}
    uuid = build_of(cloud, batch, "build0")["id"].partition(":")[2]
    assert cloud.s3.objects[f"bucket/to/{uuid}/all/a"] == b"a\n"


def test_artifacts_of_a_batch_are_combined_into_one_archive_each(cloud: BuildCloud) -> None:
    batch = start_combining(cloud, 'mkdir out; echo "$MODE" > out/$MODE', "ZIP")
    archive = cloud.s3.objects["bucket/to/all"]

    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        assert sorted(opened.namelist()) == ["a", "b"]
    assert batch["artifacts"]["sha256sum"] == hashlib.sha256(archive).hexdigest()


def test_two_different_files_of_one_name_fail_the_combining(cloud: BuildCloud) -> None:
    batch = start_combining(
        cloud, 'mkdir out; echo "$MODE" > out/app; cp out/app log', "ZIP", secondaryArtifacts=[SECONDARY]
    )

    phase = batch["phases"][-2]
    assert batch["buildBatchStatus"] == "FAILED"
    assert phase["phaseType"] == "COMBINE_ARTIFACTS"
    assert phase["contexts"][0]["message"].startswith("log is in the artifacts of build0 and of build1")
