"""The operator's HTTP API from the command line: JSON over SigV4-signed requests (service `execute-api`).

With a token of the stack's OIDC issuer (`BUILDGATE_TOKEN`) the same routes are asked below `/oidc`, and nothing is signed.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningKeys

from buildgate_cli.cloud_context import CloudContext, Credentials, current
from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 35.0
READ_ATTEMPTS: Final = 4
BEARER_VARIABLE: Final = "BUILDGATE_TOKEN"
API_URL_VARIABLE: Final = "BUILDGATE_API_URL"
ANSWER_LIMIT_BYTES: Final = 8 * 1024 * 1024
_CODES: Final = {
    "Rejected": ExitCode.REFUSED,
    "Conflict": ExitCode.REFUSED,
    "Unavailable": ExitCode.UNAVAILABLE,
    "Corrupt": ExitCode.INCONCLUSIVE,
}


class ApiError(UserError):
    """What the API refused, in its own words. `kind` is Rejected, Conflict, Unavailable or Corrupt; `status` is HTTP's."""

    def __init__(
        self, message: str, *, kind: str, status: int, field: str | None = None, fix: str | None = None
    ) -> None:
        place = f"{field}: " if field and field not in message else ""
        super().__init__(f"{place}{message}", fix, _CODES.get(kind, ExitCode.REFUSED))
        self.said = message
        self.kind = kind
        self.status = status
        self.field = field


