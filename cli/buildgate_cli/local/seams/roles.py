"""A state machine may invoke only the functions that its role grants, as Step Functions assumes that role on AWS."""

from __future__ import annotations

import importlib
from typing import Any

from .executions import current
from .fitting import Function, Seam

_SFN = "ministack.services.stepfunctions"
_EVALUATOR = "ministack.core.iam_evaluator"

SEAM = Seam("machine roles")
SEAM.needs(_SFN, "_executions", "_state_machines", "_ExecutionError")
SEAM.needs(_EVALUATOR, "_gather_role_policies", "evaluate", "EvalContext")
SEAM.needs("ministack.services.lambda_svc", "_get_func_record_for_ref")
SEAM.needs("ministack.core.responses", "get_account_id", "get_region")


@SEAM.replaces(_SFN, "_call_lambda", "func_ref", "event")
def ask_the_machines_role(original: Function) -> Function:
    """Refuse a task whose function the machine's role does not grant."""

    def call_lambda(func_ref: str, event: Any) -> Any:
        role = _role_of(current.get())
        if role:
            functions = importlib.import_module("ministack.services.lambda_svc")
            _function, config, _name = functions._get_func_record_for_ref(func_ref)  # noqa: SLF001
            if config and not _grants(role, config["FunctionArn"]):
                _refuse(role, config["FunctionArn"])
        return original(func_ref, event)

    return call_lambda


def _role_of(execution: str) -> str | None:
    sfn = importlib.import_module(_SFN)
    record = sfn._executions.get(execution) if execution else None  # noqa: SLF001
    machine = sfn._state_machines.get(record["stateMachineArn"]) if record else None  # noqa: SLF001
    return machine["roleArn"].rsplit("/", 1)[-1] if machine else None


def _grants(role: str, function_arn: str) -> bool:
    evaluator = importlib.import_module(_EVALUATOR)
    responses = importlib.import_module("ministack.core.responses")
    account, region = responses.get_account_id(), responses.get_region()
    context = evaluator.EvalContext(
        principal_arn=f"arn:aws:iam::{account}:role/{role}",
        principal_type="AssumedRole",
        principal_account=account,
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=region,
        service_context={},
        principal_keys={},
    )
    decision: str = evaluator.evaluate(context, evaluator._gather_role_policies(role, account)).decision  # noqa: SLF001
    return decision == "Allow"


def _refuse(role: str, function_arn: str) -> None:
    cause = f"Role {role} is not authorized to perform: lambda:InvokeFunction on resource: {function_arn}"
    raise importlib.import_module(_SFN)._ExecutionError("Lambda.AWSLambdaException", cause)  # noqa: SLF001
