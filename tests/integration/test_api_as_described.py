"""The API against its own published document: whatever is sent to any route is answered as the document says."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from buildgate.adapters.memory.builds import BuildPlan
from buildgate.runtime.wiring import Wiring
from buildgate_cli import api_reference
from fault_world import items, push
from simulated_cloud import ALICE, SimulatedCloud

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
PIPELINE: dict[str, Any] = {
    "name": "shop",
    "tags": {"team": "web", "cost-centre": "cc-42"},
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [
        {
            "name": "test",
            "on-failure": "continue",
            "builds": [{"name": "unit", "project": "shop-unit"}],
            "gates": [{"name": "quality", "objectives": [{"measurement": "tests.failed", "pass": ["<= 0"]}]}],
        },
        {
            "name": "release",
            "approval": {"approvers": ["bob@example.com"], "channel": "link", "timeout": "24h"},
            "builds": [{"name": "release", "project": "shop-release"}],
        },
    ],
}
DESCRIBED = api_reference.description()
CLOSED = api_reference.description(is_closed=True)
ROUTES = [(path, method) for path, item in DESCRIBED["paths"].items() for method in item]
NO_ROUTE = '{"message": "Not Found"}'
"""What API Gateway itself says."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW")
SEEDED = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Wsgi:
    """An in-memory cloud's HTTP API as a WSGI application: what API Gateway does between HTTP and the functions."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        self.cloud = cloud

    def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/")
        url = f"{path}?{environ.get('QUERY_STRING', '')}"
        body = environ["wsgi.input"].read()
        answer = self.cloud.deployment.http.request(environ["REQUEST_METHOD"], url, body, headers, caller=ALICE)
        start_response(f"{answer.status} x", list(answer.headers.items()))
        return [answer.body]


@pytest.fixture(scope="module")
def cloud() -> SimulatedCloud:
    cloud = SimulatedCloud(checks_parameters=False, schedules=False)
    cloud.apply(PIPELINE)
    probe = {"BUILDGATE_CACHE_RESULT": "hit", "BUILDGATE_CACHE_KEY": "deps", "VERSION": "1"}
    numbers = iter(range(1000))
    cloud.aws.codebuild.plan = lambda _: BuildPlan(
        60, "FAILED" if next(numbers) % 3 == 2 else "SUCCEEDED", exported=probe
    )
    for number in range(4):
        push(cloud, number)
        cloud.aws.timeline.advance(minutes=7)
    cloud.decide(cloud.links()[0], "approve")
    cloud.aws.timeline.advance(minutes=7)
    waiver = {"finding": "CVE-1", "reason": "no fix yet", "owner": "alice@example.com", "expires": "2026-12-24"}
    cloud.call("POST", "/v1/pipelines/shop/waivers", waiver)
    cloud.aws.codecommit.push("shop", "elsewhere", {"a": "1"})
    Wiring(cloud.aws, table=cloud.deployment.outputs["TableName"]).fold_days()
    return cloud


@pytest.fixture(scope="module")
def known(cloud) -> dict[str, dict[str, str]]:
    """Values that name something, by the first word of a path; ``""`` holds what every path shares."""
    run = cloud.runs()[-1]
    shared = {"name": "shop", "project": "shop-unit", "repository": "shop", "kind": "pipelines"}
    of_run = {"id": run["run_id"], "stage": "test", "gate": "quality"}
    return {
        "": shared,
        "runs": of_run,
        "metrics": of_run,
        "builds": {"id": run["stages"][0]["builds"][0]["build_id"]},
        "approvals": {"id": cloud.call("GET", "/v1/approvals")["approvals"][0]["id"]},
        "pipelines": {"id": cloud.call("GET", "/v1/pipelines/shop/waivers")["waivers"][0]["id"]},
    }


@pytest.fixture(scope="module")
def schema(cloud) -> Any:
    sent = copy.deepcopy(DESCRIBED)
    sent["components"]["schemas"]["PipelineFile"] = {"type": "object"}  # made-up files have a test of their own
    described = schemathesis.openapi.from_dict(sent)
    described.app = Wsgi(cloud)
    return described


def names_of(path: str, known: dict[str, dict[str, str]]) -> dict[str, str]:
    word = next(part for part in path.split("/")[1:] if part != "v1")
    return {**known[""], **known.get(word, {})}


def has_strict_headers(answer: Any) -> bool:
    """Return whether an answer of ours lets itself be framed, guessed, kept by others or followed by nobody."""
    if answer.status_code == 404 and answer.text == NO_ROUTE:
        return True
    has = answer.headers
    return (
        has["x-content-type-options"] == ["nosniff"]
        and has["referrer-policy"] == ["no-referrer"]
        and has["cache-control"][0] in {"no-store", "private, no-cache"}
        and has["content-security-policy"][0].startswith("default-src 'none'")
        and "frame-ancestors 'none'" in has["content-security-policy"][0]
        and not {"location", "refresh", "set-cookie", "access-control-allow-origin"} & set(has)
    )


@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_whatever_is_sent_is_answered_as_the_document_says(cloud, schema, known, path, method):
    """Seeded, so that every run sends the same; what the schemas allow, what they forbid, and names that exist.

    Whoever only looks changes nothing, and every answer has strict headers.
    """
    before = items(cloud) if method in {"get", "head"} else None
    operation = schema[path][method]
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))
    real = names_of(path, known)

    @SEEDED
    @given(case=cases, is_real=st.booleans())
    def send(case: Any, *, is_real: bool) -> None:
        if is_real:
            case.path_parameters = {name: real[name] for name in case.path_parameters or {}}
        answer = case.call()
        checks = [one for one in CHECKS if not (is_real and one is negative_data_rejection)]
        case.validate_response(answer, checks=checks)
        assert has_strict_headers(answer), answer.headers

    send()
    assert before is None or items(cloud) == before


@pytest.mark.parametrize("path", [path for path, method in ROUTES if method == "get" and path.startswith("/v1/")])
def test_answers_hold_every_described_field_and_no_other(cloud, known, path):
    answer = cloud.ask("GET", path.format(**names_of(path, known)))
    described = CLOSED["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    assert answer.status == 200, answer
    jsonschema.Draft202012Validator({**described, "components": CLOSED["components"]}).validate(answer.data)


@pytest.mark.parametrize("path", sorted(DESCRIBED["paths"]))
def test_methods_that_are_not_described_are_not_found_or_not_allowed(cloud, known, path):
    before = items(cloud)
    url = path.format(**names_of(path, known))
    others = [name for name in METHODS if name.lower() not in DESCRIBED["paths"][path]]

    assert {cloud.deployment.http.request(method, url, "{}", caller=ALICE).status for method in others} <= {404, 405}
    assert items(cloud) == before
