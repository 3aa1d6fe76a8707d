"""Prints, as JSON, the HTTP request that botocore makes for each operation of a list, and the shape of its answer.

Run in a process of its own, once with the full package and once with the trimmed one on PYTHONPATH:
`python serialise_operations.py services.json`. Nothing is sent.
"""

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import botocore.exceptions
import botocore.session
from botocore.awsrequest import AWSResponse

VOLATILE = {"User-Agent"}


LEAVES = {
    "integer": 1,
    "long": 1,
    "float": 1.5,
    "double": 1.5,
    "boolean": True,
    "blob": b"abc",
    "timestamp": datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
}


def sample(shape, depth=0):
    """A value with every member filled in, the first of a union, and nothing nested without end."""
    match shape.type_name:
        case "structure":
            return _structure(shape, depth)
        case "list":
            return [sample(shape.member, depth + 1)] * max(1, shape.metadata.get("min", 1))
        case "map":
            return {sample(shape.key, depth + 1): sample(shape.value, depth + 1)}
        case "string":
            return shape.enum[0] if shape.enum else "abc".ljust(shape.metadata.get("min", 3), "x")
    return LEAVES[shape.type_name]


def _structure(shape, depth):
    wanted = list(shape.members.items())
    if shape.is_tagged_union:
        wanted = wanted[:1]
    elif depth > 4:
        wanted = [(name, member) for name, member in wanted if name in shape.required_members]
    return {name: sample(member, depth + 1) for name, member in wanted}


def described(shape, inside=()):
    """Everything that decides how a shape is written or read, without its documentation."""
    if shape is None or shape.name in inside:
        return shape and shape.name
    facts = [
        shape.name,
        shape.type_name,
        dict(shape.serialization),
        dict(shape.metadata),
    ]
    inner = (*inside, shape.name)
    match shape.type_name:
        case "structure":
            facts.append({name: described(member, inner) for name, member in shape.members.items()})
        case "list":
            facts.append(described(shape.member, inner))
        case "map":
            facts += [described(shape.key, inner), described(shape.value, inner)]
    return facts


def request_of(session, service, operation):
    client = session.create_client(service)
    made = []

    def capture(params, **_):
        headers = {key: str(value) for key, value in sorted(params["headers"].items()) if key not in VOLATILE}
        body = params["body"]
        text = str(body.read() if hasattr(body, "read") else body)
        made.append([params["method"], params["url"], headers, text])
        return AWSResponse(params["url"], 200, {}, None), {}

    client.meta.events.register_first("before-call", capture)
    model = client.meta.service_model.operation_model(operation)
    arguments = sample(model.input_shape) if model.input_shape else {}
    try:
        client._make_api_call(operation, arguments)
        refusal = ""
    except botocore.exceptions.BotoCoreError as error:
        refusal = str(error)
    shapes = [described(model.output_shape), *(described(shape) for shape in model.error_shapes)]
    digest = hashlib.sha256(json.dumps(shapes, sort_keys=True).encode()).hexdigest()
    return {"request": made, "refusal": refusal, "answers": digest}


def main():
    wanted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    session = botocore.session.get_session()
    found = {
        f"{service}.{name}": request_of(session, service, name) for service, names in wanted.items() for name in names
    }
    found["endpoints"] = {service: sorted(session.get_available_regions(service)) for service in wanted}
    found["version"] = botocore.__version__
    print(json.dumps(found, indent=1, sort_keys=True))


main()
