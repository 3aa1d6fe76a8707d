"""Turns what the AWS SDK raises into the four kinds of failure."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from buildgate.domain.errors import Conflict, Corrupt, NotFound, Rejected, Unavailable

_RETRYABLE = frozenset(
    {
        "InternalServerError",
        "InternalError",
        "InternalFailure",
        "ItemCollectionSizeLimitExceededException",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "ServiceException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_LOST_RACES = frozenset({"ConditionalCheckFailedException"})
_CALLERS_FAULT = frozenset(
    {
        "FileTooLargeException",
        "InvalidBranchNameException",
        "InvalidCommitException",
        "InvalidCommitIdException",
        "InvalidInputException",
        "InvalidParameter",
        "InvalidParameterValue",
        "InvalidRepositoryNameException",
        "ValidationError",
    }
)
_ABSENT = frozenset(
    {
        "ResourceNotFoundException",
        "RepositoryDoesNotExistException",
        "BranchDoesNotExistException",
        "CommitDoesNotExistException",
        "CommitIdDoesNotExistException",
        "FileDoesNotExistException",
        "NoSuchEntity",
        "NoSuchKey",
        "NoSuchVersion",
        "NotFoundException",
    }
)


def code_of(error: ClientError) -> str:
    """Return the service's own name of a failure, such as ``ThrottlingException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def message_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Message", ""))


class calling:  # noqa: N801 - read as a verb: `with calling("DynamoDB GetItem"):`
    """Translates what the SDK raises inside the block; ``what`` names the call in the reason."""

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ClientError):
            raise _translated(error, self._what) from error
        if isinstance(error, BotoCoreError):
            raise Unavailable(f"{self._what} got no answer: {error}") from error


def _translated(error: ClientError, what: str) -> Conflict | Corrupt | Rejected | Unavailable:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    reason = f"{what}: {code}: {message_of(error)}"
    if code in _LOST_RACES:
        return Conflict(reason)
    if code in _ABSENT:
        return NotFound(reason)
    if code in _CALLERS_FAULT:
        return Rejected(reason)
    if code in _RETRYABLE or status >= 500:
        return Unavailable(reason)
    return Corrupt(reason)
