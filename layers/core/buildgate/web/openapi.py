"""The OpenAPI document of the whole HTTP API, made from the routing table and from what its functions say they return."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_type_hints

from buildgate.inbound import pipeline_file
from buildgate.inbound.pipeline_models import NAME_PATTERN, PROJECT_PATTERN, REPOSITORY_PATTERN
from buildgate.web import answers, lane_answers, metrics_answers
from buildgate.web.answers import Failed, Refusal
from buildgate.web.bodies import PIPELINE_FILE, Waive
from buildgate.web.operations import MOST_OF_NAME, Body, Operation, Parameter
from buildgate.web.page_routes import page_paths
from buildgate.web.schemas import Schemas

_INFO: Final = {
    "title": "Buildgate",
    "version": "1",
    "summary": "Pipelines, runs, approvals, gates and metrics of a Buildgate installation.",
    "description": "Every failure of a route under `/v1` is one `error` with its class, a message, and where they are "
    "known the field and the remedy. Lists give `next` when there is more: send it back as the parameter `next` with "
    "the same filters. A GET carries a strong `ETag`; sent back as `If-None-Match` it is answered with 304 while "
    "nothing has changed. A parameter that a route does not know is refused.",
}
_SERVERS: Final = [
    {
        "url": "{address}",
        "description": "Callers whom IAM identifies (Signature Version 4, service `execute-api`).",
        "variables": {"address": {"default": "http://127.0.0.1", "description": "The stack's output ApiUrl."}},
    },
    {
        "url": "{address}/oidc",
        "description": "Callers whom a token of the configured issuer identifies.",
        "variables": {"address": {"default": "http://127.0.0.1", "description": "The stack's output ApiUrl."}},
    },
]
_SECURITY: Final = {
    "iam": {
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
        "description": "AWS Signature Version 4.",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
    "oidc": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
_UNCHANGED: Final = "Unchanged"
_FAILURES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("Rejected", "The request is wrong: a parameter, the body, or what it asks for."),
    401: ("Unauthorized", "The token is missing, expired or of another issuer: API Gateway let nobody in."),
    403: ("Forbidden", "The caller is not known, or may not do this."),
    404: ("NotFound", "There is no such thing."),
    409: ("Conflict", "Somebody was first, or it is over."),
    413: ("TooLarge", "The body is larger than 256 KiB."),
    500: ("Corrupt", "What is stored makes no sense; somebody has to look."),
    503: ("Unavailable", "Not now; try again."),
}
_GATEWAY: Final = {401, 403, 413, 500, 503}
"""What API Gateway answers too, in words of its own."""
_PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "name": ("The name of the pipeline.", NAME_PATTERN),
    "project": ("The name of the build project.", PROJECT_PATTERN),
    "repository": ("The name of the repository.", REPOSITORY_PATTERN),
    "id": ("The id of the run, approval, build or waiver.", r"[^/]+"),
    "stage": ("The name of the stage.", NAME_PATTERN),
    "gate": ("The name of the gate.", r"[^/]+"),
    "kind": ("What the scope is; the account's only name is `all`.", r"(pipelines|teams|cost-centres|accounts)"),
}
_SCOPE_NAME: Final = ("The name of the pipeline, team, cost centre or account: tags may name teams anyhow.", r"[^/]+")
_ETAG: Final = {"ETag": {"description": "Changes with the answer; strong.", "schema": {"type": "string"}}}
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "description": "Entity tags that the caller holds, or `*`.",
    "schema": {"type": "string"},
}
_VARIABLE: Final = re.compile(r"\{(\w+)\}")


def document(operations: Sequence[Operation], *, is_closed: bool = False) -> dict[str, Any]:
    """Return the document (OpenAPI 3.1).

    Args:
        operations: The routing table.
        is_closed: Allow answers no field that is not named, as tests want it.
    """
    schemas = Schemas(is_closed=is_closed)
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    paths |= page_paths()
    responses = _responses(schemas)
    components = {**schemas.components, **_file_schemas()}
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": _SERVERS,
        "security": [{"iam": []}, {"oidc": []}],
        "tags": [{"name": tag} for tag in sorted({_tag(path) for path in paths})],
        "paths": paths,
        "components": {
            "securitySchemes": _SECURITY,
            "responses": responses,
            "schemas": dict(sorted(components.items())),
        },
    }


def _operation(one: Operation, schemas: Schemas) -> dict[str, Any]:
    is_read = one.method == "GET"
    answer = getattr(metrics_answers, one.answers) if one.answers else _returned(one)
    done = {"description": "Done.", **_json(schemas.of(answer))}
    responses: dict[str, Any] = {"200": done | {"headers": _ETAG} if is_read else done}
    if is_read:
        responses["304"] = {"$ref": f"#/components/responses/{_UNCHANGED}"}
    usual = {400, 401, 403, 500, 503} | ({413} if one.body else set())
    for status in sorted(usual | set(one.fails)):
        responses[str(status)] = {"$ref": f"#/components/responses/{_FAILURES[status][0]}"}
    described: dict[str, Any] = {
        "operationId": _operation_id(one),
        "summary": one.summary,
        "tags": [_tag(one.path)],
        "parameters": [
            *(_place(name, is_scope="{kind}" in one.path) for name in _VARIABLE.findall(one.path)),
            *(_parameter(taken) for taken in one.takes),
            *([_IF_NONE_MATCH] if is_read else []),
        ],
        "responses": responses,
    }
    if one.body:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _body(one.body)}},
        }
    return described


def _returned(one: Operation) -> Any:
    """Return the type that an operation's function says it returns; answers are known to type checkers only."""
    known = {**vars(sys.modules[one.does.__module__]), **vars(lane_answers), **vars(answers)}
    return get_type_hints(one.does, known, include_extras=True)["return"]


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _responses(schemas: Schemas) -> dict[str, Any]:
    """Return the answers that many operations share."""
    failed = schemas.of(Failed)
    either = {"anyOf": [failed, schemas.of(Refusal)]}
    unchanged = {"description": "What was asked for is as `If-None-Match` says.", "headers": _ETAG}
    return {_UNCHANGED: unchanged} | {
        name: {"description": words, **_json(either if status in _GATEWAY else failed)}
        for status, (name, words) in _FAILURES.items()
    }


