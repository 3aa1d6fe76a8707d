"""Checks a call's parameters against the service's API model, as botocore does before it sends anything."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from botocore.model import ServiceModel


@lru_cache
def service_model(service: str) -> ServiceModel:
    """Return the API model of a service, loaded once per process."""
    return botocore.session.get_session().get_service_model(service)


def check_parameters(service: str, operation: str, parameters: dict[str, Any]) -> None:
    """Refuse parameters that botocore would refuse; `operation` is the API's name.

    Raises:
        ParamValidationError: A name is unknown, a required one missing, or a value of the wrong type or length.
    """
    shape = service_model(service).operation_model(operation).input_shape
    if shape is None:
        return
    report = ParamValidator().validate(parameters, shape)
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())
