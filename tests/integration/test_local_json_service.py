import gc
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buildgate_cli.local.codecommit import LocalCodeCommit
from buildgate_cli.local.jsonservice import MAX_BODY_BYTES, Caller, ServicesServer
from local_harness import KEY, RecordingBus, client, serving

AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={KEY}/20261122/us-east-1/codecommit/aws4_request, SignedHeaders=host"


class Broken:
    service = "codebuild"

    def handle(self, operation: str, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        if operation == "ListBuilds":
            return {"unknownMember": 1}
        raise NotImplementedError


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServicesServer]:
    with serving(LocalCodeCommit(tmp_path, RecordingBus()), Broken()) as running:
        yield running


def post(server: ServicesServer, body: bytes = b"{}", **headers: str) -> tuple[int, dict[str, Any], Any]:
    base = {"X-Amz-Target": "CodeCommit_20150413.ListRepositories", "Authorization": AUTHORIZATION}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        merged = base | {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", "/", body, merged)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        connection.close()


def test_an_answer_carries_a_request_id_and_the_protocols_content_type(server: ServicesServer) -> None:
    status, body, headers = post(server)

    assert (status, body) == (200, {"repositories": []})
    assert headers["x-amzn-RequestId"]
    assert headers["Content-Type"] == "application/x-amz-json-1.1"


def test_a_foreign_host_header_is_refused(server: ServicesServer) -> None:
    assert post(server, Host="attacker.example.com")[0] == 403


def test_unsigned_and_unknown_callers_are_refused(server: ServicesServer) -> None:
    assert post(server, Authorization="")[1]["__type"] == "MissingAuthenticationTokenException"
    with pytest.raises(ClientError) as caught:
        client(server, "codecommit", key="AKIAOTHERCLOUD").list_repositories()
    assert caught.value.response["Error"]["Code"] == "UnrecognizedClientException"


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_a_serialization_error(server: ServicesServer, body: bytes) -> None:
    gc.collect()  # or what earlier tests left may be closed in the depth of the recursion, where there is no room to close it

    assert post(server, body)[1]["__type"] == "SerializationException"


def test_a_body_over_the_limit_is_refused_without_being_read(server: ServicesServer) -> None:
    assert post(server, b"", Content_Length=str(MAX_BODY_BYTES + 1))[0] == 413


def test_operations_nobody_has_answer_as_aws_does(server: ServicesServer) -> None:
    for target in ("CodeCommit_20150413.Nope", "CodeBuild_20161006.ListFleets", "nonsense", ""):
        assert post(server, X_Amz_Target=target)[1]["__type"] == "UnknownOperationException"


@pytest.mark.parametrize(
    ("request_body", "complaint"),
    [
        ({}, "Value 'null' at 'repositoryName' failed to satisfy constraint: Member must not be null"),
        ({"repositoryName": 5}, "Member must be of type string"),
        ({"repositoryName": ""}, "Member must have length greater than or equal to 1"),
        ({"repositoryName": "a b"}, "Member must satisfy regular expression pattern"),
        ({"repositoryName": "\ud800"}, "Member must be valid Unicode"),
        ({"repositoryName": "a", "tags": []}, "Member must be a map"),
    ],
)
def test_values_outside_the_model_are_refused_and_named(
    server: ServicesServer, request_body: dict[str, Any], complaint: str
) -> None:
    status, answer, _ = post(
        server, json.dumps(request_body).encode(), X_Amz_Target="CodeCommit_20150413.CreateRepository"
    )

    assert (status, answer["__type"]) == (400, "ValidationException")
    assert complaint in answer["message"]


def test_unknown_members_are_ignored_as_aws_does(server: ServicesServer) -> None:
    assert post(server, b'{"fromTheFuture": 1}')[0] == 200


def test_a_defect_of_a_service_is_an_internal_failure_not_a_dropped_connection(server: ServicesServer) -> None:
    assert post(server, X_Amz_Target="CodeBuild_20161006.ListBuilds")[:2] == (
        500,
        {"__type": "InternalFailure", "message": "The local service failed; its log says why."},
    )


def test_stopping_frees_the_port_and_may_be_repeated(tmp_path: Path) -> None:
    server = ServicesServer([LocalCodeCommit(tmp_path, RecordingBus())], 0, {}.get)
    server.start()
    port = server.port
    server.stop()
    server.stop()

    ServicesServer([Broken()], port, {}.get).stop()


def test_hooks_need_their_token(server: ServicesServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("POST", "/_hooks/codecommit", b"{}", {"X-Buildgate-Token": "guess"})
    assert connection.getresponse().status == 403
    connection.close()
