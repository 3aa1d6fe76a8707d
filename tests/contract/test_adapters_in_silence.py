"""Whatever an adapter asks of AWS, no answer is Unavailable: the one class that state machines retry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from buildgate.adapters.codebuild import CodeBuildLauncher
from buildgate.adapters.codecommit import CodeCommitRepositories
from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.stepfunctions import StepFunctionsExecutions
from buildgate.adapters.table.table import Change, Put, Table
from buildgate.domain.errors import Unavailable
from buildgate.domain.runs import Run
from buildgate.ports import BuildOrder

SILENCES = [EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError]
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


class _Named:
    """All that an execution needs to know of a run."""

    run_id = "r"
    execution_name = "r-1"
    correlation_id = "c"


def _launcher(aws: MemoryAws) -> CodeBuildLauncher:
    return CodeBuildLauncher(aws.client("codebuild"), quarantine=lambda *_: None)


RUN: Run = _Named()  # type: ignore[assignment]
ORDER = BuildOrder("unit", "main", "t" * 20, ())
ASKS: dict[str, Any] = {
    "put": lambda aws: Table(aws.client("dynamodb"), "t").put(Put({"pk": "a", "sk": "1"})),
    "get": lambda aws: Table(aws.client("dynamodb"), "t").get("a", "1"),
    "query": lambda aws: list(Table(aws.client("dynamodb"), "t").query("a")),
    "get many": lambda aws: Table(aws.client("dynamodb"), "t").get_many([("a", "1")]),
    "change": lambda aws: Table(aws.client("dynamodb"), "t").change(Change("a", "1", sets={"n": 1})),
    "transact": lambda aws: Table(aws.client("dynamodb"), "t").transact([Put({"pk": "a", "sk": "1"})]),
    "start build": lambda aws: _launcher(aws).start(ORDER),
    "builds": lambda aws: _launcher(aws).builds(["unit:1"]),
    "stop build": lambda aws: _launcher(aws).stop("unit:1"),
    "newest builds": lambda aws: _launcher(aws).newest("unit"),
    "start run": lambda aws: StepFunctionsExecutions(aws.client("stepfunctions"), "arn").start(RUN),
    "is alive": lambda aws: StepFunctionsExecutions(aws.client("stepfunctions"), "arn").is_alive(RUN),
    "succeed": lambda aws: StepFunctionsExecutions(aws.client("stepfunctions"), "arn").succeed("t"),
    "fail": lambda aws: StepFunctionsExecutions(aws.client("stepfunctions"), "arn").fail("t", error="E", cause="c"),
    "head of": lambda aws: CodeCommitRepositories(aws.client("codecommit")).head_of("shop", "main"),
    "changed paths": lambda aws: list(CodeCommitRepositories(aws.client("codecommit")).changed_paths("shop", "a", "b")),
}


@pytest.mark.parametrize("silence", SILENCES)
@pytest.mark.parametrize("name", ASKS)
def test_no_answer_is_unavailable(name, silence):
    aws = MemoryAws(checks_parameters=False)

    def boundary(call: Any, _: Any) -> Any:
        raise silence(endpoint_url=f"memory://{call.service}")

    aws.boundary = boundary

    with pytest.raises(Unavailable):
        ASKS[name](aws)
