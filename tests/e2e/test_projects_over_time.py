"""Projects as code in the whole local cloud: what stands beside them, drift, import, cleaning up, builds of a run."""

import json
import sys
import time

import pytest
import yaml

from cli_harness import Cli
from local_cloud_asking import until
from local_harness import commit, git, new_work_tree

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("shared cloud")]

PROJECT = {
    "name": "full",
    "source": {"type": "GITHUB", "location": "https://github.com/example/shop.git"},
    "buildspec": {"build": ["make test"], "reports": {"tests": "reports/junit.xml"}},
    "artifacts": {"type": "S3", "location": "kept", "path": "out", "name": "full", "packaging": "NONE"},
    "cache": {"type": "S3", "location": "kept/cache/full"},
    "environment": {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_SMALL",
    },
    "badgeEnabled": True,
    "tags": [{"key": "team", "value": "shop"}],
    "reportGroups": [{"name": "tests", "type": "TEST"}],
    "webhook": {
        "filterGroups": [[{"type": "EVENT", "pattern": "PUSH"}]],
        "pullRequestBuildPolicy": {"requiresCommentApproval": "ALL_PULL_REQUESTS"},
    },
    "alarms": {"failedBuilds": 1, "durationMinutes": 30},
    "lifecycle": {"artifactsDays": 90, "cacheDays": 14},
    "sourceCredentials": {
        "serverType": "GITHUB",
        "authType": "SECRETS_MANAGER",
        "arn": "arn:aws:secretsmanager:us-east-1:000000000000:secret:github",
    },
}
BESIDE = ("reportGroups", "webhook", "alarms", "lifecycle", "sourceCredentials")
PUT = """
import os, sys
from botocore.exceptions import ClientError
from botocore.session import Session
s3 = Session().create_client("s3", region_name="us-east-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
for key in sys.argv[1:]:
    try:
        s3.put_object(Bucket="{bucket}", Key=key, Body=b"x")
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
"""
IDLE = {
    "name": "idle",
    "source": {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: ['true']}}\n"},
    "artifacts": {"type": "NO_ARTIFACTS"},
    "environment": PROJECT["environment"] | {"computeType": "BUILD_GENERAL1_LARGE"},
}
OTHERS_RULE = {"ID": "others", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}


@pytest.fixture(scope="module")
def cloud(cloud):
    cloud.client("s3").create_bucket(Bucket="kept")
    rules = {"Rules": [OTHERS_RULE]}
    cloud.client("s3").put_bucket_lifecycle_configuration(Bucket="kept", LifecycleConfiguration=rules)
    return cloud


@pytest.fixture
def cli(cloud):
    command = Cli(cloud.home.path)

    def run(*words, exit_code=0, answer=None):
        done = command(*words, stdin=answer)
        assert done.exit_code == exit_code, f"{words}: {done.output}"
        return done

    return run


def write(folder, **changes):
    data = {key: value for key, value in {**PROJECT, **changes}.items() if value != "left out"}
    path = folder / "project.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return str(path)


def lifecycle(cloud):
    return [rule["ID"] for rule in cloud.client("s3").get_bucket_lifecycle_configuration(Bucket="kept")["Rules"]]


def alarms(cloud):
    found = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="buildgate-full-")["MetricAlarms"]
    return sorted(one["AlarmName"] for one in found)


def has_own_role(cloud, project):
    found = cloud.client("iam").list_roles(MaxItems=1000)["Roles"]
    return f"buildgate-build-us-east-1-{project}" in [role["RoleName"] for role in found]


