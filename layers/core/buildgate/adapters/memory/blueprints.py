"""What our SAM template comes to in one account, with every reference resolved: read once, deployed many times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from buildgate.adapters.memory.http import Route
from buildgate.adapters.memory.templates import Resolver, load_template

_TABLE_MEMBERS = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
_UNIT_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function that is invoked every so often."""

    name: str
    function: str
    seconds: float


class Place(NamedTuple):
    """Where a stack is deployed, and with which parameters, in the order of their names."""

    stack: str
    region: str
    account: str
    parameters: tuple[tuple[str, str], ...] = ()


class RulePlan(NamedTuple):
    """An EventBridge rule with one function as its target; `dead_letters` is a queue's ARN, or nothing."""

    name: str
    function: str
    pattern: Mapping[str, Any]
    input_paths: Mapping[str, str]
    input_template: str
    dead_letters: str
    is_enabled: bool


class FunctionPlan(NamedTuple):
    """A function and its environment; `destination` is the ARN of its failure queue, or nothing."""

    logical: str
    name: str
    code_uri: str
    environment: Mapping[str, str]
    timeout_seconds: float
    retries: int
    max_event_age_seconds: float
    destination: str


class TablePlan(NamedTuple):
    """A table: what CreateTable takes, and its TimeToLiveSpecification, if any."""

    definition: dict[str, Any]
    time_to_live: dict[str, Any]


class MachinePlan(NamedTuple):
    """A state machine: its name, the text of its definition and the substitutions in it."""

    name: str
    definition: str
    substitutions: Mapping[str, str]


class Blueprint(NamedTuple):
    """A whole stack. It is shared by every deployment, and so never changed."""

    tables: tuple[TablePlan, ...]
    buckets: tuple[tuple[str, dict[str, Any]], ...]
    topics: tuple[str, ...]
    queues: tuple[str, ...]
    functions: tuple[FunctionPlan, ...]
    machines: tuple[MachinePlan, ...]
    routes: tuple[Route, ...]
    schedules: tuple[Schedule, ...]
    rules: tuple[RulePlan, ...]
    outputs: Mapping[str, str]


@lru_cache(maxsize=8)
def blueprint_of(template: Path, place: Place) -> Blueprint:
    """Return what a template comes to; state machine definitions are read relative to it."""
    return _Reader(template, place).blueprint()