class ApiClient:
    """Calls the API of one cloud.

    Reads are repeated on a lost connection and on 429, 502, 503 and 504, with growing pauses; writes are sent once, so
    that nothing happens twice because an answer got lost.
    """

    def __init__(
        self,
        cloud: CloudContext,
        *,
        pause: Callable[[float], None] = time.sleep,
        read_seconds: float = READ_SECONDS,
        token: str = "",
    ) -> None:
        self._cloud = cloud
        self._token = token
        self._pause = pause
        self._pool = _pool(cloud.api_url, read_seconds)

    @property
    def is_local(self) -> bool:
        """Tell whether the cloud runs on this machine, where asking often costs nobody anything."""
        return self._cloud.kind == "local"

    def get(self, *path: str, **query: str | int | None) -> Any:
        """Return what lies at `/v1/<path>`; query values that are None are left out."""
        asked = {key: str(value) for key, value in query.items() if value is not None}
        for attempt in range(1, READ_ATTEMPTS):
            try:
                return self._call("GET", path, asked, None)
            except ApiError as error:
                if error.kind != "Unavailable":
                    raise
            self._pause(0.2 * 3**attempt)
        return self._call("GET", path, asked, None)

    def every(self, *path: str, **query: str | int | None) -> list[Any]:
        """Return all rows of the list at `/v1/<path>`, named as the path ends, however many pages they are."""
        rows: list[Any] = []
        following: str | None = None
        while True:
            page = self.get(*path, **query, next=following)
            rows += page[path[-1]]
            following = page.get("next")
            if not following:
                return rows

    def put(self, *path: str, body: Mapping[str, Any]) -> Any:
        """Store `body` at `/v1/<path>` and return the answer."""
        return self._call("PUT", path, {}, body)

    def post(self, *path: str, body: Mapping[str, Any]) -> Any:
        """Send `body` to `/v1/<path>` and return the answer."""
        return self._call("POST", path, {}, body)

    def _call(
        self, method: str, path: tuple[str, ...], query: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> Any:
        route = ("/oidc" if self._token else "") + "/v1/" + "/".join(quote(part, safe="~") for part in path)
        url = self._cloud.api_url + route + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        data = None if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        try:
            headers = self._bearing(data) if self._token else self._signed(method, url, data)
            answer = self._pool.request(method, url, body=data, headers=headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        if answer.status == 401 and self._token:
            message, fix = "The API does not take this token.", "It may have expired, or be for another audience."
            raise ApiError(message, kind="Rejected", status=401, fix=fix)
        return _read(answer.status, answer.data)

    def _bearing(self, data: bytes | None) -> dict[str, str]:
        headers = {
            "Accept": "application/json",
            "User-Agent": "buildgate-cli",
            "Authorization": f"Bearer {self._token}",
        }
        return headers if data is None else headers | {"Content-Type": "application/json"}

    def _signed(self, method: str, url: str, data: bytes | None) -> dict[str, str]:
        keys = self._cloud.credentials
        request = AWSRequest(method, url, {"Accept": "application/json", "User-Agent": "buildgate-cli"}, data or b"")
        if data is not None:
            request.headers["Content-Type"] = "application/json"
        signing = SigningKeys(keys.access_key_id, keys.secret_access_key, keys.session_token)
        SigV4Auth(signing, "execute-api", self._cloud.region).add_auth(request)
        return dict(request.headers.items())

    def _unreachable(self, error: Exception) -> ApiError:
        if self._cloud.kind == "local":
            message, fix = "The local cloud does not answer.", "Start it with `buildgate local up`."
        else:
            cause = getattr(error, "reason", None) or error
            message = f"The API of stack {self._cloud.stack} cannot be reached: {cause}"
            fix = "Check the network, and the stack's output ApiUrl."
        return ApiError(message, kind="Unavailable", status=0, fix=fix)


def connect(token: str = "") -> ApiClient:
    """Return a client of the cloud the command is for; UserError when there is none.

    With a token (or `BUILDGATE_TOKEN`) and `BUILDGATE_API_URL`, the stack's output, no AWS credentials are needed.
    """
    token, url = token or os.environ.get(BEARER_VARIABLE, ""), os.environ.get(API_URL_VARIABLE, "")
    return ApiClient(_by_address(url) if token and url else current(), token=token)


def _by_address(url: str) -> CloudContext:
    if urlsplit(url).scheme != "https":
        raise UserError(
            f"{API_URL_VARIABLE} must begin with https: a token goes there.", "See the stack's output ApiUrl."
        )
    return CloudContext(
        kind="aws",
        region="",
        api_url=url.rstrip("/"),
        credentials=Credentials("", ""),
        stack=urlsplit(url).netloc,
        table=None,
        report_bucket=None,
        state_dir=None,
        outputs={},
        endpoints={},
    )


def _pool(url: str, read_seconds: float) -> urllib3.PoolManager:
    """Return a connection pool that follows the machine's proxy settings, except for hosts they exclude."""
    options: dict[str, Any] = {
        "timeout": urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        "retries": urllib3.Retry(total=0),
        "maxsize": 8,
    }
    parts = urlsplit(url)
    host = parts.hostname or ""
    proxy = None if host in {"127.0.0.1", "localhost", "::1"} or proxy_bypass(host) else getproxies().get(parts.scheme)
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def _read(status: int, data: bytes) -> Any:
    """Return the JSON of a good answer; raise ApiError for the others, whatever their body is."""
    try:
        value = json.loads(data) if data else {}
    except ValueError:
        value = None
    if 200 <= status < 300 and value is not None:
        return value
    details = value.get("error") if isinstance(value, dict) else None
    if isinstance(details, dict) and "message" in details:
        kind = str(details.get("class") or _kind(status))
        message, field, fix = str(details["message"]), details.get("field"), details.get("fix")
        raise ApiError(message, kind=kind, status=status, field=field, fix=fix)
    said = value.get("message") if isinstance(value, dict) else None
    raise ApiError(_sentence(status, said), kind=_kind(status), status=status)


def _kind(status: int) -> str:
    if status in {429, 502, 503, 504}:
        return "Unavailable"
    if status == 409:
        return "Conflict"
    return "Rejected" if 400 <= status < 500 else "Corrupt"


def _sentence(status: int, said: object) -> str:
    detail = f": {said}" if said else ""
    if status in {401, 403}:
        return f"The API does not let these credentials in (HTTP {status}){detail}."
    return f"The API answered HTTP {status}{detail}."
