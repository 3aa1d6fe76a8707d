"""Deploys our SAM template into the in-memory AWS: the same table, functions, rules, machines and routes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.events import Rule, Target
from buildgate.adapters.memory.http import Http, Route
from buildgate.adapters.memory.lambdas import Function, Handler
from buildgate.adapters.memory.templates import Resolver, load_template

if TYPE_CHECKING:
    from pathlib import Path

    from buildgate.adapters.memory.cloud import MemoryAws

Loader = Callable[[str, Mapping[str, str]], Handler]
_TABLE_MEMBERS = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
_UNIT_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function that is invoked every so often."""

    name: str
    function: str
    seconds: float


@dataclass(slots=True)
class Deployment:
    """A stack in the in-memory AWS. `names` maps each function's logical id to its name."""

    aws: MemoryAws
    stack: str
    http: Http
    names: dict[str, str] = field(default_factory=dict)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)
    schedules: list[Schedule] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)

    def tick(self, schedule: Schedule) -> None:
        """Invoke a scheduled function once, as its rule would."""
        event = {
            "version": "0",
            "id": f"tick-{self.aws.timeline.elapsed}",
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self.aws.account,
            "time": self.aws.timeline.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.aws.region,
            "resources": [f"arn:aws:events:{self.aws.region}:{self.aws.account}:rule/{schedule.name}"],
            "detail": {},
        }
        self.aws.lambdas.enqueue(schedule.function, json.dumps(event))

    def start_schedules(self) -> None:
        """Invoke every scheduled function from now on; the timeline then never settles, so `advance` it."""
        for schedule in self.schedules:
            self._again(schedule)

    def _again(self, schedule: Schedule) -> None:
        def tick() -> None:
            self.tick(schedule)
            self._again(schedule)

        self.aws.timeline.after(schedule.seconds, tick, f"{schedule.name} ticks")


def deploy(
    aws: MemoryAws,
    template: Path,
    load: Loader,
    *,
    stack: str = "buildgate",
    parameters: Mapping[str, str] | None = None,
) -> Deployment:
    """Deploy a template.

    Args:
        aws: Where to.
        template: The template's path; state machine definitions are read relative to it.
        load: Makes a function's handler from its CodeUri and environment, each time an environment starts.
        stack: The stack's name.
        parameters: Values other than the parameters' defaults.
    """
    data = load_template(template)
    deployment = Deployment(aws, stack, Http(aws.timeline, aws.lambdas, aws.account))
    work = _Work(deployment, data, template.parent, load, parameters or {})
    for kind in ("Table", "Bucket", "Topic", "Queue", "Function", "StateMachine"):
        for name, resource in data["Resources"].items():
            if resource["Type"].endswith(f"::{kind}") and hasattr(work, f"add_{kind.lower()}"):
                getattr(work, f"add_{kind.lower()}")(name, resource.get("Properties", {}))
    deployment.outputs = {name: str(work.resolver.of(entry["Value"])) for name, entry in data["Outputs"].items()}
    return deployment


