"""The rest of the local CodeBuild: caches, sources, artifacts in every form, timeouts, accounts, the whole API."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildgate_cli.local.codebuild import Settings
from buildgate_cli.local.jsonmodel import service_model
from local_builds import BuildCloud, build_cloud, refused
from local_harness import commit, git

NOT_HERE = {
    *("BatchGetFleets", "CreateFleet", "DeleteFleet", "ListFleets", "UpdateFleet"),
    *("BatchGetCommandExecutions", "ListCommandExecutionsForSandbox", "StartCommandExecution"),
    *("BatchGetSandboxes", "ListSandboxes", "ListSandboxesForProject", "StartSandbox", "StartSandboxConnection"),
    "StopSandbox",
}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[BuildCloud]:
    with build_cloud(tmp_path, Settings(grace_seconds=0.3, seconds_per_minute=0.2)) as opened:
        yield opened


def test_every_operation_of_the_api_is_answered_or_named_as_missing(cloud: BuildCloud) -> None:
    answered = set(cloud.service.operations)

    assert answered | NOT_HERE == set(service_model("codebuild").operation_names)
    assert not answered & NOT_HERE
    assert refused(cloud.api.list_fleets)[0] == "UnknownOperationException"


CACHING = """\
version: 0.2
phases: {build: {commands: ['cat dep 2>/dev/null || echo cold', 'echo warm > dep']}}
cache: {key: k-$CODEBUILD_INITIATOR, paths: [dep]}
"""


@pytest.mark.parametrize(
    "cache", [{"type": "S3", "location": "bucket/caches"}, {"type": "LOCAL", "modes": ["LOCAL_CUSTOM_CACHE"]}]
)
def test_caches_are_kept_between_builds_until_they_are_invalidated(cloud: BuildCloud, cache: dict[str, Any]) -> None:
    cloud.project("pc", CACHING, cache=cache)

    def first_line() -> str:
        build = cloud.wait(cloud.start("pc"))
        assert build["buildStatus"] == "SUCCEEDED"
        return next(line for line in cloud.log(build["id"]) if not line.startswith("[Container]"))

    assert [first_line(), first_line()] == ["cold", "warm"]
    cloud.api.invalidate_project_cache(projectName="pc")
    assert first_line() == "cold"


def test_artifacts_without_packaging_are_files_below_the_name(cloud: BuildCloud) -> None:
    spec = "version: 0.2\nphases: {build: {commands: ['mkdir d; echo 1 > a; echo 2 > d/b']}}\nartifacts: {files: ['**/*']}\n"
    place = {"type": "S3", "location": "b", "path": "/p/", "namespaceType": "BUILD_ID", "name": "out"}
    cloud.project("pa", spec, artifacts=place)

    build = cloud.wait(cloud.start("pa"))

    own = build["id"].partition(":")[2]
    assert cloud.s3.objects == {f"b/p/{own}/out/a": b"1\n", f"b/p/{own}/out/d/b": b"2\n"}
    assert build["artifacts"]["location"] == f"arn:aws:s3:::b/p/{own}/out"


def test_secondary_artifacts_go_where_the_project_says(cloud: BuildCloud) -> None:
    spec = """version: 0.2
