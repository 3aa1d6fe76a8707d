"""What recording a build must not load: it runs with every event, and each of these costs more than the work itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DENIED = {
    "boto3": "its eager imports; botocore does",
    "pydantic": "half a client; build events are parsed by hand",
    "aws_xray_sdk": "the tracer patches every library it finds; Lambda traces by itself",
    "aws_lambda_powertools.utilities.parser": "models of every event there is",
    "buildgate_cli": "is never shipped",
    "jinja2": "pages are another function",
    "yaml": "pipelines are stored as JSON",
    "requests": "botocore speaks HTTP",
    "buildgate.domain.approvals": "approvals are another function",
    "buildgate.domain.gates": "gates are another function",
    "buildgate.domain.run_notices": "people are told of runs by another function",
    "buildgate.domain.runs": "of its run a build knows its slot",
    "buildgate.domain.pipelines": "a build does not know its pipeline's definition",
    "buildgate.inbound.pipeline_file": "files are read by the command line",
    "buildgate.ports": "types only",
    "buildgate.reports": "reports are read by the gate",
    "buildgate.web": "pages are another function",
}
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "record_build",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "BUILDGATE_TABLE": "buildgate",
    "BUILDGATE_ACCOUNT": "123456789012",
    "SUCCESS_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:success",
    "FAILURE_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:failure",
}


def started(question):
    """What a sandbox says of itself that has started and waits for its first build event."""
    path = os.pathsep.join(str(ROOT / folder) for folder in ("functions/record_build", "layers/core"))
    code = f"import app, gc, json, sys; print(json.dumps({question}))"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**ENVIRONMENT, "PYTHONPATH": path}, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def loaded():
    return set(started("sorted(sys.modules)"))


@pytest.mark.parametrize("name", DENIED)
def test_recording_a_build_does_not_load(loaded, name):
    assert name not in loaded, DENIED[name]


def test_clients_that_every_build_event_needs_are_made_before_the_first(loaded):
    assert {"botocore.session", "botocore.client", "botocore.endpoint"} <= loaded


def test_garbage_is_collected_once_the_handler_is_built_and_what_the_start_made_is_left_alone():
    is_collecting, collections, frozen = started(
        "[gc.isenabled(), gc.get_stats()[2]['collections'], gc.get_freeze_count()]"
    )

    assert is_collecting
    assert collections == 0
    assert frozen > 10_000
