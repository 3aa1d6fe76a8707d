"""The server our own AWS services share: AWS JSON 1.1 over HTTP on loopback, judged by botocore's service models.

A service implements `handle` and never sees HTTP, an invalid value or an unknown member.
Requests are refused unless they name this server as Host (no other page's script can reach it through DNS) and are
signed with an access key that the cloud knows.
"""

import hmac
import json
import logging
import re
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Protocol, runtime_checkable

from buildgate_cli.local.jsonmodel import InvalidInputError, WireModel

LOG = logging.getLogger(__name__)
MAX_BODY_BYTES = 16 * 1024 * 1024
ACCOUNT = "000000000000"
REGION = "us-east-1"
_CREDENTIAL = re.compile(r"^AWS4-HMAC-SHA256\b.*\bCredential=([^/,\s]+)/")


@dataclass(frozen=True)
class Caller:
    """Who signed a request."""

    access_key_id: str
    arn: str = f"arn:aws:iam::{ACCOUNT}:user/local"
    account: str = ACCOUNT


Genuine = Callable[[Caller, str, Mapping[str, str], bytes], bool]
Boundary = Callable[[str, Caller, Callable[[], dict[str, Any]]], dict[str, Any]]
"""What stands between a call (its target and caller) and its answer, which it may ask for, change or withhold."""


class ServiceError(Exception):
    """An answer that is an AWS error: its code (the name of an exception in the model), its text, its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class AnswerLostError(Exception):
    """The work is done and nobody hears of it: the connection closes without an answer. For tests."""


class JsonService(Protocol):
    """One AWS service. `service` is botocore's name of it."""

    service: str

    def handle(self, operation: str, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        """Answer one valid request. Raises ServiceError, or NotImplementedError for an operation it does not have."""


@runtime_checkable
class Hooked(Protocol):
    """A service that local programs (a git hook) tell something, at `/_hooks/<service>`, proving themselves by a token."""

    hook_token: str

    def hook(self, message: dict[str, Any]) -> None:
        """Take one message. Raises ServiceError when it makes no sense."""


@dataclass
class _Router:
    """Everything about a request but the socket."""

    services: Mapping[str, tuple[JsonService, WireModel]]
    hooks: Mapping[str, Hooked]
    credentials: Callable[[str], Caller | None]
    is_genuine: Genuine
    boundary: Boundary
    hosts: frozenset[str] = field(default=frozenset())

    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        if headers.get("Host", "") not in self.hosts:
            raise ServiceError("AccessDeniedException", "This server answers only to its own loopback address.", 403)
        if path.startswith("/_hooks/"):
            return self._hook(path.removeprefix("/_hooks/"), headers, body)
        target, _, operation = headers.get("X-Amz-Target", "").partition(".")
        entry = self.services.get(target)
        if entry is None or not entry[1].has(operation):
            raise ServiceError("UnknownOperationException", f"No operation {target}.{operation} here.", 404)
        service, model = entry
        caller = self._caller(path, headers, body)
        request = model.read_input(operation, _json_object(body))
        return self.boundary(
            f"{target}.{operation}", caller, lambda: self._served(service, model, operation, request, caller)
        )

    def _served(
        self, service: JsonService, model: WireModel, operation: str, request: dict[str, Any], caller: Caller
    ) -> dict[str, Any]:
        try:
            return model.write_output(operation, service.handle(operation, request, caller))
        except NotImplementedError:
            raise ServiceError("UnknownOperationException", f"{operation} is not part of the local cloud.") from None

    def _caller(self, path: str, headers: Mapping[str, str], body: bytes) -> Caller:
        match = _CREDENTIAL.match(headers.get("Authorization", ""))
        if match is None:
            raise ServiceError("MissingAuthenticationTokenException", "The request is not signed.", 403)
        caller = self.credentials(match.group(1))
        if caller is None:
            raise ServiceError("UnrecognizedClientException", "The access key is not one of this cloud.", 403)
        if not self.is_genuine(caller, path, headers, body):
            raise ServiceError("InvalidSignatureException", "The signature is not one made with this key.", 403)
        return caller

    def _hook(self, name: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        hooked = self.hooks.get(name)
        token = headers.get("X-Buildgate-Token", "")
        if hooked is None or not hmac.compare_digest(token.encode(), hooked.hook_token.encode()):
            raise ServiceError("AccessDeniedException", "Unknown hook or wrong token.", 403)
        hooked.hook(_json_object(body))
        return {}


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ServiceError("SerializationException", f"The body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ServiceError("SerializationException", "The body is not a JSON object.")
    return value


class _Handler(BaseHTTPRequestHandler):
    """One connection. Each answer leaves in one write, so that no delayed acknowledgement slows it down."""

    protocol_version = "HTTP/1.1"
    server_version = "buildgate"
    sys_version = ""
    timeout = 75
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    router: ClassVar[_Router]

    def do_POST(self) -> None:
        try:
            self._answer(200, self.router.answer(self.path, _Headers(self.headers), self._body()))
        except ServiceError as error:
            self._refuse(error)
        except AnswerLostError:
            self.close_connection = True
        except InvalidInputError as error:
            self._refuse(ServiceError(error.code, str(error)))
        except Exception:  # a defect must become an AWS error, not a dropped connection
            LOG.exception("a local service failed")
            self._refuse(ServiceError("InternalFailure", "The local service failed; its log says why.", 500))

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            raise ServiceError("MissingContentLength", "Content-Length is required.", 411)
        if int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            raise ServiceError("RequestEntityTooLargeException", f"Over {MAX_BODY_BYTES} bytes.", 413)
        return self.rfile.read(int(length))

    def _refuse(self, error: ServiceError) -> None:
        self._answer(error.status, {"__type": error.code, "message": error.message})

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        payload = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("x-amzn-RequestId", str(uuid.uuid4()))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        LOG.debug(format, *args)


class _Headers(Mapping[str, str]):
    """HTTP headers as a mapping that ignores case, as `email.message.Message` does but typed."""

    def __init__(self, message: Any) -> None:
        self._message = message

    def __getitem__(self, name: str) -> str:
        value = self._message.get(name)
        if value is None:
            raise KeyError(name)
        return str(value)

    def __iter__(self) -> Any:
        return iter(self._message)

    def __len__(self) -> int:
        return len(self._message)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


class ServicesServer:
    """Serves several AWS services on one loopback port. `port` 0 takes a free one.

    `credentials` names the caller behind an access key id, or None for a key this cloud did not give out; `is_genuine`
    says whether that caller signed the request (path, headers, body), and may be left out where nobody else can ask.
    """

    def __init__(
        self,
        services: Sequence[JsonService],
        port: int,
        credentials: Callable[[str], Caller | None],
        *,
        is_genuine: Genuine = lambda *_: True,
        boundary: Boundary = lambda _call, _caller, answer: answer(),
    ) -> None:
        models = [(service, WireModel(service.service)) for service in services]
        router = _Router(
            services={model.target_prefix: (service, model) for service, model in models},
            hooks={service.service: service for service in services if isinstance(service, Hooked)},
            credentials=credentials,
            is_genuine=is_genuine,
            boundary=boundary,
        )
        self._server = _Server(("127.0.0.1", port), type("_BoundHandler", (_Handler,), {"router": router}))
        self._thread: threading.Thread | None = None
        router.hosts = frozenset({f"127.0.0.1:{self.port}", f"localhost:{self.port}"})

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Begin to answer, in a thread of its own. Starting twice is a no-op."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="aws-json", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port. Stopping twice is a no-op."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