def test_what_stands_beside_a_project_comes_and_goes_with_it(cloud, cli, tmp_path):
    path, builds = write(tmp_path), cloud.client("codebuild")

    created = cli("project", "apply", path)
    again = cli("project", "apply", path)

    (made,) = builds.batch_get_projects(names=["full"])["projects"]
    assert "make test" in made["source"]["buildspec"]
    assert made["serviceRole"].endswith(":role/buildgate-build-us-east-1-full")
    assert "webhook created" in created.stderr
    assert (again.stdout, again.stderr) == ("full: unchanged\n", "")
    assert alarms(cloud) == ["buildgate-full-failed-builds", "buildgate-full-long-builds"]
    assert lifecycle(cloud) == ["others", "buildgate-full-cache", "buildgate-full-artifacts"]
    assert len(builds.list_source_credentials()["sourceCredentialsInfos"]) == 1

    removed = cli("project", "delete", "full", "--yes", "--with-reports")

    assert "deleted full and 1 report group\n" in removed.stdout
    assert alarms(cloud) == []
    assert lifecycle(cloud) == ["others"]
    assert builds.list_source_credentials()["sourceCredentialsInfos"] == []
    groups = builds.list_report_groups()["reportGroups"]
    assert [arn for arn in groups if arn.partition(":report-group/")[2].startswith("full-")] == []
    assert not has_own_role(cloud, "full")


def test_a_project_goes_to_a_file_and_back_without_change(cloud, cli, tmp_path):
    cli("project", "apply", write(tmp_path))

    first = cli("project", "import", "full", "-o", str(tmp_path / "imported"))
    refused = cli("project", "import", "full", "-o", str(tmp_path / "imported"), exit_code=1)
    again = cli("project", "apply", str(tmp_path / "imported/full.yaml"))

    imported = yaml.safe_load((tmp_path / "imported/full.yaml").read_text())
    assert {key: imported[key] for key in BESIDE} == {key: PROJECT[key] for key in BESIDE}
    assert "the webhook's secret cannot be read" in first.stderr
    assert "full.yaml exists" in refused.stderr
    assert (again.stdout, again.stderr) == ("full: unchanged\n", "")
    assert cli("project", "diff", str(tmp_path / "imported/full.yaml")).stdout == "full: as in its file\n"
    assert "buildgate" not in [tag["key"] for tag in yaml.safe_load(cli("project", "import", "full").stdout)["tags"]]


def change_by_hand(cloud):
    builds = cloud.client("codebuild")
    (arn,) = [one for one in builds.list_report_groups()["reportGroups"] if one.endswith("/full-tests")]
    export = {"bucket": "kept", "path": "elsewhere", "packaging": "ZIP"}
    builds.update_report_group(arn=arn, exportConfig={"exportConfigType": "S3", "s3Destination": export})
    builds.update_webhook(projectName="full", filterGroups=[[{"type": "EVENT", "pattern": "PULL_REQUEST_CREATED"}]])
    (credentials,) = builds.list_source_credentials()["sourceCredentialsInfos"]
    builds.delete_source_credentials(arn=credentials["arn"])
    only = {"Rules": [OTHERS_RULE]}
    cloud.client("s3").put_bucket_lifecycle_configuration(Bucket="kept", LifecycleConfiguration=only)


def test_drift_is_shown_field_by_field_and_what_only_aws_has_too(cloud, cli, tmp_path):
    path = write(tmp_path)
    cli("project", "apply", path)
    cloud.client("codebuild").update_project(name="full", timeoutInMinutes=45, description="by hand")
    cloud.client("cloudwatch").delete_alarms(AlarmNames=["buildgate-full-long-builds"])
    change_by_hand(cloud)

    shown = cli("project", "diff", path, exit_code=1).stdout
    data = json.loads(cli("project", "diff", path, "--json", exit_code=1).stdout)["projects"][0]

    assert "timeoutInMinutes: AWS has 45, the file nothing" in shown
    assert {one["field"] for one in data["fields"]} == {"timeoutInMinutes", "description"}
    assert [what.partition(":")[0] for what in data["beside"]] == [
        "source credentials of GITHUB imported",
        "report group full-tests updated",
        "webhook updated",
        "alarm buildgate-full-long-builds created",
        "lifecycle of s3",
    ]
    assert data["remarks"] == []
    assert "applying would: webhook updated: filterGroups\n" in shown
    assert "not to s3://kept/elsewhere (ZIP)" in " ".join(shown.split())
    cli("project", "apply", path)
    (again,) = json.loads(cli("project", "diff", path, "--json", exit_code=1).stdout)["projects"]
    assert (again["beside"], again["fields"]) == ([], data["fields"])


