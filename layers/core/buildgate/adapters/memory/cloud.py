"""The in-memory AWS that hands out clients."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.client import Boundary, Client, Crossing
from buildgate.adapters.memory.cloudwatch import CloudWatch
from buildgate.adapters.memory.codebuild import CodeBuild
from buildgate.adapters.memory.codecommit import CodeCommit
from buildgate.adapters.memory.dynamodb import DynamoDb
from buildgate.adapters.memory.events import Events
from buildgate.adapters.memory.faults import Faults
from buildgate.adapters.memory.iam import Iam
from buildgate.adapters.memory.lambdas import Lambda
from buildgate.adapters.memory.s3 import S3
from buildgate.adapters.memory.sns import Sns
from buildgate.adapters.memory.sqs import Sqs
from buildgate.adapters.memory.stepfunctions import StepFunctions
from buildgate.adapters.memory.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable


class MemoryAws:
    """Services in one process, without network or threads, on one virtual timeline.

    The same seed and the same calls give the same ids, jitter and order. `boundary` is the one place through which
    every call passes; it is a `Faults` that does nothing until it is given a plan. Parameters are checked against
    botocore's models, and items copied, unless `checks_parameters` is off, which makes calls several times faster. `clock`, `randomness`
    and `pause` are what its functions live by: during a pause, whose length is drawn here so that it repeats with the
    seed, the rest of the world goes on.
    """

    def __init__(
        self,
        timeline: Timeline | None = None,
        *,
        seed: int = 0,
        region: str = "us-east-1",
        account: str = "000000000000",
        checks_parameters: bool = True,
    ) -> None:
        self.timeline = timeline or Timeline()
        self.region, self.account = region, account
        self.faults = Faults()
        self._checks_parameters = checks_parameters
        self._clients: dict[str, Client] = {}
        self.dynamodb = DynamoDb(self.timeline.time, region=region, account=account, shares=not checks_parameters)
        self.s3 = S3(self.timeline)
        self.sqs = Sqs(self.timeline, region=region, account=account)
        self.sns = Sns(self.timeline, f"arn:aws:sns:{region}:{account}:")
        self.events = Events(self.timeline, region, account)
        self.lambdas = Lambda(self.timeline, f"arn:aws:lambda:{region}:{account}:function:")
        self.codecommit = CodeCommit(self.timeline, self.events, region, account)
        self._crossing = Crossing(self.faults, self.lambdas.callers, is_for_functions=True)
        dice = partial(_dice, seed)
        self.clock = self.timeline
        self.randomness = _Randomness(dice("functions"))
        self._pauses = dice("pauses")
        self.codebuild = CodeBuild(self.timeline, self.events, dice("codebuild"), region, account)
        self.stepfunctions = StepFunctions(
            self.timeline, self.lambdas, self.events, dice("stepfunctions"), region, account
        )
        self.iam = Iam(account)
        self.cloudwatch = CloudWatch()
        self._twins: dict[str, object] = {
            "cloudwatch": self.cloudwatch,
            "codebuild": self.codebuild,
            "codecommit": self.codecommit,
            "dynamodb": self.dynamodb,
            "events": self.events,
            "iam": self.iam,
            "lambda": self.lambdas,
            "s3": self.s3,
            "sns": self.sns,
            "sqs": self.sqs,
            "stepfunctions": self.stepfunctions,
        }

    @property
    def boundary(self) -> Boundary:
        """Return the one place through which every call passes."""
        return self._crossing.boundary

    @boundary.setter
    def boundary(self, boundary: Boundary) -> None:
        self._crossing.boundary = boundary
        self._crossing.is_for_functions = boundary is self.faults

    def client(self, service: str) -> Any:
        """Return the client of a service, the same one each time."""
        if service not in self._clients:
            if service not in self._twins:
                raise LookupError(f"no in-memory twin of the service {service!r}")
            self._clients[service] = Client(
                service,
                self._twins[service],
                self._crossing,
                region=self.region,
                checks_parameters=self._checks_parameters,
            )
        return self._clients[service]

    def pause(self, seconds: float) -> None:
        """Wait, as a function does before it tries again; the caller's own jitter would not repeat."""
        self.timeline.advance(self._pauses.uniform(0, 2))

    def lag_indexes(self, delay: Callable[[], float]) -> None:
        """Let every table's indexes follow their table only after so many seconds, drawn anew for each write."""
        for table in self.dynamodb.tables.values():
            table.defer = lambda work: self.timeline.after(delay(), work, "an index catches up")


class _Randomness:
    """Random bytes that repeat with the seed: fit for secrets in a simulation only."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def random_bytes(self, count: int) -> bytes:
        return self._dice.randbytes(count)


def _dice(seed: int, service: str) -> random.Random:
    """Return a service's own source of chance, so that one service's use of it does not move another's."""
    return random.Random(f"{seed}/{service}")  # noqa: S311 - a simulation wants chance that repeats
