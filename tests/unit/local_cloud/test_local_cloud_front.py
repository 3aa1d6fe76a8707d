"""The front: what it passes on, and what it does not."""

import http.client
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

import pytest

from buildgate_cli.local.front import MAX_BODY_BYTES, Front


class Echo(BaseHTTPRequestHandler):
    """Stands for the emulated API: remembers requests and answers them."""

    seen: ClassVar[list] = []

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.seen.append((self.command, self.path, self.headers.items(), body))
        self.send_response(201)
        self.send_header("Content-Length", "4")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"seen")

    do_GET = do_HEAD = do_POST = _answer  # noqa: N815 - the base class names them so

    def log_message(self, *_):
        pass


@pytest.fixture
def api():
    Echo.seen.clear()
    with HTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def front(api):
    front = Front(0, api)
    front.speak_for("abc123")
    front.start()
    yield front
    front.stop()


def ask(front, method, path, headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", front.port, timeout=5)
    connection.request(method, path, body=body, headers=headers or {})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer, text


def test_a_request_is_passed_on_untouched_with_the_api_named(front):
    path = "/v1/a%20b%2F?x=%7E&y=a+b"

    answer, text = ask(front, "POST", path, {"Authorization": "AWS4 x", "X-Amz-Date": "now"}, b"\x00body")

    [(method, seen, headers, body)] = Echo.seen
    given = {name.lower(): value for name, value in headers}
    assert (method, seen, body) == ("POST", path, b"\x00body")
    assert given["host"] == f"127.0.0.1:{front.port}"
    assert given["authorization"] == "AWS4 x"
    assert given["x-buildgate-api"] == "abc123"
    assert (answer.status, text) == (201, b"seen")
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_nobody_else_names_the_api(front):
    ask(front, "GET", "/", {"X-Buildgate-Api": "another"})

    [(_, _, headers, _)] = Echo.seen
    assert [value for name, value in headers if name.lower() == "x-buildgate-api"] == ["abc123"]


def test_head_is_passed_on_and_answered_without_a_body(front):
    answer, text = ask(front, "HEAD", "/approvals/x")

    assert (answer.status, text) == (201, b"")
    assert Echo.seen[0][0] == "HEAD"


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example.com"])
def test_a_foreign_host_is_refused_before_anything_is_passed_on(front, host):
    answer, _ = ask(front, "GET", "/", {"Host": host})

    assert answer.status == 403
    assert Echo.seen == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Length": str(MAX_BODY_BYTES + 1)}, 413),
        ({"Content-Length": "-1"}, 400),
        ({"Content-Length": "many"}, 400),
        ({"Transfer-Encoding": "chunked"}, 411),
    ],
)
def test_bodies_that_are_too_large_or_of_unknown_length_are_refused(front, headers, status):
    answer, _ = ask(front, "POST", "/", headers)

    assert answer.status == status
    assert Echo.seen == []


@pytest.mark.parametrize(
    "smuggled",
    [
        "Content-Length: 4\r\nContent-Length: 60",
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Content-Length: 4\r\nTransfer-Encoding:",
        "Content-Length: +4",
        "Content-Length: 4, 4",
    ],
)
def test_a_second_request_in_the_body_of_the_first_is_never_passed_on(front, smuggled):
    second = f"POST /approvals/x?k=y HTTP/1.1\r\nHost: 127.0.0.1:{front.port}\r\n\r\n"
    first = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{front.port}\r\n{smuggled}\r\n\r\n0\r\n\r\n{second}"
    with socket.create_connection(("127.0.0.1", front.port), timeout=5) as connection:
        connection.sendall(first.encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b""))

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 411"))
    assert answer.count(b"HTTP/1.1 ") == 1
    assert Echo.seen == []


def test_an_api_that_does_not_answer_is_unavailable(api):
    front = Front(0, 1)
    front.start()
    try:
        assert ask(front, "GET", "/")[0].status == 503
        front.speak_for("abc123")
        assert ask(front, "GET", "/")[0].status == 503
    finally:
        front.stop()
        front.stop()


def test_documents_of_this_side_are_answered_here_and_only_to_readers(api):
    front = Front(0, api, documents=lambda path: {"keys": []} if path == "/local-issuer/jwks.json" else None)
    front.speak_for("abc123")
    front.start()
    try:
        answers = [ask(front, method, "/local-issuer/jwks.json") for method in ("GET", "HEAD", "POST")]
        other = ask(front, "GET", "/local-issuer/other")
        foreign = ask(front, "GET", "/local-issuer/jwks.json", headers={"Host": "evil.example.com"})
    finally:
        front.stop()

    assert [answer[0].status for answer in answers] == [200, 200, 201]
    assert answers[0][1] == b'{"keys": []}'
    assert (other[0].status, foreign[0].status) == (201, 403)
