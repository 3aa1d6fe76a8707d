"""The published document: every route is in it, it is what the router checks, and it is true of answers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, NotRequired, TypedDict

import pytest
import schemathesis

from buildgate.runtime.clients import Session
from buildgate.runtime.wiring import Wiring
from buildgate.web.api import Api
from buildgate.web.openapi import document
from buildgate.web.plain import plain
from buildgate.web.schemas import Format, Schemas
from template_model import Template
from web_requests import http_event, json_event

BOB = "arn:aws:sts::000000000000:assumed-role/ops/bob"
OPERATIONS = Api(Wiring(Session(), table="none")).operations
DOCUMENT = document(OPERATIONS)
PLACES = {
    "name": "shop",
    "project": "shop-unit",
    "id": "x",
    "kind": "teams",
    "stage": "test",
    "gate": "quality",
    "repository": "shop",
}


@pytest.fixture
def api(world):
    return Api(world.w)


def address(path):
    return path.format(**PLACES)


def asked(api, event):
    answer = api(event)
    return answer.status_code, json.loads(answer.body)


def routes_of_the_template():
    functions = Template.load().of_type("AWS::Serverless::Function").values()
    events = [event for one in functions for event in one.get("Events", {}).values() if event["Type"] == "HttpApi"]
    return {(event["Properties"]["Method"], event["Properties"]["Path"]) for event in events}


def covers(route, path):
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route))
    return re.fullmatch(pattern, path) is not None


def test_the_document_is_a_valid_openapi_document():
    schema = schemathesis.openapi.from_dict(DOCUMENT)

    schema.validate()
    assert DOCUMENT["openapi"].startswith("3.1")
    assert len(list(schema.get_all_operations())) > 50


def test_every_route_of_the_template_is_described_and_every_described_one_is_routed():
    described = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    routed = routes_of_the_template()

    def has(many, method, path, *, is_path_first):
        return any(
            verb == method and (covers(path, other) if is_path_first else covers(other, path)) for verb, other in many
        )

    assert [one for one in routed if not has(described, *one, is_path_first=True)] == []
    assert [one for one in described if not has(routed, *one, is_path_first=False)] == []


def test_operations_have_names_of_their_own_and_words():
    operations = [one for item in DOCUMENT["paths"].values() for one in item.values()]

    assert len({one["operationId"] for one in operations}) == len(operations)
    assert [one["operationId"] for one in operations if not one["summary"].endswith(".")] == []


def test_the_document_is_served_to_those_who_may_read(api):
    status, served = asked(api, json_event("GET", "/v1/openapi.json", actor=BOB))

    assert status == 200
    assert served == json.loads(json.dumps(DOCUMENT))


def test_every_described_body_is_an_object_or_refused(world, api):
    bodies = [(one, body) for one in OPERATIONS if one.body for body in ("[]", "{", "null", '"x"')]

    answers = [asked(api, http_event(one.method, address(one.path), body=body, actor=BOB)) for one, body in bodies]

    assert len(bodies) > 20
    assert {(status, answer["error"]["class"]) for status, answer in answers} == {(400, "Rejected")}
    assert world.dump() == {}


def test_every_described_parameter_is_checked(api):
    known = [(one, taken.name) for one in OPERATIONS for taken in one.takes]
    long = "9" * 1001

    for one, name in known:
        answer = asked(api, json_event(one.method, address(one.path), query=f"{name}={long}", actor=BOB))
        assert (answer[0], answer[1]["error"]["field"]) == (400, name), (one.name, name)
    assert len(known) > 100


def test_a_parameter_that_a_route_does_not_know_is_refused_and_the_known_ones_are_named(api):
    for one in OPERATIONS:
        status, answer = asked(api, json_event(one.method, address(one.path), query="lmit=3", actor=BOB))

        assert (status, answer["error"]["field"]) == (400, "lmit"), one.name
        assert all(taken.name in answer["error"]["fix"] for taken in one.takes)


def test_a_parameter_that_is_given_twice_is_refused(api):
    status, answer = asked(api, json_event("GET", "/v1/runs", query="limit=1&limit=2", actor=BOB))

    assert (status, answer["error"]["field"]) == (400, "limit")


def test_a_signature_in_the_query_is_none_of_the_routes_business(api):
    query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00"

    assert api(json_event("GET", "/v1/pipelines", query=query, actor=BOB)).status_code == 200


class _Colour(StrEnum):
    RED = "red"


class _Point(NamedTuple):
    x: int
    y: float | None


@dataclass(frozen=True)
class _Thing:
    """A thing."""

    name: str
    colour: _Colour
    seen_at: datetime
    points: tuple[_Point, ...]
    counts: Mapping[str, int]
    pair: tuple[str, int]


class _Shown(TypedDict):
    thing: _Thing
    word: Literal["a", "b"]
    at: Annotated[str, Format("date-time")]
    more: NotRequired[Annotated[list[str] | None, "What else."]]


def test_schemas_of_types_describe_what_plain_makes_of_their_values():
    schemas = Schemas(is_closed=True)
    top = schemas.of(_Shown)
    thing = _Thing("n", _Colour.RED, datetime(2026, 1, 1, tzinfo=UTC), (_Point(1, None),), {"a": 1}, ("k", 2))

    import jsonschema

    whole = {**top, "components": {"schemas": schemas.components}}
    jsonschema.validate({"thing": plain(thing), "word": "a", "at": "2026-01-01T00:00:00Z"}, whole)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"thing": plain(thing), "word": "c", "at": ""}, whole)
    assert schemas.components["_Thing"]["description"] == "A thing."
    assert schemas.components["_Shown"]["required"] == ["thing", "word", "at"]
    assert schemas.components["_Shown"]["properties"]["more"]["description"] == "What else."


def test_a_type_that_json_cannot_carry_is_refused():
    with pytest.raises(TypeError, match="JSON cannot carry"):
        Schemas().of(complex)
