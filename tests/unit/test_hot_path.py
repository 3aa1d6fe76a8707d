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


@pytest.fixture(scope="module")
def loaded():
    """The modules of a sandbox that has started and waits for its first build event."""
    path = os.pathsep.join(str(ROOT / folder) for folder in ("functions/record_build", "layers/core"))
    code = "import app, json, sys; print(json.dumps(sorted(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**ENVIRONMENT, "PYTHONPATH": path}, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("name", DENIED)
def test_recording_a_build_does_not_load(loaded, name):
    assert name not in loaded, DENIED[name]


def test_clients_that_every_build_event_needs_are_made_before_the_first(loaded):
    assert {"botocore.session", "botocore.client", "botocore.endpoint"} <= loaded
