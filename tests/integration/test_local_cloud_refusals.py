"""What the local cloud refuses to start with, each in one sentence with its remedy."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from buildgate_cli.errors import ExitCode, UserError
from buildgate_cli.local.cloud import check_machine
from buildgate_cli.local.emulator import Emulator
from buildgate_cli.local.probe import refuse_open_routes, refuse_open_services
from buildgate_cli.local.state import Home

TEMPLATE = {
    "Resources": {
        "Api": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Events": {
                    "Runs": {"Type": "HttpApi", "Properties": {"Method": "GET", "Path": "/v1/runs"}},
                    "Page": {
                        "Type": "HttpApi",
                        "Properties": {"Method": "GET", "Path": "/approvals/{id}", "Auth": {"Authorizer": "NONE"}},
                    },
                }
            },
        }
    }
}


def server_that_answers(choose):
    """Serve, on a free port, the status that `choose(request)` names."""

    class Answering(BaseHTTPRequestHandler):
        def _answer(self):
            self.send_response(choose(self))
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = _answer  # noqa: N815 - the base class names them so

        def log_message(self, *_):
            pass

    return HTTPServer(("127.0.0.1", 0), Answering)


@pytest.fixture
def serve():
    running = []

    def start(choose):
        server = server_that_answers(choose)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server.server_address[1]

    yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def test_routes_that_refuse_are_counted(serve):
    port = serve(lambda request: 403 if request.path.startswith("/v1") else 200)

    assert refuse_open_routes(TEMPLATE, host="127.0.0.1", port=port) == 1


@pytest.mark.parametrize(
    "is_open",
    [
        lambda headers: "Authorization" not in headers,
        lambda headers: headers.get("Authorization", "").startswith("Bearer"),
        lambda headers: "Credential=test/" in headers.get("Authorization", ""),
    ],
)
def test_a_route_that_lets_anyone_in_keeps_the_cloud_from_starting(serve, is_open):
    port = serve(lambda request: 200 if is_open(request.headers) else 403)

    with pytest.raises(UserError, match="GET /v1/runs must be refused") as refused:
        refuse_open_routes(TEMPLATE, host="127.0.0.1", port=port)

    assert refused.value.exit_code == ExitCode.UNAVAILABLE


def test_a_route_that_is_not_there_is_not_taken_for_shut(serve):
    port = serve(lambda _: 404)

    with pytest.raises(UserError, match="answered 404"):
        refuse_open_routes(TEMPLATE, host="127.0.0.1", port=port)


def test_an_emulator_that_answers_anyone_keeps_the_cloud_from_starting(serve):
    port = serve(lambda _: 200)

    with pytest.raises(UserError, match="nobody signed"):
        refuse_open_services(port=port)


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def test_an_emulator_that_changed_is_named_with_what_moved(home, tmp_path):
    package = tmp_path / "packages" / "ministack"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "app.py").write_text("AUTH = True\n")
    emulator = Emulator(home, home.keys(), home.ports()["emulator"], extra={"PYTHONPATH": str(package.parent)})

    with pytest.raises(UserError, match="not the version this local cloud was made for") as refused:
        emulator.start()

    assert "ministack.core.iam_evaluator.is_root_access_key is gone" in refused.value.message
    assert "make clean setup" in refused.value.fix


def test_an_emulator_that_ends_at_once_is_reported_with_its_last_words(home):
    emulator = Emulator(home, home.keys(), home.ports()["emulator"], extra={"PYTHONHOME": "/nonexistent"})

    with pytest.raises(UserError, match="ended at once"):
        emulator.start()

    assert emulator.pid is None


def test_a_machine_without_git_is_told_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UserError, match="needs git") as refused:
        check_machine()

    assert "Install git" in refused.value.fix


def test_a_python_that_is_too_old_is_told_so(monkeypatch):
    monkeypatch.setattr("buildgate_cli.local.cloud.OLDEST_PYTHON", (4, 0))

    with pytest.raises(UserError, match=r"needs Python 4\.0 or newer"):
        check_machine()
