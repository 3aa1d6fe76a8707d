"""What an in-memory service raises, before the client turns it into botocore's own exception."""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """A refusal by an in-memory service: the error code and message that AWS answers.

    `extra` is merged into the top level of the error response, where botocore puts modelled members such as
    `CancellationReasons` and `Item`.
    """

    def __init__(self, code: str, message: str, *, status: int = 400, **extra: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.extra = extra


def invalid(message: str) -> AwsError:
    """Return the `ValidationException` of the JSON services."""
    return AwsError("ValidationException", message)