class _Work:
    """One deployment under way."""

    def __init__(
        self, deployment: Deployment, data: dict[str, Any], root: Path, load: Loader, parameters: Mapping[str, str]
    ) -> None:
        self.deployment, self.data, self.root, self.load = deployment, data, root, load
        aws = deployment.aws
        values = {name: str(entry.get("Default", "")) for name, entry in data.get("Parameters", {}).items()}
        values |= {
            **parameters,
            "AWS::Region": aws.region,
            "AWS::AccountId": aws.account,
            "AWS::Partition": "aws",
            "AWS::StackName": deployment.stack,
            "AWS::URLSuffix": "amazonaws.com",
        }
        self.resolver = Resolver(data, values, self._reference, self._attribute)
        self._globals = data.get("Globals", {}).get("Function", {})

    def _name(self, logical: str) -> str:
        properties = self.data["Resources"][logical].get("Properties", {})
        given = next((properties[key] for key in ("Name", "FunctionName", "TopicName") if key in properties), None)
        return str(self.resolver.of(given)) if given else f"{self.deployment.stack}-{logical}"

    def _arn(self, logical: str) -> str:
        kind, name = self.data["Resources"][logical]["Type"].rsplit("::", 1)[1], self._name(logical)
        aws = self.deployment.aws
        place = f"{aws.region}:{aws.account}"
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
        kind = self.data["Resources"][logical]["Type"].rsplit("::", 1)[1]
        if kind in ("Topic", "StateMachine"):
            return self._arn(logical)
        name = self._name(logical)
        return {"Bucket": name.lower(), "Queue": f"memory://sqs/{name}", "HttpApi": "memory"}.get(kind, name)

    def _attribute(self, logical: str, attribute: str) -> str:
        return self._name(logical) if attribute.endswith("Name") else self._arn(logical)

    def add_table(self, logical: str, properties: dict[str, Any]) -> None:
        database = self.deployment.aws.dynamodb
        definition = {name: properties[name] for name in _TABLE_MEMBERS if name in properties}
        database.create_table(TableName=self._name(logical), **self.resolver.of(definition))
        ttl = properties.get("TimeToLiveSpecification")
        if ttl:
            database.update_time_to_live(TableName=self._name(logical), TimeToLiveSpecification=ttl)

    def add_bucket(self, logical: str, properties: dict[str, Any]) -> None:
        name = self._name(logical).lower()
        self.deployment.aws.s3.create_bucket(Bucket=name)
        versioning = properties.get("VersioningConfiguration", {})
        self.deployment.aws.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=versioning)

    def add_topic(self, logical: str, properties: dict[str, Any]) -> None:
        self.deployment.aws.sns.create_topic(Name=self._name(logical))

    def add_queue(self, logical: str, properties: dict[str, Any]) -> None:
        self.deployment.aws.sqs.create_queue(QueueName=self._name(logical))

    def add_statemachine(self, logical: str, properties: dict[str, Any]) -> None:
        text = (self.root / properties["DefinitionUri"]).read_text(encoding="utf-8")
        substitutions = self.resolver.of(properties.get("DefinitionSubstitutions", {}))
        self.deployment.aws.stepfunctions.deploy(self._name(logical), text, substitutions)

    def add_function(self, logical: str, properties: dict[str, Any]) -> None:
        name, deployment = self._name(logical), self.deployment
        variables = {
            **self._globals.get("Environment", {}).get("Variables", {}),
            **properties.get("Environment", {}).get("Variables", {}),
        }
        environment = {key: str(self.resolver.of(value)) for key, value in variables.items()}
        environment["AWS_REGION"] = deployment.aws.region
        invoke = self.resolver.of(properties.get("EventInvokeConfig", {}))
        function = Function(
            name,
            partial(self.load, properties["CodeUri"], environment),
            timeout_seconds=float(properties.get("Timeout", self._globals.get("Timeout", 3))),
            retries=int(invoke.get("MaximumRetryAttempts", 2)),
            max_event_age_seconds=float(invoke.get("MaximumEventAgeInSeconds", 21_600)),
        )
        destination = invoke.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
        if destination:
            function.on_failure = partial(self._send, destination)
        deployment.aws.lambdas.deploy(function)
        deployment.names[logical] = name
        deployment.environments[name] = environment
        for event_name, event in properties.get("Events", {}).items():
            self._add_event(name, event_name, event["Type"], event["Properties"])

    def _send(self, queue: str, record: Any) -> None:
        self.deployment.aws.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record))

    def _add_event(self, function: str, event: str, kind: str, properties: dict[str, Any]) -> None:
        deployment = self.deployment
        if kind == "HttpApi":
            is_open = properties.get("Auth", {}).get("Authorizer") == "NONE"
            route = Route(properties["Method"].upper(), properties["Path"], function, is_open)
            deployment.http.routes.append(route)
        elif kind == "Schedule":
            deployment.schedules.append(Schedule(f"{function}-{event}", function, _rate(properties["Schedule"])))
        elif kind == "EventBridgeRule":
            found = self.resolver.of(properties)
            deployment.aws.events.rules.append(self._rule(f"{function}-{event}", function, found))

    def _rule(self, name: str, function: str, properties: dict[str, Any]) -> Rule:
        lambdas = self.deployment.aws.lambdas
        transformer = properties.get("InputTransformer", {})
        dead = properties.get("DeadLetterConfig", {}).get("Arn")
        target = Target(
            function,
            lambda payload: lambdas.enqueue(function, json.dumps(payload)),
            transformer.get("InputPathsMap", {}),
            transformer.get("InputTemplate", ""),
            partial(self._send, dead) if dead else None,
        )
        return Rule(name, properties["Pattern"], (target,))


def _rate(expression: str) -> float:
    match = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    if match is None:
        raise ValueError(f"this deployment reads only rate(...) schedules, not {expression}")
    return int(match.group(1)) * _UNIT_SECONDS[match.group(2)]
