"""Nothing on the local cloud answers who may not ask: signatures, policies, authorised routes, host names."""

import base64
import http.client
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from buildgate_cli.local.state import Keys

pytestmark = pytest.mark.xdist_group("conformance")

AUTHORISED = "/v1/pipelines/shop"


def call(asked, method, path, *, headers=None, body=None, through_front=True):
    """Ask the API as the front does, or directly."""
    connection = http.client.HTTPConnection("127.0.0.1", asked.emulator.port, timeout=20)
    sent = dict(headers or {})
    if through_front:
        sent = {"Host": asked.front_host, "X-Buildgate-Api": asked.outputs["Api"], **sent}
    else:
        path = f"/_aws/execute-api/{asked.outputs['Api']}/$default{path}"
    connection.request(method, path, body=body, headers=sent)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else text.decode()


def signed(asked, method, path, *, keys=None, body=b"", host=None):
    keys = keys or asked.keys
    request = AWSRequest(method, f"http://{host or asked.front_host}{path}", data=body)
    SigV4Auth(Credentials(keys.access_key_id, keys.secret_access_key), "execute-api", "us-east-1").add_auth(request)
    return {**dict(request.headers.items()), "Host": host or asked.front_host}


def test_a_signed_request_reaches_the_handler_and_names_its_caller(asked):
    path = AUTHORISED + "?limit=3&ref=branch%3Amain"
    headers = signed(asked, "PUT", path, body=b'{"a": 1}')

    status, seen = call(asked, "PUT", path, headers=headers, body=b'{"a": 1}')

    assert status == 200
    assert seen["path"] == AUTHORISED
    assert seen["query"] == "limit=3&ref=branch%3Amain"
    assert seen["authorizer"]["iam"]["userArn"] == "arn:aws:iam::000000000000:root"
    assert seen["authorizer"]["iam"]["accessKey"] == asked.keys.access_key_id
    assert seen["authorizer"]["iam"]["accountId"] == "000000000000"


def test_a_signature_over_an_encoded_path_holds(asked):
    path = "/v1/runs/a%20b%2Fc%3Ad"

    status, _ = call(asked, "GET", path, headers=signed(asked, "GET", path))

    assert status == 200


def test_an_iam_user_is_named_by_its_own_arn(asked):
    iam = asked.client("iam")
    iam.create_user(UserName="alice")
    made = iam.create_access_key(UserName="alice")["AccessKey"]
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    keys = Keys(made["AccessKeyId"], made["SecretAccessKey"])

    denied, _ = call(asked, "GET", AUTHORISED, headers=signed(asked, "GET", AUTHORISED, keys=keys))
    iam.put_user_policy(
        UserName="alice",
        PolicyName="call",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
    )
    status, seen = call(asked, "GET", AUTHORISED, headers=signed(asked, "GET", AUTHORISED, keys=keys))

    assert denied == 403
    assert status == 200
    assert seen["authorizer"]["iam"]["userArn"] == "arn:aws:iam::000000000000:user/alice"


@pytest.mark.parametrize("through_front", [True, False])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer anything"},
        {"Authorization": "AWS4-HMAC-SHA256 Credential="},
        {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20261122/us-east-1/execute-api/aws4_request"},
        {
            "Authorization": "AWS4-HMAC-SHA256 Credential=000000000000/20261122/us-east-1/execute-api/aws4_request, "
            "SignedHeaders=host, Signature=00",
            "X-Amz-Date": "20261122T000000Z",
        },
    ],
)
def test_an_iam_route_refuses_what_is_not_signed(asked, headers, through_front):
    status, _ = call(asked, "GET", AUTHORISED, headers=headers, through_front=through_front)

    assert status == 403


def test_an_iam_route_refuses_the_right_key_with_a_wrong_secret_another_path_or_another_body(asked):
    wrong = Keys(asked.keys.access_key_id, "wrong")
    signed_for_other_path = signed(asked, "GET", "/v1/other")
    signed_for_other_body = signed(asked, "POST", AUTHORISED, body=b"{}")

    assert call(asked, "GET", AUTHORISED, headers=signed(asked, "GET", AUTHORISED, keys=wrong))[0] == 403
    assert call(asked, "GET", AUTHORISED, headers=signed_for_other_path)[0] == 403
    assert call(asked, "POST", AUTHORISED, headers=signed_for_other_body, body=b'{"x":1}')[0] == 403


def test_an_iam_route_refuses_a_signature_over_another_method_query_or_host(asked):
    seen = signed(asked, "GET", AUTHORISED)
    override = {**seen, "X-HTTP-Method-Override": "PUT"}
    elsewhere = signed(asked, "GET", AUTHORISED, host="api.example.com")

    assert call(asked, "PUT", AUTHORISED, headers=seen)[0] == 403
    assert call(asked, "GET", f"{AUTHORISED}?version=2", headers=seen)[0] == 403
    assert call(asked, "GET", AUTHORISED, headers={**elsewhere, "Host": asked.front_host})[0] == 403
    assert call(asked, "GET", AUTHORISED, headers=override)[1]["method"] == "GET"


