"""Deploys our SAM template into the in-memory AWS: the same table, functions, rules, machines and routes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.blueprints import Blueprint, FunctionPlan, Place, RulePlan, Schedule, blueprint_of
from buildgate.adapters.memory.events import Rule, Target
from buildgate.adapters.memory.http import Http
from buildgate.adapters.memory.lambdas import Function, Handler

if TYPE_CHECKING:
    from pathlib import Path

    from buildgate.adapters.memory.cloud import MemoryAws

Loader = Callable[[str, Mapping[str, str]], Handler]


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
    place = Place(stack, aws.region, aws.account, tuple(sorted((parameters or {}).items())))
    blueprint = blueprint_of(template, place)
    deployment = Deployment(aws, stack, Http(aws.timeline, aws.lambdas, aws.account))
    _store(aws, blueprint)
    for plan in blueprint.functions:
        environment = dict(plan.environment)
        aws.lambdas.deploy(_function(aws, plan, partial(load, plan.code_uri, environment)))
        deployment.names[plan.logical] = plan.name
        deployment.environments[plan.name] = environment
    for machine in blueprint.machines:
        aws.stepfunctions.deploy(*machine)
    deployment.http.routes += blueprint.routes
    deployment.schedules += blueprint.schedules
    aws.events.rules += [_rule(aws, rule) for rule in blueprint.rules]
    deployment.outputs = dict(blueprint.outputs)
    return deployment


def _store(aws: MemoryAws, blueprint: Blueprint) -> None:
    for table in blueprint.tables:
        aws.dynamodb.create_table(**table.definition)
        if table.time_to_live:
            name = table.definition["TableName"]
            aws.dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=table.time_to_live)
    for bucket, versioning in blueprint.buckets:
        aws.s3.create_bucket(Bucket=bucket)
        aws.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioning)
    for topic in blueprint.topics:
        aws.sns.create_topic(Name=topic)
    for queue in blueprint.queues:
        aws.sqs.create_queue(QueueName=queue)


def _function(aws: MemoryAws, plan: FunctionPlan, build: Callable[[], Handler]) -> Function:
    function = Function(
        plan.name,
        build,
        timeout_seconds=plan.timeout_seconds,
        retries=plan.retries,
        max_event_age_seconds=plan.max_event_age_seconds,
    )
    if plan.destination:
        function.on_failure = partial(_send, aws, plan.destination)
    return function


def _send(aws: MemoryAws, queue: str, record: Any) -> None:
    aws.sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(record))


def _rule(aws: MemoryAws, plan: RulePlan) -> Rule:
    target = Target(
        plan.function,
        partial(aws.lambdas.enqueue, plan.function),
        plan.input_paths,
        plan.input_template,
        partial(_send, aws, plan.dead_letters) if plan.dead_letters else None,
    )
    return Rule(plan.name, plan.pattern, (target,), plan.is_enabled)
