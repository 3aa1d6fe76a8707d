"""A foreign client: the `aws` program drives the local cloud with the commands that people copy from guides."""

import json

import pytest

from aws_program import Aws, installed
from local_cloud_asking import until
from local_harness import commit, git, new_work_tree

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("shared cloud")]

CREATE = """
aws codebuild create-project \
  --name my-web-app-build \
  --description "Build project for web application" \
  --source '{
    "type": "GITHUB",
    "location": "'"$CLONE_URL"'",
    "gitCloneDepth": 1,
    "buildspec": "buildspec.yml",
    "reportBuildStatus": true
  }' \
  --artifacts '{
    "type": "S3",
    "location": "my-build-artifacts"
  }' \
  --environment '{
    "type": "LINUX_CONTAINER",
    "image": "aws/codebuild/amazonlinux2-x86_64-standard:3.0",
    "computeType": "BUILD_GENERAL1_MEDIUM",
    "environmentVariables": [
      {
        "name": "NODE_ENV",
        "value": "production"
      },
      {
        "name": "AWS_DEFAULT_REGION",
        "value": "us-west-2"
      }
    ]
  }' \
  --service-role arn:aws:iam::123456789012:role/CodeBuildServiceRole
"""
UPDATE = """
aws codebuild update-project \
  --name my-web-app-build \
  --environment '{
    "type": "LINUX_CONTAINER",
    "image": "aws/codebuild/amazonlinux2-x86_64-standard:4.0",
    "computeType": "BUILD_GENERAL1_LARGE",
    "environmentVariables": [
      {
        "name": "NODE_ENV",
        "value": "production"
      },
      {
        "name": "BUILD_CACHE",
        "value": "enabled"
      }
    ]
  }'
"""
START = """
aws codebuild start-build \
  --project-name my-web-app-build \
  --source-version main \
  --environment-variables-override name=BUILD_NUMBER,value=123 name=DEPLOYMENT_ENV,value=staging
"""
TEST_GROUP = """
aws codebuild create-report-group \
  --name my-web-app-test-reports \
  --type TEST \
  --export-config '{
    "exportConfigType": "S3",
    "s3Destination": {
      "bucket": "my-test-reports",
      "path": "codebuild-reports",
      "packaging": "ZIP"
    }
  }'
"""
COVERAGE_GROUP = """
aws codebuild create-report-group \
  --name my-web-app-coverage-reports \
  --type CODE_COVERAGE \
  --export-config '{
    "exportConfigType": "S3",
    "s3Destination": {
      "bucket": "my-coverage-reports",
      "path": "coverage"
    }
  }'
"""
ENVIRONMENTS = """
PROJECT_NAME="my-web-app-build"
ENVIRONMENTS=("development" "staging" "production")
SOURCE_VERSION=main
BUILD_IDS=()
for env in "${ENVIRONMENTS[@]}"; do
    BUILD_ID=$(aws codebuild start-build \
        --project-name ${PROJECT_NAME} \
        --source-version ${SOURCE_VERSION} \
        --environment-variables-override \
            name=ENVIRONMENT,value=${env} \
            name=BUILD_TIMESTAMP,value=$(date -Iseconds) \
        --query 'build.id' \
        --output text)
    BUILD_IDS+=($BUILD_ID)
done
for build_id in "${BUILD_IDS[@]}"; do
    STATUS=IN_PROGRESS
    while [ "$STATUS" = "IN_PROGRESS" ]; do
        STATUS=$(aws codebuild batch-get-builds \
            --ids ${build_id} \
            --query 'builds[0].buildStatus' \
            --output text)
        sleep 0.5
    done
    echo "$STATUS"
done
"""
BUILDSPEC = """\
version: 0.2
phases:
  build:
    commands:
      - echo "number $BUILD_NUMBER for $DEPLOYMENT_ENV$ENVIRONMENT"
      - sleep ${NAP:-0}
artifacts:
  files: [buildspec.yml]
"""
BATCH = "batch:\n  build-list:\n    - {identifier: one}\n    - {identifier: two}\n"


