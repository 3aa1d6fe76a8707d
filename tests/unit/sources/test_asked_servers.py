"""Evidence from servers: any endpoint and SonarQube, asked with care and believed with care."""

import json

import pytest
from botocore.exceptions import ClientError

from asked_services import answering
from buildgate.adapters.sources.endpoint import Endpoint
from buildgate.adapters.sources.https import Https
from buildgate.adapters.sources.secrets import Tokens
from buildgate.adapters.sources.sonarqube import SonarQube
from buildgate.domain.errors import Rejected
from source_world import COMMIT, FACTS, Clients, measured, no_pause, refusals, source


def serving(answers):
    """Serve (status, body) by path; repeated paths take the next answer. What was asked is kept."""

    def answer(path):
        known = answers.get(path, [(404, b"{}")])
        return known.pop(0) if len(known) > 1 else known[0]

    return answering(answer)


class FakeSecrets:
    def get_secret_value(self, SecretId):  # noqa: N803 - botocore's name
        known = {"buildgate/plain": "s3cret\n", "buildgate/json": '{"token": "t0ken"}', "buildgate/odd": "{}"}
        if SecretId not in known:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "GetSecretValue")
        return {"SecretString": known[SecretId]}


def here():
    return Https(pause=no_pause, is_loopback_allowed=True)


def endpoint(url, **options):
    made = Endpoint(Clients(secretsmanager=FakeSecrets()), pause=no_pause, https=here())
    return made.fetch(source("endpoint", url=url, **options), FACTS)


def test_an_endpoint_is_told_of_the_run_and_answers_with_measurements():
    body = json.dumps({"measurements": {"custom.risk_score": 12}}).encode()
    with serving({"/gate": [(200, body)]}) as (url, asked):
        fetched = endpoint(f"{url}/gate", token="plain")

    assert measured(fetched) == {"custom.risk_score": 12.0}
    _, headers, said = asked[0]
    assert headers["Authorization"] == "Bearer s3cret"
    question = json.loads(said)
    assert (question["gate"], question["run"]["commit"], question["run"]["pipeline"]) == ("quality", COMMIT, "shop")


@pytest.mark.parametrize(
    ("answer", "code"),
    [((200, b"<html>Log in"), "html_page"), ((500, b""), "http_status"), ((302, b""), "http_status")],
)
def test_an_endpoint_that_does_not_answer_as_agreed_is_refused(answer, code):
    with serving({"/gate": [answer]}) as (url, asked):
        assert [found for _, found in refusals(endpoint(f"{url}/gate"))] == [code]
    assert [path for path, *_ in asked] == ["/gate"]


def test_a_busy_server_is_asked_again_and_a_silent_one_is_refused():
    body = json.dumps({"measurements": {"custom.x": 1}}).encode()
    with serving({"/gate": [(503, b""), (200, body)]}) as (url, asked):
        assert measured(endpoint(f"{url}/gate")) == {"custom.x": 1.0}
    assert len(asked) == 2
    with pytest.raises(Rejected, match="does not answer"):
        here().ask("GET", url)


def test_an_answer_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("buildgate.adapters.sources.https.MOST_BYTES", 10)
    with serving({"/gate": [(200, b"x" * 11)]}) as (url, _), pytest.raises(Rejected, match="more than"):
        here().ask("GET", f"{url}/gate")


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://127.0.0.1:9001/", "https://[::1]/", "https://169.254.169.254/"]
)
def test_this_machine_and_its_credentials_may_not_be_asked(url):
    with pytest.raises(Rejected):
        Https(pause=no_pause).ask("GET", url)


def test_tokens_are_text_or_json_below_one_name():
    tokens = Tokens(FakeSecrets())

    assert [tokens.token(name) for name in ("", "plain", "json")] == ["", "s3cret", "t0ken"]
    for name in ("odd", "none"):
        with pytest.raises(Rejected):
            tokens.token(name)


def sonar(url):
    made = SonarQube(Clients(secretsmanager=FakeSecrets()), pause=no_pause, https=here())
    return made.fetch(source("sonarqube", url=url, project="shop", token="json", branch="main"), FACTS)


def analysed(revision):
    return [(200, json.dumps({"analyses": [{"key": "a", "revision": revision}]}).encode())]


MEASURES = {"component": {"key": "shop", "measures": [{"metric": "code_smells", "value": "7"}]}}
STATUS = {"projectStatus": {"status": "OK", "conditions": []}}


def test_measures_and_gate_of_sonarqube_are_read_for_this_commit():
    answers = {
        "/api/project_analyses/search": analysed(COMMIT),
        "/api/measures/component": [(200, json.dumps(MEASURES).encode())],
        "/api/qualitygates/project_status": [(200, json.dumps(STATUS).encode())],
    }
    with serving(answers) as (url, asked):
        fetched = sonar(url)

    assert measured(fetched)["quality.smells"] == 7
    assert [one.name for one in fetched] == ["source:sonarqube/shop/measures", "source:sonarqube/shop/status"]
    assert refusals(fetched) == []
    assert asked[1][1]["Authorization"] == "Basic dDBrZW46"
    assert "branch=main" in asked[1][0]


@pytest.mark.parametrize(
    ("analyses", "code"),
    [
        (analysed("c" * 40), "stale"),
        ([(200, b'{"analyses": []}')], "stale"),
        ([(200, b"nothing")], "stale"),
        ([(401, b"")], "http_status"),
    ],
)
def test_an_analysis_of_another_commit_is_no_evidence(analyses, code):
    with serving({"/api/project_analyses/search": analyses}) as (url, _):
        assert refusals(sonar(url)) == [("source:sonarqube/shop", code)]
