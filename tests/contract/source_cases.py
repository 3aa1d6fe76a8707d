"""What asking other sources of evidence promises, kind by kind, as far as AWS is asked for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from asked_services import serving
from buildgate.adapters.sources.asked import AskedSources
from buildgate.domain.builds import Build
from buildgate.domain.gates.sources import Source, SourceKind
from buildgate.usecases.gate_ports import Fetched, SourceFacts, Sources
from contract.cases import JUNIT, QUICK, Cloud, case
from contract.launcher_cases import launcher, order
from run_records import NOON, run

WRITES_A_REPORT = f"""\
version: 0.2
phases:
  build:
    commands:
      - mkdir reports
      - |
        echo '{JUNIT.decode()}' > reports/junit.xml
artifacts:
  files: ['reports/*']
"""


def fetch(
    cloud: Cloud, kind: SourceKind, builds: Sequence[Build] = (), now: datetime = NOON, **options: Any
) -> Sequence[Fetched]:
    sources: Sources = AskedSources(cloud, pause=lambda _: None)
    return sources.fetch(Source(kind, tuple(sorted(options.items()))), SourceFacts(run(), "quality", builds, now))


def measured(fetched: Sequence[Fetched]) -> Mapping[str, float]:
    return {
        name: value for one in fetched for report in one.read.reports for name, value in report.measurements.items()
    }


def refusals(fetched: Sequence[Fetched]) -> list[str]:
    return [one.read.refusal.reason_code for one in fetched if one.read.refusal]


def ended(cloud: Cloud, project: str) -> Sequence[Build]:
    """Return a build of a project that was started and has ended."""
    builds = launcher(cloud)
    started = builds.start(order(project))
    cloud.end(started.build_id)
    return builds.builds([started.build_id])


@case(Sources)
def a_figure_of_cloudwatch_is_a_measurement(cloud: Cloud) -> None:
    namespace, now = cloud.name(), datetime.now(UTC)
    dimensions = [{"Name": "Service", "Value": "web"}]
    told = [{"MetricName": "Latency", "Dimensions": dimensions, "Value": value, "Timestamp": now} for value in (2, 4)]
    for one in told:
        cloud.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[one])
    asked = {"namespace": namespace, "metric": "Latency", "measurement": "custom.latency", "scale": 10.0}

    fetched = fetch(cloud, "cloudwatch", now=now, **asked, dimensions=(("Service", "web"),), over_minutes=30.0)

    assert measured(fetched) == {"custom.latency": pytest.approx(30.0)}
    assert [one.name for one in fetched] == [f"source:cloudwatch/{namespace}/Latency"]


@case(Sources)
def a_metric_without_data_is_no_measurement(cloud: Cloud) -> None:
    asked = {"namespace": cloud.name(), "metric": "Errors", "measurement": "custom.errors"}

    fetched = fetch(cloud, "cloudwatch", now=datetime.now(UTC), **asked)

    assert (measured(fetched), refusals(fetched)) == ({}, [])
    assert "has no data" in " ".join(fetched[0].read.reports[0].warnings)


@case(Sources)
def artifacts_of_a_build_are_read(cloud: Cloud) -> None:
    place = {"type": "S3", "location": cloud.bucket(), "path": "out", "name": "shop", "packaging": "ZIP"}
    project = cloud.project(WRITES_A_REPORT, artifacts=place)
    fetched = fetch(cloud, "artifacts", ended(cloud, project), paths=("reports/*.xml",))

    assert measured(fetched)["tests.total"] == 1
    assert [(one.name.endswith("!reports/junit.xml"), bool(one.version)) for one in fetched] == [(True, True)]


@case(Sources)
def a_build_without_artifacts_has_none(cloud: Cloud) -> None:
    assert refusals(fetch(cloud, "artifacts", ended(cloud, cloud.project(QUICK)), paths=("*",))) == ["absent"]


@case(Sources)
def an_image_that_was_scanned_shows_its_findings(cloud: Cloud) -> None:
    image = cloud.scanned()

    fetched = fetch(cloud, "ecr", image=image, tag="v1")

    assert sum(value for name, value in measured(fetched).items() if name.startswith("findings.")) > 0
    assert refusals(fetched) == []


@case(Sources)
def an_image_that_nobody_knows_is_refused(cloud: Cloud) -> None:
    assert refusals(fetch(cloud, "ecr", image=cloud.name(), tag="v1")) == ["refused"]


@case(Sources)
def inspector_shows_what_it_found_and_is_clean_about_nothing_else(cloud: Cloud) -> None:
    image = cloud.scanned()

    assert measured(fetch(cloud, "inspector", image=image, tag="v1"))["findings.critical"] == 1
    assert refusals(fetch(cloud, "inspector", image=cloud.name(), tag="v1")) == ["not_scanned"]


@case(Sources)
def servers_are_asked_with_tokens_of_secrets_manager(cloud: Cloud) -> None:
    token = cloud.name()
    cloud.client("secretsmanager").create_secret(Name=f"buildgate/{token}", SecretString='{"token": "r1sk"}')

    with serving(lambda: run().source.commit) as (url, asked):
        told = fetch(cloud, "endpoint", url=f"{url}/gate", token=token)
        analysed = fetch(cloud, "sonarqube", url=f"{url}/sonar", project="asked", token=token)

    assert measured(told) == {"custom.risk_score": 12}
    assert measured(analysed)["coverage.line_percent"] == pytest.approx(91.4)
    assert {one.headers["Authorization"].split()[0] for one in asked} == {"Bearer", "Basic"}


@case(Sources)
def a_token_that_is_not_there_is_a_refusal(cloud: Cloud) -> None:
    cloud.client("secretsmanager").create_secret(Name=f"buildgate/{(known := cloud.name())}", SecretString="{}")

    for token in (known, cloud.name()):
        assert refusals(fetch(cloud, "endpoint", url="https://gate.example.com/", token=token)) == ["refused"]