phases: {build: {commands: ['echo 1 > a; echo 2 > b']}}
artifacts: {files: [a], secondary-artifacts: {other: {files: [b]}}}
"""
    other = {"type": "S3", "location": "second", "artifactIdentifier": "other", "packaging": "ZIP", "name": "o.zip"}
    cloud.project("pa", spec, artifacts={"type": "S3", "location": "first"}, secondaryArtifacts=[other])

    build = cloud.wait(cloud.start("pa"))

    assert sorted(cloud.s3.objects) == ["first/pa/a", "second/o.zip"]
    (noted,) = build["secondaryArtifacts"]
    assert (noted["artifactIdentifier"], noted["location"]) == ("other", "arn:aws:s3:::second/o.zip")


def test_a_zip_in_s3_is_built_and_a_missing_one_is_an_error(cloud: BuildCloud) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("buildspec.yml", "version: 0.2\nphases: {build: {commands: [echo from s3]}}\n")
    cloud.s3.objects["src/app.zip"] = buffer.getvalue()
    cloud.s3.objects["src/folder/buildspec.yml"] = b"version: 0.2\nphases: {build: {commands: [echo from folder]}}\n"
    cloud.project("pz", "x\n", source={"type": "S3", "location": "src/app.zip"})

    assert "from s3" in cloud.log(cloud.wait(cloud.start("pz"))["id"])
    assert "from folder" in cloud.log(cloud.wait(cloud.start("pz", sourceLocationOverride="src/folder/"))["id"])
    missing = cloud.wait(cloud.start("pz", sourceLocationOverride="src/none.zip"))
    (phase,) = [p for p in missing["phases"] if p["phaseType"] == "DOWNLOAD_SOURCE"]
    assert "unable to download src/none.zip" in phase["contexts"][0]["message"]


def test_secondary_sources_of_another_repository(cloud: BuildCloud) -> None:
    lib = commit(cloud.work, {"lib.txt": "library"})
    git(cloud.work, "push", "-q", "origin", "main:lib")
    spec = "version: 0.2\nphases: {build: {commands: ['cat $CODEBUILD_SRC_DIR_lib/lib.txt', 'echo; echo $CODEBUILD_SOURCE_VERSION_lib']}}\n"
    source = {"type": "CODECOMMIT", "location": "shop", "sourceIdentifier": "lib"}
    versions = [{"sourceIdentifier": "lib", "sourceVersion": lib}]
    cloud.project("ps", spec, secondarySources=[source], secondarySourceVersions=versions)

    log = cloud.log(cloud.wait(cloud.start("ps"))["id"])

    assert ("library" in log, lib in log) == (True, True)


def test_a_buildspec_may_be_a_path_inline_json_or_an_object_in_s3(cloud: BuildCloud) -> None:
    cloud.project()
    cloud.push(other_yml="version: 0.2\nphases: {build: {commands: [echo by path]}}\n")
    cloud.s3.objects["specs/b.yml"] = b"version: 0.2\nphases: {build: {commands: [echo by object]}}\n"
    inline = json.dumps({"version": "0.2", "phases": {"build": {"commands": ["echo by json"]}}})

    for override, said in (("other.yml", "by path"), (inline, "by json"), ("arn:aws:s3:::specs/b.yml", "by object")):
        assert said in cloud.log(cloud.wait(cloud.start("shop", buildspecOverride=override))["id"])


def test_a_build_that_takes_too_long_is_timed_out_and_failed_in_the_event(cloud: BuildCloud) -> None:
    cloud.project("slow", "version: 0.2\nphases: {build: {commands: [sleep 60]}}\n", timeoutInMinutes=5)

    build = cloud.wait(cloud.start("slow"))
    cloud.settle()

    assert build["buildStatus"] == "TIMED_OUT"
    assert [p["phaseStatus"] for p in build["phases"] if p["phaseType"] == "BUILD"] == ["TIMED_OUT"]
    assert cloud.details("State")[-1]["build-status"] == "FAILED"
    (phase,) = [p for p in cloud.details("Phase") if p["completed-phase"] == "BUILD"]
    assert phase["completed-phase-status"] == "TIMED_OUT"


def test_a_build_that_waits_too_long_is_timed_out_in_the_queue(tmp_path: Path) -> None:
    settings = Settings(grace_seconds=0.3, seconds_per_minute=0.1, concurrent_builds=1)
    with build_cloud(tmp_path, settings) as cloud:
        spec = "version: 0.2\nphases: {build: {commands: [sleep 60]}}\n"
        cloud.project("pq", spec, timeoutInMinutes=2000, queuedTimeoutInMinutes=5)
        cloud.start("pq")

        build = cloud.wait(cloud.start("pq"))

    assert (build["buildStatus"], build["phases"][-2]["phaseType"]) == ("TIMED_OUT", "QUEUED")


def test_source_credentials_are_listed_without_their_token(cloud: BuildCloud) -> None:
    arn = cloud.api.import_source_credentials(token="t0ken", serverType="GITHUB", authType="PERSONAL_ACCESS_TOKEN")[
        "arn"
    ]
    code, _ = refused(
        cloud.api.import_source_credentials, token="t", serverType="GITHUB", authType="OAUTH", shouldOverwrite=False
    )

    assert code == "ResourceAlreadyExistsException"
    (info,) = cloud.api.list_source_credentials()["sourceCredentialsInfos"]
    assert info == {"arn": arn, "serverType": "GITHUB", "authType": "PERSONAL_ACCESS_TOKEN"}
    assert cloud.api.delete_source_credentials(arn=arn)["arn"] == arn
    assert refused(cloud.api.delete_source_credentials, arn=arn)[0] == "ResourceNotFoundException"
    assert b"t0ken" not in (cloud.home / "codebuild.sqlite3").read_bytes()


def test_webhooks_belong_to_projects_whose_source_has_them(cloud: BuildCloud) -> None:
    cloud.project("plain", "x\n")
    cloud.project("hub", source={"type": "GITHUB", "location": "https://github.invalid/o/r.git"})

    made = cloud.api.create_webhook(projectName="hub", branchFilter="^main$")["webhook"]
    assert (made["branchFilter"], bool(made["secret"])) == ("^main$", True)
    assert refused(cloud.api.create_webhook, projectName="hub")[0] == "ResourceAlreadyExistsException"
    assert refused(cloud.api.create_webhook, projectName="plain")[0] == "InvalidInputException"
    rotated = cloud.api.update_webhook(projectName="hub", rotateSecret=True)["webhook"]
    assert rotated["secret"] != made["secret"]
    (project,) = cloud.api.batch_get_projects(names=["hub"])["projects"]
    assert "secret" not in project["webhook"]
    cloud.api.delete_webhook(projectName="hub")
    assert refused(cloud.api.delete_webhook, projectName="hub")[0] == "ResourceNotFoundException"


def test_policies_visibility_and_images(cloud: BuildCloud) -> None:
    cloud.project("pp", "x\n")
    (project,) = cloud.api.batch_get_projects(names=["pp"])["projects"]
    cloud.api.put_resource_policy(policy="{}", resourceArn=project["arn"])
    assert cloud.api.get_resource_policy(resourceArn=project["arn"])["policy"] == "{}"
    cloud.api.delete_resource_policy(resourceArn=project["arn"])
    assert refused(cloud.api.get_resource_policy, resourceArn=project["arn"])[0] == "ResourceNotFoundException"
    assert refused(cloud.api.put_resource_policy, policy="no", resourceArn="a")[0] == "InvalidInputException"
    shown = cloud.api.update_project_visibility(projectArn=project["arn"], projectVisibility="PUBLIC_READ")
    assert shown["projectVisibility"] == "PUBLIC_READ"
    platforms = {each["platform"] for each in cloud.api.list_curated_environment_images()["platforms"]}
    assert {"AMAZON_LINUX", "UBUNTU"} <= platforms
    assert cloud.api.list_shared_projects()["projects"] == []


def test_the_trend_of_a_report_group_is_over_its_reports(cloud: BuildCloud) -> None:
    suite = '<testsuite tests="2"><testcase name="a"/><testcase name="b">%s</testcase></testsuite>'
    spec = "version: 0.2\nphases: {build: {commands: ['echo \"$XML\" > j.xml']}}\nreports: {unit: {files: [j.xml]}}\n"
    cloud.project("pt", spec)
    for inner in ("", "<failure/>"):
        cloud.wait(cloud.start("pt", environmentVariablesOverride=[{"name": "XML", "value": suite % inner}]))

    (group,) = cloud.api.list_report_groups()["reportGroups"]
    found = cloud.api.get_report_group_trend(reportGroupArn=group, trendField="PASS_RATE")
    assert found["stats"] == {"average": "75", "max": "100", "min": "50"}
    assert [each["data"] for each in found["rawData"]] == ["100", "50"]
    code, _ = refused(cloud.api.get_report_group_trend, reportGroupArn=group, trendField="LINE_COVERAGE")
    assert code == "InvalidInputException"
    assert refused(cloud.api.delete_report_group, arn=group)[0] == "InvalidInputException"
    cloud.api.delete_report_group(arn=group, deleteReports=True)
    assert cloud.api.list_reports()["reports"] == []


def test_overrides_replace_and_variables_merge(cloud: BuildCloud) -> None:
    cloud.project("po", "version: 0.2\nphases: {build: {commands: ['true']}}\n")

    build = cloud.get(
        cloud.start(
            "po",
            imageOverride="other:1",
            computeTypeOverride="BUILD_GENERAL1_LARGE",
            privilegedModeOverride=True,
            timeoutInMinutesOverride=9,
            environmentVariablesOverride=[{"name": "NEW", "value": "1"}, {"name": "WHO", "value": "start"}],
        )
    )

    environment = build["environment"]
    assert (environment["image"], environment["computeType"]) == ("other:1", "BUILD_GENERAL1_LARGE")
    assert (environment["privilegedMode"], build["timeoutInMinutes"]) == (True, 9)
    assert {v["name"]: v["value"] for v in environment["environmentVariables"]} == {"WHO": "start", "NEW": "1"}
    bad = [{"name": "CODEBUILD_BUILD_ID", "value": "x"}]
    assert (
        refused(cloud.api.start_build, projectName="po", environmentVariablesOverride=bad)[0] == "InvalidInputException"
    )
    assert refused(cloud.api.start_build, projectName="po", timeoutInMinutesOverride=5000)[0] == "InvalidInputException"


def test_a_project_without_logs_keeps_none(cloud: BuildCloud) -> None:
    off = {"cloudWatchLogs": {"status": "DISABLED"}}

    build = cloud.wait(cloud.inline("echo quiet", logsConfig=off))

    assert build["buildStatus"] == "SUCCEEDED"
    assert "groupName" not in build["logs"]
    assert cloud.logs.streams == {}


def test_a_log_is_kept_in_s3_where_the_project_asks_for_it(cloud: BuildCloud) -> None:
    stored = {"cloudWatchLogs": {"status": "DISABLED"}, "s3Logs": {"status": "ENABLED", "location": "bucket/logs"}}

    build = cloud.wait(cloud.inline("echo stored", logsConfig=stored))

    place = build["logs"]["s3LogsArn"].removeprefix("arn:aws:s3:::")
    assert place == f"bucket/logs/{build['id'].partition(':')[2]}.gz"
    assert "stored" in gzip.decompress(cloud.s3.objects[place]).decode().splitlines()


def test_metrics_are_published_by_project_and_over_all(cloud: BuildCloud) -> None:
    cloud.wait(cloud.inline("exit 1"))
    cloud.service.stop()

    names = [(data["MetricName"], bool(data["Dimensions"])) for data in cloud.metrics.data]
    assert ("FailedBuilds", True) in names
    assert ("FailedBuilds", False) in names
    assert ("BuildDuration", True) in names
    assert not any(name == "SucceededBuilds" for name, _ in names)


def test_test_cases_that_passed_are_listed_too(cloud: BuildCloud) -> None:
    xml = '<testsuite><testcase name="good"/><testcase name="bad"><failure/></testcase></testsuite>'
    spec = "version: 0.2\nphases: {build: {commands: ['echo \"$XML\" > j.xml']}}\nreports: {unit: {files: [j.xml]}}\n"
    cloud.project("tc", spec)
    build = cloud.wait(cloud.start("tc", environmentVariablesOverride=[{"name": "XML", "value": xml}]))

    cases = cloud.api.describe_test_cases(reportArn=build["reportArns"][0])["testCases"]
    assert [(case["name"], case["status"]) for case in cases] == [("bad", "FAILED"), ("good", "SUCCEEDED")]


def test_a_report_that_cannot_be_read_is_incomplete(cloud: BuildCloud) -> None:
    cloud.project(
        "rp", "version: 0.2\nphases: {build: {commands: ['echo x > j.xml']}}\nreports: {unit: {files: [j.xml]}}\n"
    )
    build = cloud.wait(cloud.start("rp"))

    (report,) = cloud.api.batch_get_reports(reportArns=build["reportArns"])["reports"]
    assert (build["buildStatus"], report["status"]) == ("SUCCEEDED", "INCOMPLETE")
