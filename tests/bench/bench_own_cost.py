"""What Buildgate itself uses for an idle day, a build and a run, metered on the in-memory AWS by AWS's published rules.

`buildgate metrics self-cost` multiplies these units with recorded builds, runs and days. A build here is one outside any run,
of two minutes and two state events, with a notice; a run has two stages with one build each and a release stage that one
person approves, from the push to its end, its builds left out. Units come from the in-memory services: capacity of each
DynamoDB request, invocations, states entered, publishes, and the bytes of each log line and metric, with Lambda's own three. Seconds of
functions cannot be metered here: 30 ms warm of 512 MB are assumed for each request.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from buildgate.adapters.memory.builds import BuildPlan
from simulated_cloud import SimulatedCloud

PLATFORM_LINES_BYTES = 350
"""START, END and REPORT of an invocation, as CloudWatch keeps them."""
GB_SECONDS = 0.5 * 0.030
MOST_OFF = 0.25
BUILDS = 10
RUNS = 5
PIPELINE = {
    "name": "shop",
    "triggers": [{"repository": "shop", "branches": ["main"]}],
    "stages": [
        {"name": "test", "builds": [{"name": "unit", "project": "shop-unit"}]},
        {
            "name": "release",
            "approval": {"approvers": ["alice@example.com"], "timeout": "24h"},
            "builds": [{"name": "out", "project": "shop-release"}],
        },
    ],
}
Units = dict[str, float]


class Meter:
    """Counts what a simulated cloud used since it was last asked."""

    def __init__(self, cloud: SimulatedCloud, printed: io.StringIO) -> None:
        self._cloud = cloud
        self._printed = printed
        cloud.aws.dynamodb.meter.is_on = True
        self._known: Units = {}
        self.taken()

    def taken(self) -> Units:
        """Return the units since the last time."""
        total = self._total()
        found = {name: total[name] - self._known.get(name, 0.0) for name in total}
        self._known = total
        return found

    def _total(self) -> Units:
        cloud, aws = self._cloud, self._cloud.aws
        requests = sum(function.invocations for function in aws.lambdas.functions.values())
        entered = sum(
            kind.endswith("StateEntered")
            for execution in aws.stepfunctions.executions.values()
            for _, kind, _ in execution.history
        )
        lines = sum(len(json.dumps(line, default=str)) for line in cloud.lines)
        logged = lines + self._printed.tell() + PLATFORM_LINES_BYTES * requests
        return {
            "DynamoDB write units": aws.dynamodb.meter.write_units,
            "DynamoDB read units": aws.dynamodb.meter.read_units,
            "Lambda requests": requests,
            "Lambda arm64 GB-seconds": requests * GB_SECONDS,
            "Step Functions transitions": entered,
            "CloudWatch Logs kilobytes": logged / 1000,
            "SNS requests": len(aws.sns.published),
        }


def per(units: Units, count: int) -> Units:
    return {name: value / count for name, value in units.items()}


def less(units: Units, other: Units, times: float = 1.0) -> Units:
    return {name: value - times * other[name] for name, value in units.items()}


def metered() -> dict[str, Units]:
    """Return the units of an idle day, a build and a run."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        return _metered(printed)


def _metered(printed: io.StringIO) -> dict[str, Units]:
    cloud = SimulatedCloud(checks_parameters=False)
    cloud.aws.codebuild.plan = lambda _: BuildPlan(120)
    cloud.apply(PIPELINE)
    cloud.project("loose")
    start_build = cloud.aws.client("codebuild").start_build
    start_build(projectName="loose")
    cloud.aws.timeline.advance(hours=1)
    meter = Meter(cloud, printed)
    cloud.aws.timeline.advance(hours=24)
    day = meter.taken()
    for _ in range(BUILDS):
        start_build(projectName="loose")
        cloud.aws.timeline.advance(minutes=10)
    build = per(less(meter.taken(), day, BUILDS / 144), BUILDS)
    for number in range(RUNS):
        cloud.aws.codecommit.push("shop", "main", {"n": str(number)})
        cloud.aws.timeline.advance(minutes=10)
        cloud.decide(cloud.links()[-1], "approve")
        cloud.aws.timeline.advance(minutes=20)
    run = less(per(less(meter.taken(), day, RUNS / 48), RUNS), build, 2)
    assert {one["status"] for one in cloud.runs()} == {"SUCCEEDED"}
    return {"per_day": day, "per_build": build, "per_run": run}


def modelled() -> Mapping[str, Mapping[str, float]]:
    path = Path(__file__).parents[2] / "layers/core/buildgate/data/platform_prices.json"
    found: Mapping[str, Mapping[str, float]] = json.loads(path.read_text(encoding="utf-8"))["lines"]
    return found


def is_near(model: float, real: float) -> bool:
    return abs(model - real) <= max(MOST_OFF * max(abs(real), abs(model)), 1.0)


def main() -> int:
    """Return 1 when the model of `metrics self-cost` is off."""
    real, model = metered(), modelled()
    print(f"{'':28} {'a day':>18} {'a build':>18} {'a run':>18}   metered / modelled")
    off = []
    show: Callable[[float, float], str] = lambda a, b: f"{a:.2f} / {b:g}"  # noqa: E731 - a format with a name
    for name, line in model.items():
        pairs = [(real[key].get(name, 0.0), line.get(key, 0.0)) for key in ("per_day", "per_build", "per_run")]
        print(f"{name:28} " + " ".join(f"{show(*pair):>18}" for pair in pairs))
        off += [name for a, b in pairs if not is_near(b, a)]
    kept = "kept" if not off else f"BROKEN: {', '.join(dict.fromkeys(off))}"
    print(f"the model is within a quarter, or one unit, of what was metered: {kept}")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
