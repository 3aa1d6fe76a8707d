import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from buildgate_cli import cloud_context
from buildgate_cli.cloud_context import Choice, read_local
from buildgate_cli.errors import UserError
from cli_harness import Cli, write_cloud


def test_a_local_cloud_is_read_from_its_home(tmp_path: Path) -> None:
    write_cloud(tmp_path, front="http://127.0.0.1:4000/")

    cloud = read_local(tmp_path)

    assert (cloud.kind, cloud.api_url, cloud.stack) == ("local", "http://127.0.0.1:4000", "buildgate-local")
    assert (cloud.table, cloud.report_bucket) == ("buildgate", "buildgate-reports")


def test_a_client_of_a_service_of_our_own_uses_its_own_endpoint(tmp_path: Path) -> None:
    write_cloud(
        tmp_path, front="http://127.0.0.1:1", endpoint="http://127.0.0.1:2", codebuild_endpoint="http://127.0.0.1:3"
    )
    cloud = read_local(tmp_path)

    assert cloud.client("codebuild").meta.endpoint_url == "http://127.0.0.1:3"
    assert cloud.client("s3").meta.endpoint_url == "http://127.0.0.1:2"


def test_without_a_local_cloud_the_way_to_start_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        read_local(tmp_path)

    assert caught.value.exit_code == 3
    assert caught.value.fix == "Start it with `buildgate local up`."


def test_a_file_with_keys_that_others_can_read_is_refused(tmp_path: Path) -> None:
    write_cloud(tmp_path, front="http://127.0.0.1:1").chmod(0o644)

    with pytest.raises(UserError, match="can be read by others"):
        read_local(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 2}'])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    write_cloud(tmp_path, front="http://127.0.0.1:1").write_text(text)

    with pytest.raises(UserError, match="is damaged"):
        read_local(tmp_path)


def test_the_home_follows_the_variable_and_else_lies_in_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cloud_context.home().name == ".buildgate"
    assert (cloud_context.home().parent / "pyproject.toml").is_file()

    monkeypatch.setenv("BUILDGATE_HOME", str(tmp_path))

    assert cloud_context.home() == tmp_path


def test_a_stack_or_a_profile_means_aws() -> None:
    assert Choice(stack="buildgate").is_aws
    assert Choice(profile="dev").is_aws
    assert not Choice(region="eu-central-1").is_aws


def test_an_unknown_profile_is_one_sentence(tmp_path: Path) -> None:
    answer = Cli(tmp_path)("--profile", "nobody", "run", "list")

    assert answer.exit_code == 2
    assert "nobody" in answer.stderr
    assert "Traceback" not in answer.output


@pytest.fixture
def formation(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, dict[str, str]]]:
    """CloudFormation that knows the stacks put into the returned mapping: name -> outputs."""
    stacks: dict[str, dict[str, str]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            status, body = _describe(stacks, form["StackName"])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDFORMATION", f"http://127.0.0.1:{server.server_port}")
    yield stacks
    server.shutdown()
    server.server_close()
    thread.join()


def _describe(stacks: dict[str, dict[str, str]], name: str) -> tuple[int, bytes]:
    if name not in stacks:
        error = f"<Error><Code>ValidationError</Code><Message>Stack with id {name} does not exist</Message></Error>"
        return 400, f"<ErrorResponse>{error}</ErrorResponse>".encode()
    pairs = stacks[name].items()
    members = "".join(f"<member><OutputKey>{k}</OutputKey><OutputValue>{v}</OutputValue></member>" for k, v in pairs)
    stack = f"<member><StackName>{name}</StackName><Outputs>{members}</Outputs></member>"
    result = f"<DescribeStacksResult><Stacks>{stack}</Stacks></DescribeStacksResult>"
    return 200, f"<DescribeStacksResponse>{result}</DescribeStacksResponse>".encode()


def test_the_outputs_of_a_stack_lead_to_its_api(formation: dict[str, dict[str, str]]) -> None:
    formation["shop-dev"] = {"ApiUrl": "https://api.example.com/", "TableName": "runs"}

    cloud = cloud_context.read_stack(Choice(stack="shop-dev", region="us-east-1"))

    assert (cloud.kind, cloud.api_url, cloud.table) == ("aws", "https://api.example.com", "runs")
    assert cloud.report_bucket is None


def test_a_stack_that_is_not_there_is_unavailable_and_named(formation: dict[str, dict[str, str]]) -> None:
    with pytest.raises(UserError, match="no stack other in us-east-1") as caught:
        cloud_context.read_stack(Choice(stack="other", region="us-east-1"))

    assert caught.value.exit_code == 3


def test_a_stack_of_something_else_is_told_from_ours(formation: dict[str, dict[str, str]]) -> None:
    formation["other"] = {"Url": "https://example.com"}

    with pytest.raises(UserError, match="not one of Buildgate's"):
        cloud_context.read_stack(Choice(stack="other", region="us-east-1"))