@pytest.fixture(scope="module")
def aws(cloud, tmp_path_factory):
    return Aws(installed(), cloud.context, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def clone_url(aws, tmp_path_factory):
    """A repository made by the program, with a commit pushed by git."""
    made = aws("aws codecommit create-repository --repository-name web-app --repository-description 'Web application'")
    url = made["repositoryMetadata"]["cloneUrlHttp"]
    work = new_work_tree(tmp_path_factory.mktemp("work") / "web-app", url)
    commit(work, {"buildspec.yml": BUILDSPEC, "batch.yml": BUILDSPEC + BATCH})
    git(work, "push", "-q", "origin", "main")
    return url


@pytest.fixture(scope="module")
def project(aws, clone_url):
    for bucket in ("my-build-artifacts", "my-test-reports", "my-coverage-reports"):
        aws.text(f"aws s3 mb s3://{bucket}")
    created = aws(CREATE, CLONE_URL=clone_url)["project"]
    assert created["environment"]["computeType"] == "BUILD_GENERAL1_MEDIUM"
    return created["name"]


def ended(aws, build_id):
    """Wait in this process, which is cheaper than one of the program's for every look, and read the build with it."""
    codebuild = aws.cloud.client("codebuild")
    until(lambda: codebuild.batch_get_builds(ids=[build_id])["builds"][0]["buildComplete"] or None, within=60)
    return aws(f"aws codebuild batch-get-builds --ids {build_id}")["builds"][0]


def test_repositories_and_branches_are_codecommits(aws, clone_url):
    branch = aws("aws codecommit get-branch --repository-name web-app --branch-name main")["branch"]
    names = aws.text("aws codecommit list-repositories --query 'repositories[].repositoryName' --output text")
    found = aws(f"aws codecommit get-commit --repository-name web-app --commit-id {branch['commitId']}")
    missing = aws.run("aws codecommit get-branch --repository-name web-app --branch-name nope")

    assert branch["branchName"] == "main"
    assert "web-app" in names.split()
    assert found["commit"]["author"]["email"] == "alice@example.com"
    assert "BranchDoesNotExistException" in missing.stderr


def test_a_project_is_created_updated_and_read(aws, project):
    updated = aws(UPDATE)["project"]
    read = aws(f"aws codebuild batch-get-projects --names {project} nope")
    again = aws.run(CREATE, CLONE_URL="/nowhere.git")

    assert updated["environment"]["computeType"] == "BUILD_GENERAL1_LARGE"
    assert read["projects"][0]["description"] == "Build project for web application"
    assert read["projectsNotFound"] == ["nope"]
    assert "ResourceAlreadyExistsException" in again.stderr


def test_a_build_is_started_listed_described_and_its_log_read(aws, project):
    build_id = aws(START)["build"]["id"]
    build = ended(aws, build_id)
    listed = aws(f"aws codebuild list-builds-for-project --project-name {project} --sort-order DESCENDING")["ids"]
    group, stream = f"/aws/codebuild/{project}", build_id.partition(":")[2]
    events = aws(f"aws logs get-log-events --log-group-name {group} --log-stream-name {stream}")["events"]

    assert build["buildStatus"] == "SUCCEEDED", json.dumps(build["phases"])
    assert listed[0] == build_id
    assert any(event["message"].strip() == "number 123 for staging" for event in events)
    kept = aws.text(f"aws s3 ls --recursive s3://my-build-artifacts/{project}")
    assert kept.endswith("buildspec.yml")


def test_a_build_is_stopped(aws, project):
    words = f"aws codebuild start-build --project-name {project} --environment-variables-override name=NAP,value=60"
    build_id = aws(words)["build"]["id"]

    aws(f"aws codebuild stop-build --id {build_id}")

    assert ended(aws, build_id)["buildStatus"] == "STOPPED"


def test_a_batch_is_started(aws, project):
    config = '{"serviceRole": "arn:aws:iam::123456789012:role/CodeBuildServiceRole"}'
    aws(f"aws codebuild update-project --name {project} --build-batch-config '{config}'")
    start = (
        f"aws codebuild start-build-batch --project-name {project} --source-version main --buildspec-override batch.yml"
    )
    batch_id = aws(start)["buildBatch"]["id"]

    codebuild = aws.cloud.client("codebuild")
    until(lambda: codebuild.batch_get_build_batches(ids=[batch_id])["buildBatches"][0]["complete"] or None, within=60)
    batch = aws(f"aws codebuild batch-get-build-batches --ids {batch_id}")["buildBatches"][0]
    assert batch["buildBatchStatus"] == "SUCCEEDED"
    assert {group["identifier"] for group in batch["buildGroups"]} >= {"one", "two"}


def test_report_groups_are_created_with_export(aws, project):
    tests, coverage = aws(TEST_GROUP)["reportGroup"], aws(COVERAGE_GROUP)["reportGroup"]
    listed = aws("aws codebuild list-report-groups")["reportGroups"]

    assert tests["exportConfig"]["s3Destination"]["packaging"] == "ZIP"
    assert coverage["type"] == "CODE_COVERAGE"
    assert {tests["arn"], coverage["arn"]} <= set(listed)


def test_the_multi_environment_script_builds_every_environment(aws, project):
    assert aws.text(ENVIRONMENTS).splitlines() == ["SUCCEEDED"] * 3


def test_an_operation_or_value_that_aws_refuses_is_refused(aws, project):
    unknown = aws.run("aws codebuild batch-get-fleets --names nope --endpoint-url $AWS_ENDPOINT_URL_CODEBUILD")
    no_build = aws.run("aws codebuild stop-build --id my-web-app-build:00000000-0000-4000-8000-000000000000")
    stranger = aws.run("aws codebuild list-projects", AWS_ACCESS_KEY_ID="AKIASTRANGER00000000")

    assert unknown.returncode != 0
    assert "ResourceNotFoundException" in no_build.stderr
    assert "UnrecognizedClientException" in stderr_of(stranger)


def stderr_of(done):
    assert done.returncode != 0
    return done.stderr
