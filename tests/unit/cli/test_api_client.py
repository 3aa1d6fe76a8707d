import json
from pathlib import Path

import pytest

from buildgate_cli.api_client import ApiClient, ApiError, connect
from buildgate_cli.cloud_context import read_local
from buildgate_cli.errors import UserError
from cli_harness import OperatorApi, write_cloud


@pytest.fixture
def client(tmp_path: Path, api: OperatorApi) -> ApiClient:
    write_cloud(tmp_path / "home", front=api.url)
    return ApiClient(read_local(tmp_path / "home"), pause=lambda _: None)


def test_a_request_is_signed_so_that_the_api_accepts_it(client: ApiClient, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (200, {"runs": []}))
    api.on("POST", "/v1/runs/r/stop", (200, {"run": {}}))

    assert client.get("runs", pipeline="shop-ü", limit=5) == {"runs": []}
    assert client.post("runs", "r", "stop", body={"comment": "näh"}) == {"run": {}}

    assert [call.query for call in api.calls] == [{"pipeline": "shop-ü", "limit": "5"}, {}]
    assert api.calls[1].body == {"comment": "näh"}


def test_query_values_that_are_none_are_left_out(client: ApiClient, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (200, {"runs": []}))

    client.get("runs", pipeline=None, limit=1)

    assert api.calls[0].query == {"limit": "1"}


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(400, "Rejected", 1), (409, "Conflict", 1), (503, "Unavailable", 3), (500, "Corrupt", 5)],
)
def test_an_error_keeps_its_class_field_and_fix(
    client: ApiClient, api: OperatorApi, status: int, kind: str, code: int
) -> None:
    details = {"class": kind, "message": "no such name", "field": "stage", "fix": "name one of test, release"}
    api.on("POST", "/v1/runs/r/retry", (status, {"error": details}))

    with pytest.raises(ApiError) as caught:
        client.post("runs", "r", "retry", body={"stage": "x"})

    assert str(caught.value) == "stage: no such name"
    assert (caught.value.exit_code, caught.value.fix) == (code, "name one of test, release")


def test_a_field_that_the_sentence_names_is_not_said_twice(client: ApiClient, api: OperatorApi) -> None:
    details = {"class": "Rejected", "message": "there is no run r", "field": "run", "fix": None}
    api.on("GET", "/v1/runs/r", (404, {"error": details}))

    with pytest.raises(ApiError) as caught:
        client.get("runs", "r")

    assert str(caught.value) == "there is no run r"


def test_a_read_is_repeated_while_the_api_is_unavailable(client: ApiClient, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (503, {"message": "Service Unavailable"}), (429, {}), (200, {"runs": []}))

    assert client.get("runs") == {"runs": []}
    assert len(api.calls) == 3


def test_a_read_gives_up_after_a_few_attempts(client: ApiClient, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (503, b"<html>"))

    with pytest.raises(ApiError) as caught:
        client.get("runs")

    assert caught.value.exit_code == 3
    assert len(api.calls) == 4


def test_a_write_is_sent_once_whatever_the_answer(client: ApiClient, api: OperatorApi) -> None:
    api.on("POST", "/v1/pipelines/shop/runs", (503, {}))

    with pytest.raises(ApiError):
        client.post("pipelines", "shop", "runs", body={})

    assert len(api.calls) == 1


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"message": null}'])
def test_an_answer_that_is_no_error_document_still_ends_in_one_sentence(
    client: ApiClient, api: OperatorApi, body: bytes
) -> None:
    api.on("GET", "/v1/runs", (404, body))

    with pytest.raises(ApiError, match="HTTP 404"):
        client.get("runs")


def test_credentials_that_are_not_let_in_are_named_as_the_cause(client: ApiClient, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (403, {"message": "Forbidden"}))

    with pytest.raises(ApiError, match="does not let these credentials in"):
        client.get("runs")


def test_a_good_status_without_json_is_an_error(client: ApiClient, api: OperatorApi) -> None:
    api.on("GET", "/v1/runs", (200, b"<html>hello</html>"))

    with pytest.raises(ApiError, match="HTTP 200"):
        client.get("runs")


def test_a_cloud_that_does_not_answer_is_unavailable_and_says_how_to_start_it(tmp_path: Path) -> None:
    write_cloud(tmp_path, front="http://127.0.0.1:9")
    client = ApiClient(read_local(tmp_path), pause=lambda _: None)

    with pytest.raises(ApiError) as caught:
        client.get("runs")

    assert caught.value.exit_code == 3
    assert "buildgate local up" in str(caught.value.fix)


def test_secrets_are_not_in_the_text_of_a_context(tmp_path: Path) -> None:
    path = write_cloud(tmp_path, front="http://127.0.0.1:9")

    assert json.loads(path.read_text())["secret_access_key"] not in repr(read_local(tmp_path))


def test_a_token_is_borne_below_oidc_and_nothing_is_signed(tmp_path: Path, api: OperatorApi) -> None:
    write_cloud(tmp_path / "home", front=api.url)
    api.on("GET", "/oidc/v1/runs", (200, {"runs": []}))

    with pytest.raises(ApiError):
        ApiClient(read_local(tmp_path / "home"), token="a.b.c").get("runs")

    (call,) = api.calls
    assert (call.path, call.headers["authorization"]) == ("/oidc/v1/runs", "Bearer a.b.c")


def test_with_an_address_and_a_token_no_aws_credentials_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDGATE_TOKEN", "a.b.c")
    monkeypatch.setenv("BUILDGATE_API_URL", "https://gate.example.com/")

    assert connect()._cloud.api_url == "https://gate.example.com"


def test_a_token_goes_nowhere_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILDGATE_API_URL", "http://gate.example.com")

    with pytest.raises(UserError, match="must begin with https"):
        connect("a.b.c")