def test_a_section_set_to_null_is_removed_and_one_left_out_stays(cloud, cli, tmp_path):
    cli("project", "apply", write(tmp_path))

    answer = cli("project", "apply", write(tmp_path, alarms=None, webhook=None, lifecycle="left out"))

    assert "webhook removed" in answer.stderr
    assert alarms(cloud) == []
    assert "buildgate-full-cache" in lifecycle(cloud)
    assert "webhook" not in cloud.client("codebuild").batch_get_projects(names=["full"])["projects"][0]


def test_a_denied_project_is_not_applied(cloud, cli, tmp_path):
    policy = tmp_path / "policy.yaml"
    policy.write_text("name: {pattern: 'team-.*'}\n")

    answer = cli("project", "apply", write(tmp_path, name="other"), "--policy", str(policy), exit_code=1)

    assert "error policy.name" in answer.stderr
    assert cloud.client("codebuild").batch_get_projects(names=["other"])["projects"] == []


def test_validation_reads_projects_and_roles_of_the_cloud(cloud, cli, tmp_path):
    cli("project", "apply", write(tmp_path))
    cloud.client("codebuild").update_project(name="full", serviceRole="arn:aws:iam::000000000000:role/gone")

    found = json.loads(cli("project", "validate", "-p", "full", "--role", "--json", exit_code=1).stdout)

    assert [one["code"] for one in found if one["severity"] == "error"] == ["PR110"]
    cli("project", "apply", write(tmp_path))
    cli("project", "validate", "-p", "full", "--role")


def test_a_build_writes_reports_below_its_own_projects_prefix_and_no_others(cloud, cli, tmp_path):
    bucket = cloud.description["outputs"]["ReportBucketName"]
    (tmp_path / "put.py").write_text(PUT.format(bucket=bucket))
    keys = ["reports/fenced/r/a", "reports/fenced-unit/r/a", "reports/others/fenced/a", "fenced/a"]
    command = f"{sys.executable} {tmp_path}/put.py {' '.join(keys)}"
    bare = dict.fromkeys(("artifacts", "cache", "webhook", "alarms", "lifecycle", "sourceCredentials"), "left out")
    plain = {"name": "fenced", "source": {"type": "NO_SOURCE"}, "buildspec": {"build": [command]}, **bare}

    cli("project", "apply", write(tmp_path, **plain))
    cli("build", "start", "fenced", "-w")

    assert [key for key in keys if cloud.client("s3").list_objects_v2(Bucket=bucket, Prefix=key)["KeyCount"]] == keys[
        :1
    ]
    cli("project", "apply", write(tmp_path, **plain, serviceRole="shared"))
    assert not has_own_role(cloud, "fenced")


def test_a_role_changed_by_hand_is_shown_and_brought_back(cloud, cli, tmp_path):
    path, iam = write(tmp_path), cloud.client("iam")
    place = {"RoleName": "buildgate-build-us-east-1-full", "PolicyName": "build"}
    cli("project", "apply", path)
    policy = iam.get_role_policy(**place)["PolicyDocument"]
    wide = [{**one, "Resource": "*"} if one["Sid"] == "ReportsForGates" else one for one in policy["Statement"]]
    iam.put_role_policy(**place, PolicyDocument=json.dumps({**policy, "Statement": wide}))

    shown = cli("project", "diff", path, exit_code=1).stdout
    would = cli("project", "apply", path, "--dry-run").stderr
    done = cli("project", "apply", path).stderr

    updated = "build role buildgate-build-us-east-1-full updated: ReportsForGates.Resource"
    assert f"applying would: {updated}" in shown
    assert (updated.replace("updated", "would be updated") in would, updated in done) == (True, True)
    assert iam.get_role_policy(**place)["PolicyDocument"] == policy
    assert cli("project", "apply", path).stderr == ""
    assert yaml.safe_load(cli("project", "import", "full").stdout)["serviceRole"] == "own"


