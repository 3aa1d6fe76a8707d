"""What may go wrong for the person at the keyboard, and the exit code each case ends with."""

from __future__ import annotations

import re
import sys
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """The codes every command ends with; documented, and stable for scripts."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNAVAILABLE = 3
    WARNED = 4
    INCONCLUSIVE = 5


class UserError(Exception):
    """A mistake the person can mend: one sentence, the way out, and the exit code. Never shown with a traceback."""

    def __init__(self, message: str, fix: str | None = None, exit_code: int = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.exit_code = int(exit_code)

    def print_details(self) -> None:
        """Print what goes before the sentence, to standard error; nothing here."""


_DOMAIN_CODES: Final = {
    "Rejected": ExitCode.REFUSED,
    "Conflict": ExitCode.REFUSED,
    "Unavailable": ExitCode.UNAVAILABLE,
    "Corrupt": ExitCode.INCONCLUSIVE,
}
_WAYS_OUT: Final = {
    "Project cannot be found": "See `buildgate project list`; create it with `buildgate project apply FILE`.",
    "no batch configuration": "Add buildBatchConfig to its project file and apply it; see docs/how-to/builds.md.",
    "Only failed batches can be retried": "Start another one with `buildgate build batch start PROJECT`.",
    "RepositoryDoesNotExistException": "Create it with `buildgate repo create NAME`; see `buildgate repo list`.",
}
"""What to do about refusals of AWS that people meet often, by a part of them."""
_NO_PROJECT: Final = re.compile(r"Project cannot be found: arn:\S+:project/(\S+)\Z")
_ACCESS_CODES: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "ExpiredToken", "ExpiredTokenException"}
)


def as_user_error(error: Exception) -> UserError | None:
    """Return the one-sentence form of an error, or None when it is a defect of Buildgate itself.

    Known: our own `UserError`, the four classes of `buildgate.domain.errors`, what botocore raises about credentials,
    connections and refusals, and what the operating system says about files. Modules that were never loaded are not
    loaded here.
    """
    if isinstance(error, UserError):
        return error
    return _from_domain(error) or _from_botocore(error) or _from_system(error)


def _from_domain(error: Exception) -> UserError | None:
    module = sys.modules.get("buildgate.domain.errors")
    if module is None or not isinstance(error, module.BuildgateError):
        return None
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__name__ in _DOMAIN_CODES]
    code = _DOMAIN_CODES[kinds[0]] if kinds else ExitCode.INCONCLUSIVE
    field = getattr(error, "field", None)
    message = str(getattr(error, "reason", None) or error)
    return UserError(f"{field}: {message}" if field else message, getattr(error, "fix", None), code)


def _from_botocore(error: Exception) -> UserError | None:
    module = sys.modules.get("botocore.exceptions")
    if module is None or not isinstance(error, module.BotoCoreError | module.ClientError):
        return None
    if isinstance(error, module.ClientError):
        return _from_client_error(error)
    if isinstance(error, module.ProfileNotFound):
        return UserError(f"{error}.", "Name a profile of ~/.aws/config with --profile.")
    if isinstance(error, module.NoCredentialsError | module.PartialCredentialsError):
        return UserError("No AWS credentials were found.", "Log in, or choose a profile with --profile.")
    if isinstance(error, module.ParamValidationError):
        return UserError(str(error))
    return UserError(f"AWS cannot be reached: {error}", "Try again in a moment.", ExitCode.UNAVAILABLE)


def _from_client_error(error: Exception) -> UserError:
    details = getattr(error, "response", {}).get("Error", {})
    code, message = str(details.get("Code", "Error")), str(details.get("Message", error))
    operation = getattr(error, "operation_name", "the call")
    if code in _ACCESS_CODES:
        return UserError(f"{operation} was denied: {message}", "Check the profile and its policy.", ExitCode.REFUSED)
    status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    unavailable = isinstance(status, int) and (status >= 500 or "Throttl" in code or "TooManyRequests" in code)
    fix = next((way for part, way in _WAYS_OUT.items() if part in f"{code}: {message}"), None)
    said = _NO_PROJECT.search(message)
    words = f"There is no project {said[1]}." if said else f"{operation} answered {code}: {message}"
    return UserError(words, fix, ExitCode.UNAVAILABLE if unavailable else ExitCode.REFUSED)


def _from_system(error: Exception) -> UserError | None:
    if not isinstance(error, OSError) or error.filename is None:
        return None
    name = error.filename if isinstance(error.filename, str) else str(error.filename)
    if isinstance(error, FileNotFoundError):
        return UserError(f"{name} does not exist.", "Check the path.")
    if isinstance(error, PermissionError):
        return UserError(f"{name} may not be read or written by this user.", "Check its owner and mode.")
    if isinstance(error, IsADirectoryError):
        return UserError(f"{name} is a folder.", "Name a file.")
    return UserError(f"{name}: {error.strerror}.")
