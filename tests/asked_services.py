"""Services that gates ask, as small servers on this machine, and findings as a person tells the local cloud."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

IMAGE_SCAN = {
    "imageId": {"imageDigest": f"sha256:{'a' * 64}"},
    "imageScanFindings": {
        "findings": [{"name": f"CVE-2026-{number}", "severity": "MEDIUM"} for number in range(120)],
        "findingSeverityCounts": {"MEDIUM": 120},
        "imageScanCompletedAt": "2026-11-20T12:00:00+00:00",
    },
}
"""More findings than ECR puts on one page."""
CRITICAL = {
    "findingArn": f"arn:aws:inspector2:us-east-1:000000000000:finding/{'0' * 32}",
    "awsAccountId": "000000000000",
    "type": "PACKAGE_VULNERABILITY",
    "title": "CVE-2026-7 - libshop",
    "description": "A defect in a library",
    "remediation": {"recommendation": {"text": "Update it."}},
    "severity": "CRITICAL",
    "status": "ACTIVE",
    "firstObservedAt": "2026-11-20T12:00:00+00:00",
    "lastObservedAt": "2026-11-20T12:00:00+00:00",
    "resources": [{"type": "AWS_ECR_CONTAINER_IMAGE", "id": "asked-image"}],
}
MEASURES = {"line_coverage": "91.4", "code_smells": "12", "sqale_index": "240", "sqale_rating": "1.0"}


class Asked(NamedTuple):
    """One request: where to, with the query, its headers, and its body."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def answering(answer: Callable[[str], tuple[int, bytes]]) -> Iterator[tuple[str, list[Asked]]]:
    """Serve status and body by path. Yields the address, and what was asked; 302 leads elsewhere."""
    asked: list[Asked] = []

    class Services(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked.append(Asked(self.path, dict(self.headers), body))
            status, said = answer(urlsplit(self.path).path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = _answer  # noqa: N815 - http.server's own names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Services)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serving(revision: Callable[[], str]) -> Iterator[tuple[str, list[Asked]]]:
    """Serve SonarQube's web API and the gate contract; `revision` says which commit SonarQube analysed last."""

    def answers() -> dict[str, Any]:
        measures = [{"metric": name, "value": value} for name, value in MEASURES.items()]
        return {
            "/sonar/api/project_analyses/search": {"analyses": [{"key": "1", "revision": revision()}]},
            "/sonar/api/measures/component": {"component": {"key": "asked", "measures": measures}},
            "/sonar/api/qualitygates/project_status": {"projectStatus": {"status": "OK", "conditions": []}},
            "/gate": {"measurements": {"custom.risk_score": 12}},
        }

    with answering(lambda path: (200, json.dumps(answers()[path]).encode())) as served:
        yield served