def _operation_id(one: Operation) -> str:
    words = [word for word in re.split(r"[/{}\-.]+", one.path.removeprefix("/v1")) if word]
    return "_".join([one.method.lower(), *words])


def _tag(path: str) -> str:
    return next((word for word in path.split("/")[1:] if word != "v1"), "")


def _place(name: str, *, is_scope: bool) -> dict[str, Any]:
    meaning, pattern = _SCOPE_NAME if is_scope and name == "name" else _PLACES[name]
    schema = {"type": "string", "pattern": f"^{pattern}$", "maxLength": MOST_OF_NAME}
    return {"name": name, "in": "path", "required": True, "description": meaning, "schema": schema}


def _parameter(one: Parameter) -> dict[str, Any]:
    return {"name": one.name, "in": "query", "description": one.meaning, "schema": one.schema}


def _body(kind: type[Body]) -> dict[str, Any]:
    if kind is Waive:
        return {"$ref": "#/components/schemas/Waive"}
    schema = kind.model_json_schema()
    for name, inner in schema.get("properties", {}).items():
        if "x-component" in inner:
            schema["properties"][name] = {"$ref": f"#/components/schemas/{inner['x-component']}"}
    return schema


def _file_schemas() -> dict[str, Any]:
    """Return the schemas of the pipeline file, with references as a document's components want them."""
    text = json.dumps(pipeline_file.json_schema()).replace('"#/$defs/', f'"#/components/schemas/{PIPELINE_FILE}.')
    schema = json.loads(text)
    found = {f"{PIPELINE_FILE}.{name}": one for name, one in schema.pop("$defs").items()}
    schema.pop("$schema")
    waiver = found[f"{PIPELINE_FILE}.waiver"]
    gate = {"type": ["string", "null"], "description": "The gate it is for; all gates when it is left out."}
    waive = {**waiver, "properties": {**waiver["properties"], "gate": gate}, "description": Waive.__doc__}
    return {PIPELINE_FILE: schema, "Waive": waive, **found}
