"""The local CodeBuild as a client meets it: real requests, real builds, real files."""

import io
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildgate_cli.local.agent.users import builds_folder
from buildgate_cli.local.codebuild import Settings
from local_builds import BuildCloud, build_cloud, refused
from local_harness import RecordingBus, git

SPEC = """\
version: 0.2
env:
  exported-variables: [VERSION]
phases:
  build:
    commands:
      - echo "hello $WHO from $CODEBUILD_INITIATOR"
      - VERSION=1.2.$CODEBUILD_BUILD_NUMBER
      - mkdir -p out/deep && echo one > out/a.txt && echo two > out/deep/b.txt
      - cp junit.xml cov.xml out/
reports:
  unit:
    files: [junit.xml]
    base-directory: out
  coverage:
    files: [cov.xml]
    base-directory: out
    file-format: COBERTURAXML
artifacts:
  files: ['**/*.txt']
  base-directory: out
  name: shop-$(echo release).zip
"""
JUNIT = """<testsuite name="s" tests="3" failures="1"><testcase classname="c" name="ok" time="0.5"/>
<testcase classname="c" name="bad" time="0.25"><failure message="no">trace</failure></testcase>
<testcase classname="c" name="later"><skipped/></testcase></testsuite>"""
COBERTURA = """<coverage line-rate="0.5" branch-rate="0"><packages><package name="p"><classes>
<class name="a" filename="a.py" line-rate="0.5"><lines><line number="1" hits="1"/><line number="2" hits="0"/></lines>
</class></classes></package></packages></coverage>"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[BuildCloud]:
    settings = Settings(grace_seconds=0.3, concurrent_builds=2, queue_factor=2, seconds_per_minute=60)
    with build_cloud(tmp_path, settings) as opened:
        yield opened


def test_a_pushed_commit_is_really_built(cloud: BuildCloud) -> None:
    cloud.api.create_report_group(
        name="shop-unit",
        type="TEST",
        exportConfig={"exportConfigType": "S3", "s3Destination": {"bucket": "reports", "path": "raw"}},
    )
    artifacts = {"type": "S3", "location": "artifacts", "packaging": "ZIP", "overrideArtifactName": True, "path": "p"}
    cloud.project(artifacts=artifacts)
    first = cloud.push(buildspec_yml=SPEC, junit_xml=JUNIT, cov_xml=COBERTURA)
    cloud.push(buildspec_yml="broken: [")

    started = cloud.api.start_build(
        projectName="shop", sourceVersion=first, environmentVariablesOverride=[{"name": "WHO", "value": "start"}]
    )["build"]
    build = cloud.wait(started["id"])

    assert build["buildStatus"] == "SUCCEEDED"
    assert (build["buildNumber"], build["initiator"], build["resolvedSourceVersion"]) == (1, "alice", first)
    assert [phase["phaseType"] for phase in build["phases"]] == [
        "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE", "INSTALL", "PRE_BUILD", "BUILD", "POST_BUILD",
        "UPLOAD_ARTIFACTS", "FINALIZING", "COMPLETED",
    ]  # fmt: skip
    assert all(phase["phaseStatus"] == "SUCCEEDED" for phase in build["phases"][:-1])
    assert build["exportedEnvironmentVariables"] == [{"name": "VERSION", "value": "1.2.1"}]
    assert "hello start from alice" in cloud.log(build["id"])
    assert build["artifacts"]["location"] == "arn:aws:s3:::artifacts/p/shop-release.zip"
    with zipfile.ZipFile(io.BytesIO(cloud.s3.objects["artifacts/p/shop-release.zip"])) as archive:
        assert sorted(archive.namelist()) == ["a.txt", "deep/b.txt"]
    assert len(build["artifacts"]["sha256sum"]) == 64
    assert not list(builds_folder(cloud.home).iterdir())


def test_reports_are_exported_raw_and_summed_up(cloud: BuildCloud) -> None:
    cloud.api.create_report_group(
        name="shop-unit",
        type="TEST",
        exportConfig={"exportConfigType": "S3", "s3Destination": {"bucket": "reports", "path": "raw"}},
    )
    cloud.project()
    cloud.push(buildspec_yml=SPEC, junit_xml=JUNIT, cov_xml=COBERTURA)

    build = cloud.wait(cloud.api.start_build(projectName="shop")["build"]["id"])

    unit, coverage = cloud.api.batch_get_reports(reportArns=build["reportArns"])["reports"]
    assert (unit["name"], unit["status"], unit["executionId"]) == ("shop-unit", "FAILED", build["arn"])
    assert unit["testSummary"]["total"] == 3
    assert unit["testSummary"]["statusCounts"]["FAILED"] == 1
    own = unit["arn"].rpartition(":")[2]
    assert cloud.s3.objects == {f"reports/raw/shop-unit/{own}/junit.xml": JUNIT.encode()}
    cases = cloud.api.describe_test_cases(reportArn=unit["arn"], filter={"status": "FAILED"})["testCases"]
    assert [case["name"] for case in cases] == ["bad"]
    assert (coverage["type"], coverage["status"]) == ("CODE_COVERAGE", "SUCCEEDED")
    assert coverage["codeCoverageSummary"]["lineCoveragePercentage"] == 50.0
    (file,) = cloud.api.describe_code_coverages(reportArn=coverage["arn"])["codeCoverages"]
    assert (file["filePath"], file["linesCovered"], file["linesMissed"]) == ("a.py", 1, 1)
    groups = cloud.api.list_report_groups()["reportGroups"]
    assert [group.rpartition("/")[2] for group in groups] == ["shop-coverage", "shop-unit"]
    listed = cloud.api.list_reports_for_report_group(reportGroupArn=groups[1])["reports"]
    assert listed == [unit["arn"]]


def test_events_have_the_exact_shape(cloud: BuildCloud) -> None:
    build_id = cloud.inline("exit 4")
    build = cloud.wait(build_id)
    cloud.settle()

    first, last = cloud.details("State")
    assert (first["build-status"], first["current-phase"]) == ("IN_PROGRESS", "SUBMITTED")
    assert (last["build-status"], last["current-phase"], last["version"]) == ("FAILED", "COMPLETED", "1")
    assert last["build-id"] == build["arn"]
    assert last["current-phase-context"] == "[]"
    more = last["additional-information"]
    assert (more["build-number"], more["timeout-in-minutes"], more["build-complete"]) == (1.0, 60.0, True)
    assert isinstance(more["build-number"], float)
    assert time.strptime(more["build-start-time"], "%b %d, %Y %I:%M:%S %p")
    assert more["environment"]["environment-variables"] == [{"name": "WHO", "type": "PLAINTEXT", "value": "project"}]
    assert more["logs"]["stream-name"] == build_id.partition(":")[2]
    assert set(more["phases"][-1]) == {"phase-type", "start-time"}
    assert more["phases"][-1]["phase-type"] == "COMPLETED"
    phases = cloud.details("Phase")
    assert [p["completed-phase"] for p in phases] == [p["phaseType"] for p in build["phases"][:-1]]
    (failed,) = [p for p in phases if p["completed-phase-status"] == "FAILED"]
    assert failed["completed-phase"] == "BUILD"
    assert failed["completed-phase-context"] == (
        "[COMMAND_EXECUTION_ERROR: Error while executing command: exit 4. Reason: exit status 4]"
    )
    assert isinstance(failed["completed-phase-duration-seconds"], float)
    assert cloud.bus.events[0].resources == (build["arn"],)


def test_the_same_token_is_the_same_build_and_other_parameters_are_refused(cloud: BuildCloud) -> None:
    cloud.inline("true")
    request: dict[str, Any] = {"projectName": "inline", "idempotencyToken": "t", "sourceVersion": "a"}

    first = cloud.api.start_build(**request)["build"]
    again = cloud.api.start_build(**request)["build"]

    assert again["id"] == first["id"]
    code, message = refused(cloud.api.start_build, **request | {"sourceVersion": "b"})
    assert (code, "do not match" in message) == ("InvalidInputException", True)


def test_stop_ends_a_build_and_nothing_of_it_survives(cloud: BuildCloud) -> None:
    build_id = cloud.inline("setsid sleep 300 & echo begun; wait")
    cloud.wait_for_log(build_id, "begun")

    answer = cloud.api.stop_build(id=build_id)["build"]
    build = cloud.wait(build_id)

    assert answer["id"] == build_id
    assert build["buildStatus"] == "STOPPED"
    assert [p["phaseStatus"] for p in build["phases"] if p["phaseType"] == "BUILD"] == ["STOPPED"]
    assert cloud.api.stop_build(id=build_id)["build"]["buildStatus"] == "STOPPED"
    assert not [path for path in Path("/proc").glob("[0-9]*/environ") if is_marked(path, build_id)]


def is_marked(path: Path, build_id: str) -> bool:
    try:
        return build_id.encode() in path.read_bytes()
    except OSError:
        return False


def test_a_full_account_queues_then_refuses_and_a_full_project_refuses(cloud: BuildCloud) -> None:
    cloud.project("slow", "version: 0.2\nphases: {build: {commands: [sleep 60]}}\n")
    cloud.project("one", "version: 0.2\nphases: {build: {commands: [sleep 60]}}\n", concurrentBuildLimit=1)
    cloud.api.start_build(projectName="one")
    code, message = refused(cloud.api.start_build, projectName="one")
    assert (code, "active builds" in message) == ("AccountLimitExceededException", True)

    ids = [cloud.api.start_build(projectName="slow")["build"]["id"] for _ in range(5)]

    assert refused(cloud.api.start_build, projectName="slow")[0] == "AccountLimitExceededException"
    queued = cloud.get(ids[-1])
    assert (queued["currentPhase"], queued["buildStatus"]) == ("QUEUED", "IN_PROGRESS")
    cloud.api.stop_build(id=ids[-1])
    assert cloud.get(ids[-1])["buildStatus"] == "STOPPED"


def test_builds_that_ran_when_the_cloud_went_down_become_faults_with_an_event(tmp_path: Path) -> None:
    settings, bus = Settings(grace_seconds=0.3), RecordingBus()
    with build_cloud(tmp_path, settings, bus) as cloud:
        build_id = cloud.inline("echo begun; sleep 300")
        cloud.wait_for_log(build_id, "begun")

    with build_cloud(tmp_path, settings, bus) as cloud:
        assert cloud.get(build_id)["buildStatus"] == "IN_PROGRESS"
        assert cloud.service.start() == [build_id]
        build = cloud.get(build_id)
        cloud.settle()

    assert (build["buildStatus"], build["currentPhase"], build["buildComplete"]) == ("FAULT", "COMPLETED", True)
    assert build["phases"][-2]["phaseStatus"] == "FAULT"
    assert cloud.details("State")[-1]["build-status"] == "FAILED"


def test_a_missing_buildspec_is_a_yaml_file_error(cloud: BuildCloud) -> None:
    cloud.project()
    cloud.push(readme="x")

    build = cloud.wait(cloud.api.start_build(projectName="shop")["build"]["id"])

    (phase,) = [p for p in build["phases"] if p["phaseType"] == "DOWNLOAD_SOURCE"]
    assert phase["contexts"] == [{"statusCode": "YAML_FILE_ERROR", "message": "YAML file does not exist"}]
    assert build["buildStatus"] == "FAILED"


def test_branches_tags_and_unknown_versions(cloud: BuildCloud) -> None:
    cloud.project()
    spec = "version: 0.2\nphases: {build: {commands: ['echo %s']}}\n"
    first = cloud.push(buildspec_yml=spec % "first")
    git(cloud.work, "tag", "-a", "v1", "-m", "v1")
    git(cloud.work, "push", "-q", "origin", "v1")
    second = cloud.push(buildspec_yml=spec % "second")

    for version, commit_id in (("v1", first), ("refs/tags/v1", first), ("main", second), ("refs/heads/main", second)):
        build = cloud.wait(cloud.api.start_build(projectName="shop", sourceVersion=version)["build"]["id"])
        assert build["resolvedSourceVersion"] == commit_id
    lost = cloud.wait(cloud.api.start_build(projectName="shop", sourceVersion="--upload-pack=x")["build"]["id"])
    (phase,) = [p for p in lost["phases"] if p["phaseType"] == "DOWNLOAD_SOURCE"]
    assert (
        "reference not found for primary source and source version --upload-pack=x" in phase["contexts"][0]["message"]
    )


def test_secrets_reach_the_build_and_not_the_log(cloud: BuildCloud) -> None:
    build_id = cloud.inline(
        'echo "$P $S"; test "$P" = parameter-value; test "$S" = secret-value',
        environment={
            "type": "LINUX_CONTAINER",
            "image": "x",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [
                {"name": "P", "value": "/shop/token", "type": "PARAMETER_STORE"},
                {"name": "S", "value": "shop:key", "type": "SECRETS_MANAGER"},
            ],
        },
    )

    assert cloud.wait(build_id)["buildStatus"] == "SUCCEEDED"
    assert "*** ***" in cloud.log(build_id)
    assert not [line for line in cloud.log(build_id) if "parameter-value" in line and "Running" not in line]


def test_an_upload_that_fails_fails_the_build(cloud: BuildCloud) -> None:
    cloud.s3.is_down = True
    cloud.project(artifacts={"type": "S3", "location": "artifacts"})
    cloud.push(
        buildspec_yml=SPEC.partition("reports:")[0] + "artifacts: {files: [readme]}\n",
        readme="x",
        junit_xml="x",
        cov_xml="y",
    )

    build = cloud.wait(cloud.api.start_build(projectName="shop")["build"]["id"])

    (phase,) = [p for p in build["phases"] if p["phaseType"] == "UPLOAD_ARTIFACTS"]
    assert build["buildStatus"] == "FAILED"
    assert "S3 is away" in phase["contexts"][0]["message"]


def test_a_build_asked_to_retry_runs_again_under_a_new_id(cloud: BuildCloud) -> None:
    cloud.project("again", "version: 0.2\nphases: {build: {on-failure: RETRY-1, commands: ['exit 1']}}\n")

    first = cloud.wait(cloud.api.start_build(projectName="again")["build"]["id"])
    deadline = time.monotonic() + 10
    while "autoRetryConfig" not in first and time.monotonic() < deadline:
        first = cloud.get(first["id"])
    second = cloud.wait(first["autoRetryConfig"]["nextAutoRetry"].partition("build/")[2])

    assert second["autoRetryConfig"]["previousAutoRetry"] == first["arn"]
    assert second["autoRetryConfig"]["autoRetryNumber"] == 1
    time.sleep(0.3)
    assert len(cloud.api.list_builds_for_project(projectName="again")["ids"]) == 2


def test_a_build_of_root_can_run_as_another_user(cloud: BuildCloud) -> None:
    spec = "version: 0.2\nphases:\n  build: {run-as: nobody, commands: [id -un, mkdir out, id -un > out/who]}\n"
    cloud.project("other", spec)

    build_id = cloud.start("other")

    expected = ["nobody"] if os.geteuid() == 0 else []
    assert cloud.wait(build_id)["buildStatus"] == ("SUCCEEDED" if expected else "FAILED")
    assert [line for line in cloud.log(build_id) if not line.startswith("[Container]")] == expected


def test_a_windows_project_says_honestly_that_it_cannot_run(cloud: BuildCloud) -> None:
    build_id = cloud.inline(
        "dir",
        environment={"type": "WINDOWS_SERVER_2019_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_MEDIUM"},
    )

    build = cloud.wait(build_id)
    (phase,) = [p for p in build["phases"] if p["phaseType"] == "PROVISIONING"]
    assert "needs Windows; the variable BUILDGATE_ALLOW_HOST=1, or" in phase["contexts"][0]["message"]
    assert build["buildStatus"] == "FAILED"


def test_a_windows_project_runs_here_when_that_is_allowed_and_says_so(cloud: BuildCloud) -> None:
    machine = {"type": "WINDOWS_SERVER_2019_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_MEDIUM"}
    allowed = [{"name": "BUILDGATE_ALLOW_HOST", "value": "1"}]

    build_id = cloud.inline("echo ran", environment=machine | {"environmentVariables": allowed})

    assert cloud.wait(build_id)["buildStatus"] == "SUCCEEDED"
    assert "needs Windows: its commands run on this machine as asked" in cloud.log(build_id)[0]


def test_projects_are_created_changed_and_deleted(cloud: BuildCloud) -> None:
    cloud.inline("true")
    assert refused(cloud.project, name="inline")[0] == "ResourceAlreadyExistsException"

    changed = cloud.api.update_project(name="inline", description="new", concurrentBuildLimit=3)["project"]
    assert (changed["description"], changed["concurrentBuildLimit"], changed["timeoutInMinutes"]) == ("new", 3, 60)
    assert "concurrentBuildLimit" not in cloud.api.update_project(name="inline", concurrentBuildLimit=-1)["project"]
    assert cloud.api.list_projects()["projects"] == ["inline"]
    found = cloud.api.batch_get_projects(names=["inline", "nope"])
    assert (len(found["projects"]), found["projectsNotFound"]) == (1, ["nope"])
    cloud.api.delete_project(name="inline")
    assert refused(cloud.api.start_build, projectName="inline")[0] == "ResourceNotFoundException"
    assert refused(cloud.api.update_project, name="inline")[0] == "ResourceNotFoundException"


def test_lists_are_paged_newest_first(cloud: BuildCloud) -> None:
    cloud.inline("true")
    ids = [cloud.wait(cloud.api.start_build(projectName="inline")["build"]["id"])["id"] for _ in range(3)]

    listed = cloud.api.list_builds()["ids"]
    assert listed[:3] == ids[::-1]
    assert cloud.api.list_builds_for_project(projectName="inline", sortOrder="ASCENDING")["ids"] == listed[::-1]
    assert refused(cloud.api.list_builds_for_project, projectName="nope")[0] == "ResourceNotFoundException"
    retried = cloud.api.retry_build(id=ids[0])["build"]
    assert retried["buildNumber"] == 5
    assert cloud.api.batch_delete_builds(ids=[ids[0]])["buildsDeleted"]
    assert cloud.api.batch_get_builds(ids=[ids[0]])["buildsNotFound"] == [ids[0]]
