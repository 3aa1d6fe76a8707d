"""What tests of the command line stand on: an operator API that checks signatures, a home that names it, a runner."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from typer.testing import CliRunner, Result

from buildgate_cli.main import app
from local_harness import KEY

SECRET = "not-a-real-secret-key"
REGION = "us-east-1"

Answer = tuple[int, Any]
Route = Callable[["Call"], Answer] | Answer


@dataclass(frozen=True)
class Call:
    """One request that reached the API."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]
    target: str = ""
    raw: bytes = b""


@dataclass
class OperatorApi:
    """An API whose answers a test writes: `on("GET", "/v1/runs", (200, {...}))`; a list of answers is used up in turn."""

    routes: dict[tuple[str, str], list[Route]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    url: str = ""

    def on(self, method: str, path: str, *answers: Route) -> None:
        self.routes[method, path] = list(answers)

    def answer(self, call: Call) -> Answer:
        self.calls.append(call)
        if not is_signed(call, self.url):
            return 403, {"message": "Forbidden"}
        known = self.routes.get((call.method, call.path))
        if known is None:
            return 404, {"error": {"class": "Rejected", "message": f"no {call.path}", "field": None, "fix": None}}
        found = known.pop(0) if len(known) > 1 else known[0]
        return found(call) if callable(found) else found


def is_signed(call: Call, url: str) -> bool:
    """Sign the request again, as the client must have, and compare; the payload and every signed header count."""
    sent = call.headers.get("authorization", "")
    match = re.search(r"SignedHeaders=([^,]+)", sent)
    if match is None:
        return False
    names = match[1].split(";")
    request = AWSRequest(call.method, url + call.target, data=call.raw)
    for name in names:
        if name not in {"host", "x-amz-date"}:
            request.headers[name] = call.headers[name]
    signer = SigV4Auth(Credentials(KEY, SECRET), "execute-api", REGION)
    request.context["timestamp"] = call.headers["x-amz-date"]
    request.headers["X-Amz-Date"] = call.headers["x-amz-date"]
    canonical = signer.canonical_request(request)
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    return f"Signature={signature}" in sent


@contextmanager
def serving_api() -> Iterator[OperatorApi]:
    api = OperatorApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(raw) if raw else None
            call = Call(self.command, parts.path, dict(parse_qsl(parts.query)), body, headers, self.path, raw)
            status, value = api.answer(call)
            payload = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_PUT = do_POST = _serve  # noqa: N815 - http.server's own names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def write_cloud(home: Path, *, front: str, services: str = "http://127.0.0.1:9", **more: Any) -> Path:
    """Write the `cloud.json` of a local cloud whose API and services listen where told."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / "cloud.json"
    cloud = {
        "version": 1,
        "pid": 1,
        "region": REGION,
        "account": "000000000000",
        "endpoint": services,
        "codebuild_endpoint": services,
        "codecommit_endpoint": services,
        "front_url": front,
        "access_key_id": KEY,
        "secret_access_key": SECRET,
        "stack": "buildgate-local",
        "outputs": {"TableName": "buildgate", "ReportBucketName": "buildgate-reports"},
        "repositories": str(home / "repositories"),
        "inbox": str(home / "inbox"),
        **more,
    }
    path.write_text(json.dumps(cloud))
    path.chmod(0o600)
    return path


@dataclass(frozen=True)
class Cli:
    """Runs commands as a person would, against one home."""

    home: Path

    def __call__(self, *arguments: str, stdin: str | None = None, **environment: str) -> Result:
        env = {"BUILDGATE_HOME": str(self.home), "COLUMNS": "200", **environment}
        return CliRunner().invoke(app, list(arguments), input=stdin, env=env)
