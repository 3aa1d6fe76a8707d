"""One emulator, with one small stack on it, for the whole conformance suite."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.session import Session

from buildgate_cli.local.bundle import Deployment
from buildgate_cli.local.emulator import Emulator
from buildgate_cli.local.state import Home, Keys
from local_cloud_asking import until

TEMPLATE = Path(__file__).parent / "cloud" / "template.yaml"
SPEED = 20.0


@dataclass
class Asked:
    """The emulator under test and the means to ask it."""

    emulator: Emulator
    home: Home
    keys: Keys
    front_host: str
    outputs: dict[str, str]
    _clients: dict[tuple[str, Keys], Any] = field(default_factory=dict)
    _session: Session = field(default_factory=Session)
    """One for all clients: it keeps the service models that it has read."""

    def client(self, service: str, keys: Keys | None = None) -> Any:
        """Return the client of a service for whoever has the keys, the same one each time: making one is slow."""
        asking = service, keys or self.keys
        if asking not in self._clients:
            self._clients[asking] = self._new_client(*asking)
        return self._clients[asking]

    def _new_client(self, service: str, keys: Keys) -> Any:
        return self._session.create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self.emulator.endpoint,
            aws_access_key_id=keys.access_key_id,
            aws_secret_access_key=keys.secret_access_key,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=True),
        )

    def notes(self, key: str) -> list[dict[str, Any]]:
        """Return what the worker noted under a key, oldest first."""
        items = self.client("dynamodb").query(
            TableName=self.outputs["Table"],
            KeyConditionExpression="pk = :key",
            ExpressionAttributeValues={":key": {"S": key}},
            ConsistentRead=True,
        )["Items"]
        return [json.loads(item["data"]["S"]) for item in items]

    def machine(self, definition: dict[str, Any]) -> str:
        created = self.client("stepfunctions").create_state_machine(
            name=f"test-{uuid.uuid4().hex[:12]}",
            definition=json.dumps(definition),
            roleArn=self.outputs["MachineRole"],
        )
        return created["stateMachineArn"]

    def start(self, definition: dict[str, Any], given: dict[str, Any] | None = None) -> str:
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.machine(definition), input=json.dumps(given or {})
        )
        return started["executionArn"]

    def ended(self, execution: str, *, within: float = 20) -> dict[str, Any]:
        """Wait until an execution is over and return its description."""
        states = self.client("stepfunctions")
        return until(
            lambda: (
                described
                if (described := states.describe_execution(executionArn=execution))["status"] != "RUNNING"
                else None
            ),
            within=within,
        )

    def tokens(self, key: str, count: int = 1) -> list[str]:
        """Wait until the worker has seen `count` tokens under a key and return them, oldest first."""
        return until(lambda: found if len(found := [note["token"] for note in self.notes(key)]) >= count else None)

    def parking(self, key: str, **fields: Any) -> dict[str, Any]:
        """Return a task that parks its token under `key`."""
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {
                "FunctionName": self.outputs["Worker"],
                "Payload": {"do": "park", "key": key, "token.$": "$$.Task.Token", "retry.$": "$$.State.RetryCount"},
            },
            "End": True,
            **fields,
        }

    def calling(self, payload: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Return a task that calls the worker with `payload`."""
        return {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": self.outputs["Worker"], "Payload": payload},
            "End": True,
            **fields,
        }


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    home = Home(tmp_path_factory.mktemp("conformance"))
    home.prepare()
    keys, ports = home.keys(), home.ports()
    front_host = f"127.0.0.1:{ports['front']}"
    emulator = Emulator(home, keys, ports["emulator"], hosts=(front_host,), speed=SPEED)
    emulator.start()
    try:
        found = Asked(emulator, home, keys, front_host, {})
        found.outputs = Deployment(found.client, "conformance").deploy(TEMPLATE, {"Greeting": "good day"})
        yield found
    finally:
        emulator.stop()