@pytest.mark.parametrize("hours", [-1, 1])
def test_an_iam_route_refuses_a_request_that_was_signed_an_hour_ago_or_will_be(asked, monkeypatch, hours):
    """A signed request that somebody kept is worth nothing a quarter of an hour later."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: datetime.now(UTC) + timedelta(hours=hours))

    assert call(asked, "GET", AUTHORISED, headers=signed(asked, "GET", AUTHORISED))[0] == 403


@pytest.mark.parametrize("token", [None, "Bearer nonsense", "Bearer a.b.c"])
def test_an_oidc_route_refuses_what_is_no_valid_token(asked, token):
    status, _ = call(asked, "GET", "/oidc", headers={"Authorization": token} if token else {})

    assert status == 401


def test_an_oidc_route_refuses_a_token_nobody_signed(asked):
    def part(content):
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    claims = {"iss": "https://issuer.example.com", "aud": "buildgate", "exp": 4102444800, "email": "alice@example.com"}
    token = f"{part({'alg': 'none', 'kid': 'k'})}.{part(claims)}."

    status, _ = call(asked, "GET", "/oidc", headers={"Authorization": f"Bearer {token}"})

    assert status == 401


def test_a_public_route_answers_anyone_and_forms_arrive_encoded(asked):
    status, seen = call(
        asked,
        "POST",
        "/approvals/r.2.release?k=secret",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=b"decision=approve",
    )

    assert status == 200
    assert seen["authorizer"] is None
    assert seen["is_base64"] is True
    assert base64.b64decode(seen["body"]) == b"decision=approve"
    assert seen["parameters"] == {"id": "r.2.release"}


@pytest.mark.parametrize("path", ["/", "/nowhere", "/health", "/Execute", "/_ministack/health", "/approvals"])
def test_a_path_that_is_no_route_is_not_found_on_the_front(asked, path):
    assert call(asked, "GET", path)[0] == 404


def test_a_method_that_is_no_route_is_not_found(asked):
    assert call(asked, "DELETE", "/approvals/r.2.release")[0] == 404


@pytest.mark.parametrize("host", ["evil.example.com", "evil.example.com:80", "127.0.0.1", ""])
def test_a_foreign_host_name_is_refused(asked, host):
    assert call(asked, "GET", "/approvals/x", headers={"Host": host})[0] == 403


def test_administration_paths_are_closed(asked):
    connection = http.client.HTTPConnection("127.0.0.1", asked.emulator.port, timeout=20)
    connection.request("POST", "/_ministack/reset")

    assert connection.getresponse().status == 404
    connection.close()


@pytest.mark.parametrize(
    "keys", [Keys("test", "test"), Keys("000000000000", "test"), Keys("AKIAUNKNOWNUNKNOWN12", "anything")]
)
def test_unknown_keys_are_refused_by_every_service(asked, keys):
    for service, operation in (("dynamodb", "list_tables"), ("sqs", "list_queues"), ("lambda", "list_functions")):
        with pytest.raises(ClientError) as refused:
            getattr(asked.client(service, keys), operation)()

        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] in {400, 403}


def test_the_clouds_own_key_with_a_wrong_secret_is_refused(asked):
    with pytest.raises(ClientError, match="ignature"):
        asked.client("dynamodb", Keys(asked.keys.access_key_id, "wrong")).list_tables()


def test_a_function_may_do_only_what_its_role_grants(asked):
    answer = asked.client("lambda").invoke(FunctionName=asked.outputs["Mute"], Payload=b"{}")

    assert json.loads(answer["Payload"].read()) == {"code": "AccessDeniedException"}


def test_handlers_see_nothing_of_the_callers_environment(asked, monkeypatch):
    monkeypatch.setenv("A_SECRET_OF_THE_CALLER", "x")

    environment = asked.emulator.environment()

    assert "A_SECRET_OF_THE_CALLER" not in environment
    assert environment["HOME"].startswith(str(asked.home.path))
    assert environment["TMPDIR"].startswith(str(asked.home.path))


@pytest.mark.parametrize("service", ["codebuild", "codecommit"])
def test_services_that_live_elsewhere_are_not_answered_here(asked, service):
    operation = "list_projects" if service == "codebuild" else "list_repositories"

    with pytest.raises(ClientError, match="services endpoint"):
        getattr(asked.client(service), operation)()


def test_everything_in_the_home_is_for_its_owner_only(asked):
    """All but the repositories, which here are made by the tests' own process and not under a supervisor's umask."""
    found = [path for path in asked.home.path.rglob("*") if asked.home.repositories not in path.parents]
    loose = [path for path in found if mode_of(path) & 0o077 and path.name != ".gitignore"]

    assert loose == []


def mode_of(path: Path) -> int:
    """Return a file's mode, or 0 when the cloud has renamed it since it was listed: it saves by replacing whole files."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return 0