class _Reader:
    """Reads one template for one place."""

    def __init__(self, template: Path, place: Place) -> None:
        data = load_template(template)
        self._root, self._place, self._resources = template.parent, place, data["Resources"]
        values = {name: str(entry.get("Default", "")) for name, entry in data.get("Parameters", {}).items()}
        values |= {
            **dict(place.parameters),
            "AWS::Region": place.region,
            "AWS::AccountId": place.account,
            "AWS::Partition": "aws",
            "AWS::StackName": place.stack,
            "AWS::URLSuffix": "amazonaws.com",
        }
        self._outputs = data["Outputs"]
        self._resolver = Resolver(data, values, self._reference, self._attribute)
        self._globals = data.get("Globals", {}).get("Function", {})

    def blueprint(self) -> Blueprint:
        of = self._of_kind
        functions = of("Function")
        events = [
            (self._name(logical), name, event["Type"], event["Properties"])
            for logical, properties in functions
            for name, event in properties.get("Events", {}).items()
        ]
        return Blueprint(
            tables=tuple(self._table(*one) for one in of("Table")),
            buckets=tuple((self._name(n).lower(), p.get("VersioningConfiguration", {})) for n, p in of("Bucket")),
            topics=tuple(self._name(logical) for logical, _ in of("Topic")),
            queues=tuple(self._name(logical) for logical, _ in of("Queue")),
            functions=tuple(self._function(*one) for one in functions),
            machines=tuple(self._machine(*one) for one in of("StateMachine")),
            routes=tuple(_route(function, p) for function, _, kind, p in events if kind == "HttpApi"),
            schedules=tuple(
                Schedule(f"{function}-{name}", function, _rate(p["Schedule"]))
                for function, name, kind, p in events
                if kind == "Schedule"
            ),
            rules=tuple(
                _rule(f"{function}-{name}", function, self._resolver.of(p))
                for function, name, kind, p in events
                if kind == "EventBridgeRule"
            ),
            outputs={name: str(self._resolver.of(entry["Value"])) for name, entry in self._outputs.items()},
        )

    def _of_kind(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        found = self._resources.items()
        return [(name, one.get("Properties", {})) for name, one in found if one["Type"].endswith(f"::{kind}")]

    def _name(self, logical: str) -> str:
        properties = self._resources[logical].get("Properties", {})
        given = next((properties[key] for key in ("Name", "FunctionName", "TopicName") if key in properties), None)
        return str(self._resolver.of(given)) if given else f"{self._place.stack}-{logical}"

    def _arn(self, logical: str) -> str:
        kind, name = self._resources[logical]["Type"].rsplit("::", 1)[1], self._name(logical)
        place = f"{self._place.region}:{self._place.account}"
        arns = {
            "Table": f"arn:aws:dynamodb:{place}:table/{name}",
            "Bucket": f"arn:aws:s3:::{name.lower()}",
            "Topic": f"arn:aws:sns:{place}:{name}",
            "Queue": f"arn:aws:sqs:{place}:{name}",
            "Function": f"arn:aws:lambda:{place}:function:{name}",
            "StateMachine": f"arn:aws:states:{place}:stateMachine:{name}",
        }
        return arns.get(kind, f"arn:aws:memory:{place}:{name}")

    def _reference(self, logical: str) -> str:
        kind = self._resources[logical]["Type"].rsplit("::", 1)[1]
        if kind in ("Topic", "StateMachine"):
            return self._arn(logical)
        name = self._name(logical)
        return {"Bucket": name.lower(), "Queue": f"memory://sqs/{name}", "HttpApi": "memory"}.get(kind, name)

    def _attribute(self, logical: str, attribute: str) -> str:
        return self._name(logical) if attribute.endswith("Name") else self._arn(logical)

    def _table(self, logical: str, properties: dict[str, Any]) -> TablePlan:
        definition = {name: properties[name] for name in _TABLE_MEMBERS if name in properties}
        ttl = properties.get("TimeToLiveSpecification")
        return TablePlan({"TableName": self._name(logical), **self._resolver.of(definition)}, ttl or {})

    def _machine(self, logical: str, properties: dict[str, Any]) -> MachinePlan:
        text = (self._root / properties["DefinitionUri"]).read_text(encoding="utf-8")
        return MachinePlan(self._name(logical), text, self._resolver.of(properties.get("DefinitionSubstitutions", {})))

    def _function(self, logical: str, properties: dict[str, Any]) -> FunctionPlan:
        variables = {
            **self._globals.get("Environment", {}).get("Variables", {}),
            **properties.get("Environment", {}).get("Variables", {}),
        }
        environment = {key: str(self._resolver.of(value)) for key, value in variables.items()}
        invoke = self._resolver.of(properties.get("EventInvokeConfig", {}))
        return FunctionPlan(
            logical,
            self._name(logical),
            properties["CodeUri"],
            {**environment, "AWS_REGION": self._place.region},
            timeout_seconds=float(properties.get("Timeout", self._globals.get("Timeout", 3))),
            retries=int(invoke.get("MaximumRetryAttempts", 2)),
            max_event_age_seconds=float(invoke.get("MaximumEventAgeInSeconds", 21_600)),
            destination=invoke.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
        )


def _route(function: str, properties: dict[str, Any]) -> Route:
    is_open = properties.get("Auth", {}).get("Authorizer") == "NONE"
    return Route(properties["Method"].upper(), properties["Path"], function, is_open)


def _rule(name: str, function: str, properties: dict[str, Any]) -> RulePlan:
    transformer = properties.get("InputTransformer", {})
    return RulePlan(
        name,
        function,
        properties["Pattern"],
        transformer.get("InputPathsMap", {}),
        transformer.get("InputTemplate", ""),
        properties.get("DeadLetterConfig", {}).get("Arn", ""),
        properties.get("State", "ENABLED") == "ENABLED",
    )


def _rate(expression: str) -> float:
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if match is None:
        raise ValueError(f"this deployment reads only rate(...) schedules, not {expression}")
    return int(match.group(1)) * _UNIT_SECONDS[match.group(2)]
