"""Who calls the cloud's own services, and whether IAM lets them: asked of the emulator, which holds all keys."""

from __future__ import annotations

import base64
import http.client
import json
import re
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .jsonservice import Caller, JsonService, ServiceError
from .seams.control import CALLER_PATH, SECRET_HEADER, SESSION_PATH, SIGNATURE_PATH
from .state import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KNOWN_FOR_SECONDS: Final = 30.0


@dataclass
class Callers:
    """Asks the emulator. Known keys are remembered for half a minute; permissions are asked each time."""

    port: int
    secret: str
    _known: dict[str, tuple[float, Caller]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def known(self, access_key_id: str) -> Caller | None:
        """Return who holds a key, or None when nobody does."""
        with self._lock:
            until, caller = self._known.get(access_key_id, (0.0, None))
        if caller is not None and time.monotonic() < until:
            return caller
        found = self._ask(CALLER_PATH, {"access_key_id": access_key_id})
        if found is None:
            return None
        caller = Caller(access_key_id, found["arn"], found["account"])
        with self._lock:
            self._known[access_key_id] = (time.monotonic() + KNOWN_FOR_SECONDS, caller)
        return caller

    def may(
        self, caller: Caller, service: str, operation: str, resource: str, tags: Mapping[str, str] | None = None
    ) -> bool:
        """Say whether the caller's policies allow an operation of a service on a resource with these tags."""
        question = {
            "access_key_id": caller.access_key_id,
            "service": service,
            "action": f"{service}:{operation}",
            "resource": resource,
            "tags": dict(tags or {}),
        }
        found = self._ask(CALLER_PATH, question)
        return found is not None and bool(found["is_allowed"])

    def signed(self, caller: Caller, path: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Say whether the caller's secret signed a POST that came to our own services."""
        question = {
            "access_key_id": caller.access_key_id,
            "path": path,
            "headers": list(headers.items()),
            "body": base64.b64encode(body).decode(),
        }
        found = self._ask(SIGNATURE_PATH, question)
        return found is not None and bool(found["is_genuine"])

    def role_variables(self, role_arn: str) -> dict[str, str]:
        """Return the variables that give a process a role's keys; none when there is no such role."""
        found = self._ask(SESSION_PATH, {"role_arn": role_arn, "name": "AWSCodeBuild"})
        if found is None:
            return {}
        return {
            "AWS_ACCESS_KEY_ID": found["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": found["secret_access_key"],
            "AWS_SESSION_TOKEN": found["session_token"],
        }

    def _ask(self, path: str, question: Mapping[str, Any]) -> dict[str, Any] | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", path, json.dumps(question), {SECRET_HEADER: self.secret})
            answer = connection.getresponse()
            status, content = answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ServiceError("ServiceUnavailableException", "The local cloud is stopping.", 503) from error
        finally:
            connection.close()
        return content if status == 200 else None


@dataclass
class Authorised:
    """A service behind IAM: an operation the caller's policies do not allow is AccessDenied, as on AWS."""

    inner: JsonService
    callers: Callers
    service: str = ""

    def __post_init__(self) -> None:
        self.service = self.inner.service

    def handle(self, operation: str, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Check every resource the request names, then let the service answer."""
        for resource in resources_of(self.service, request):
            if not self.callers.may(caller, self.service, operation, resource, self._tags(resource, caller)):
                raise ServiceError(
                    "AccessDeniedException",
                    f"User: {caller.arn} is not authorized to perform: {self.service}:{operation} "
                    f"on resource: {resource} because no identity-based policy allows the action",
                )
        return self.inner.handle(operation, request, caller)

    def _tags(self, resource: str, caller: Caller) -> dict[str, str]:
        """Return the tags of a project, which a policy may ask for; builds have those of their project."""
        if ":project/" not in resource:
            return {}
        names = [resource.rsplit("/", 1)[-1]]
        found = self.inner.handle("BatchGetProjects", {"names": names}, caller)["projects"]
        return {tag["key"]: tag["value"] for project in found for tag in project.get("tags", [])}


@dataclass
class AuthorisedWithHook(Authorised):
    """The same for a service that local programs tell something at its hook."""

    @property
    def hook_token(self) -> str:
        """The token of the hook's users."""
        return str(self.inner.hook_token)  # type: ignore[attr-defined]

    def hook(self, message: dict[str, Any]) -> None:
        """Pass a message on."""
        self.inner.hook(message)  # type: ignore[attr-defined]


def authorised(service: JsonService, callers: Callers) -> Authorised:
    """Return the service behind IAM, with its hook if it has one."""
    return (AuthorisedWithHook if hasattr(service, "hook_token") else Authorised)(service, callers)


def resources_of(service: str, request: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ARNs that IAM checks for a request; `*` when an operation names none (lists).

    From the service authorization reference: builds belong to their project; CodeCommit knows repositories only.
    """
    prefix = f"arn:aws:{service}:{REGION}:{ACCOUNT}:"
    if service == "codecommit":
        names = _values(request, "repositoryName", "repositoryNames")
        yield from (f"{prefix}{name}" for name in names) if names else ("*",)
        return
    groups = [arn.replace(":report/", ":report-group/") for arn in _values(request, "reportArns", "reportArn")]
    groups = [f"{prefix}report-group/{arn.rsplit('/', 1)[-1].split(':', 1)[0]}" for arn in groups]
    groups += [arn for arn in _values(request, "reportGroupArns", "reportGroupArn", "arn") if ":report-group/" in arn]
    if groups:
        yield from dict.fromkeys(groups)
        return
    named = _values(request, "projectName", "names", "id", "ids", "name")
    bare = [re.sub(r"^arn:aws:codebuild:[^:]*:[^:]*:(?:project|build)/", "", name) for name in named]
    projects = dict.fromkeys(f"{prefix}project/{name.split(':', 1)[0]}" for name in bare)
    yield from projects or ("*",)


def _values(request: Mapping[str, Any], *members: str) -> list[str]:
    found: list[str] = []
    for member in members:
        value = request.get(member)
        found += [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return found