def test_cleaning_shows_figures_first_and_takes_only_what_is_this_projects_and_old(cloud, cli, tmp_path):
    s3 = cloud.client("s3")
    cli("project", "apply", write(tmp_path, source={"type": "NO_SOURCE"}, webhook=None, buildspec={"build": ["true"]}))
    for key in ("out/full/a", "out/full2/a", "cache/full/k", "cache/other/k"):
        s3.put_object(Bucket="kept", Key=key, Body=b"x" * 2048)
    cli("build", "start", "full", "-w", "--set", "artifacts.type=NO_ARTIFACTS", "--set", "cache.type=NO_CACHE")
    nothing = cli("project", "clean", "full", "--older-than", "1d")
    time.sleep(1.1)

    asked = cli("project", "clean", "full", "--older-than", "1s", answer="n\n", exit_code=1)
    kept = s3.list_objects_v2(Bucket="kept")["KeyCount"]
    done = cli("project", "clean", "full", "--older-than", "1s", answer="y\n")

    assert "left nothing behind" in nothing.stderr
    assert "s3://kept/out/full" in asked.stdout
    assert kept == 4
    assert "removed 3 things" in done.stdout
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="kept")["Contents"]] == ["cache/other/k", "out/full2/a"]
    assert cloud.client("codebuild").list_builds_for_project(projectName="full")["ids"] == []


def test_stopping_a_run_stops_its_builds(cloud, cli, tmp_path):
    slow = {"source": {"type": "NO_SOURCE"}, "buildspec": {"build": ["sleep 60"]}, "name": "slow"}
    bare = dict.fromkeys(("artifacts", "cache", "webhook", "alarms", "lifecycle", "sourceCredentials"), "left out")
    cli("project", "apply", write(tmp_path, **slow, **bare))
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text(
        "name: slow\ntriggers: [{repository: slow, branches: [main]}]\n"
        "stages: [{name: test, builds: [{name: unit, project: slow}]}]\n"
    )
    cli("pipeline", "apply", str(pipeline))
    made = cloud.client("codecommit").create_repository(repositoryName="slow")["repositoryMetadata"]
    work = new_work_tree(tmp_path / "work", made["cloneUrlHttp"])
    commit(work, {"README": "slow\n"})
    git(work, "push", "-q", "origin", "main")
    run = until(lambda: cloud.api.get("runs", pipeline="slow", limit=1)["runs"] or None, within=60)[0]["run_id"]
    builds = cloud.client("codebuild")
    (build_id,) = until(lambda: builds.list_builds_for_project(projectName="slow")["ids"] or None, within=60)

    answer = cli("build", "stop", "--run", run, "--json")

    assert [one["build_id"] for one in json.loads(answer.stdout)["builds"]] in ([build_id], [])
    assert cloud.run(run, within=60)["status"] == "STOPPED"
    ended = until(
        lambda: [b for b in builds.batch_get_builds(ids=[build_id])["builds"] if b["buildComplete"]], within=60
    )
    assert ended[0]["buildStatus"] == "STOPPED"


def test_advice_on_the_machine_rests_on_what_builds_used(cloud, cli, tmp_path):
    (tmp_path / "idle.yaml").write_text(yaml.safe_dump(IDLE))
    cli("project", "apply", str(tmp_path / "idle.yaml"))
    cli("build", "start", "idle", "--environments", "a,b,c,d,e")

    def smaller():
        advice = json.loads(cli("project", "advise", "idle", "--json").stdout)["advice"]
        return next((one for one in advice if one["change"] == "use BUILD_GENERAL1_MEDIUM"), None)

    assert "% of the CPU and 1 % of the memory were used" in until(smaller)["evidence"]
    cli("project", "delete", "idle", "--yes")
