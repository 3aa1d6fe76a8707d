"""Evidence from AWS: artifacts, image scans and CloudWatch, each honest about its gaps."""

import io
import zipfile
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from buildgate.adapters.sources.artifacts import Artifacts
from buildgate.adapters.sources.asked import AskedSources
from buildgate.adapters.sources.images import EcrScans, InspectorFindings
from buildgate.adapters.sources.metrics import CloudWatchMetrics
from buildgate.domain.errors import Unavailable
from buildgate.usecases.gate_ports import SourceFacts
from run_records import run
from source_world import COMMIT, FACTS, JUNIT, Clients, measured, no_pause, refusals, source

# ---------------------------------------------------------------------------------------------------- artifacts


class FakeBuilds:
    def __init__(self, *locations):
        self.locations = locations

    def batch_get_builds(self, ids):
        first, *more = self.locations or ("",)
        return {
            "builds": [{"artifacts": {"location": first}, "secondaryArtifacts": [{"location": one} for one in more]}]
        }


@pytest.fixture
def bucket():
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="artifacts")
        s3.put_bucket_versioning(Bucket="artifacts", VersioningConfiguration={"Status": "Enabled"})
        yield s3


def artifacts(*locations):
    return Artifacts(Clients(codebuild=FakeBuilds(*locations)))


def archive(**members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as whole:
        for name, content in members.items():
            whole.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return made.getvalue()


def test_matching_files_of_an_artifact_folder_are_read_and_pinned(bucket):
    bucket.put_object(Bucket="artifacts", Key="shop/out/reports/junit.xml", Body=JUNIT)
    bucket.put_object(Bucket="artifacts", Key="shop/out/app.bin", Body=b"\0\1")

    [one] = artifacts("arn:aws:s3:::artifacts/shop/out").fetch(source("artifacts", paths=("reports/*.xml",)), FACTS)

    assert measured([one])["tests.failed"] == 1
    assert (one.name, len(one.read.sha256), bool(one.version)) == ("source:artifacts/unit/reports/junit.xml", 64, True)


def test_matching_members_of_an_archive_are_read_and_the_rest_is_passed_by(bucket):
    body = archive(reports__junit_xml=JUNIT, app=b"\0\1 no report")
    bucket.put_object(Bucket="artifacts", Key="shop/out.zip", Body=body)

    fetched = artifacts("arn:aws:s3:::artifacts/shop/out.zip").fetch(source("artifacts", paths=("junit.xml",)), FACTS)

    assert [one.name for one in fetched] == ["source:artifacts/unit/out.zip!reports/junit.xml"]
    assert measured(fetched)["tests.total"] == 2


def test_an_archive_of_one_file_and_one_with_archives_inside_are_read_by_path(bucket):
    bucket.put_object(Bucket="artifacts", Key="one.zip", Body=archive(reports__junit_xml=JUNIT))
    bucket.put_object(Bucket="artifacts", Key="jar.zip", Body=archive(app=archive(a=b"1"), reports__junit_xml=JUNIT))

    fetched = [
        one
        for key in ("one.zip", "jar.zip")
        for one in artifacts(f"arn:aws:s3:::artifacts/{key}").fetch(source("artifacts", paths=("reports/*",)), FACTS)
    ]

    assert refusals(fetched) == []
    assert [one.name.rpartition("/unit/")[2] for one in fetched] == [
        "one.zip!reports/junit.xml",
        "jar.zip!reports/junit.xml",
    ]


def test_a_damaged_archive_is_refused(bucket):
    bucket.put_object(Bucket="artifacts", Key="shop/out.zip", Body=b"PK\x03\x04 and then nothing")

    fetched = artifacts("arn:aws:s3:::artifacts/shop/out.zip").fetch(source("artifacts", paths=("*",)), FACTS)

    assert refusals(fetched) == [("source:artifacts/unit/out.zip", "corrupt_archive")]


@pytest.mark.parametrize("locations", [(), ("arn:aws:s3:::artifacts/shop/none",)])
def test_artifacts_that_are_not_there_are_an_absent_report(bucket, locations):
    assert refusals(artifacts(*locations).fetch(source("artifacts", paths=("*.xml",)), FACTS)) == [
        ("source:artifacts", "absent")
    ]


def test_only_the_named_build_is_asked(bucket):
    bucket.put_object(Bucket="artifacts", Key="shop/out/junit.xml", Body=JUNIT)
    asked = artifacts("arn:aws:s3:::artifacts/shop/out")

    assert measured(asked.fetch(source("artifacts", paths=("*.xml",), build="unit"), FACTS))
    assert refusals(asked.fetch(source("artifacts", paths=("*.xml",), build="lint"), FACTS))


# ---------------------------------------------------------------------------------------------------- images


class FakeEcr:
    """Pages of a scan; the first answers may say that it is under way."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.asked = []

    def describe_image_scan_findings(self, **request):
        self.asked.append(request)
        if self.statuses:
            return {"imageId": {}, "imageScanStatus": {"status": self.statuses.pop(0)}}
        page = int(request.get("nextToken", "0"))
        found = [{"name": f"CVE-{page}", "severity": "CRITICAL", "description": "bad"}]
        counts = {"CRITICAL": 2}
        answer = {
            "imageId": {"imageDigest": "sha256:abc"},
            "imageScanStatus": {"status": "COMPLETE"},
            "imageScanFindings": {"findings": found, "findingSeverityCounts": counts},
        }
        return answer | ({"nextToken": "1"} if page == 0 else {})


def test_every_page_of_an_image_scan_counts_and_the_digest_is_pinned():
    ecr = FakeEcr()

    [one] = EcrScans(Clients(ecr=ecr), pause=no_pause).fetch(source("ecr", image="shop", tag=COMMIT), FACTS)

    assert measured([one])["findings.critical"] == 2
    assert (one.name, one.version) == ("source:ecr/shop", "sha256:abc")
    assert ecr.asked[0] == {"repositoryName": "shop", "imageId": {"imageTag": COMMIT}}


def test_a_scan_under_way_is_waited_for_and_one_that_stays_so_is_refused():
    waited = []
    asked = source("ecr", image="shop", digest="sha256:abc")

    done = EcrScans(Clients(ecr=FakeEcr("IN_PROGRESS", "PENDING")), pause=waited.append).fetch(asked, FACTS)
    never = EcrScans(Clients(ecr=FakeEcr(*["PENDING"] * 99)), pause=no_pause).fetch(asked, FACTS)

    assert (len(waited), refusals(done)) == (2, [])
    assert refusals(never) == [("source:ecr/shop", "incomplete")]


def test_an_image_that_ecr_does_not_know_is_refused_and_an_outage_is_not():
    with mock_aws():
        fetched = AskedSources(Clients(), pause=no_pause).fetch(source("ecr", image="none", tag="1"), FACTS)
    assert [code for _, code in refusals(fetched)] == ["refused"]

    class Down:
        def describe_image_scan_findings(self, **_):
            raise ClientError({"Error": {"Code": "ServiceException"}, "ResponseMetadata": {"HTTPStatusCode": 500}}, "x")

    with pytest.raises(Unavailable):
        AskedSources(Clients(ecr=Down()), pause=no_pause).fetch(source("ecr", image="shop", tag="1"), FACTS)


class FakeInspector:
    def __init__(self, *, watched=True):
        self.watched = watched
        self.asked = []

    def list_coverage(self, filterCriteria):  # noqa: N803 - botocore's name
        self.asked.append(filterCriteria)
        status = "ACTIVE" if self.watched else "INACTIVE"
        return {"coveredResources": [{"scanStatus": {"statusCode": status}}]}

    def list_findings(self, filterCriteria, nextToken="0"):  # noqa: N803 - botocore's names
        self.asked.append(filterCriteria)
        finding = {"findingArn": f"arn:{nextToken}", "severity": "HIGH", "status": "ACTIVE", "title": "bad"}
        return {"findings": [finding]} | ({"nextToken": "1"} if nextToken == "0" else {})


def test_every_page_of_inspectors_findings_counts():
    inspector = FakeInspector()

    asked = source("inspector", image="shop", tag=COMMIT)
    fetched = InspectorFindings(Clients(inspector2=inspector)).fetch(asked, FACTS)

    assert measured(fetched)["findings.high"] == 2
    assert inspector.asked[0]["ecrRepositoryName"] == [{"comparison": "EQUALS", "value": "shop"}]
    assert inspector.asked[1]["ecrImageTags"] == [{"comparison": "EQUALS", "value": COMMIT}]


def test_what_inspector_does_not_watch_is_not_clean():
    asked = source("inspector", resource="i-0123456789abcdef0")

    fetched = InspectorFindings(Clients(inspector2=FakeInspector(watched=False))).fetch(asked, FACTS)

    assert refusals(fetched) == [("source:inspector/i-0123456789abcdef0", "not_scanned")]


# ---------------------------------------------------------------------------------------------------- CloudWatch


def test_a_figure_of_cloudwatch_becomes_a_measurement_in_our_unit():
    now = datetime.now(UTC)
    with mock_aws():
        client = boto3.client("cloudwatch", region_name="us-east-1")
        dimensions = [{"Name": "Service", "Value": "web"}]
        for seconds in (0.1, 0.3):
            data = {"MetricName": "Latency", "Dimensions": dimensions, "Value": seconds, "Timestamp": now}
            client.put_metric_data(Namespace="Shop", MetricData=[data])
        facts = SourceFacts(run(), "quality", [], now)
        about = {"namespace": "Shop", "metric": "Latency", "measurement": "performance.mean_ms", "scale": 1000.0}
        asked = source("cloudwatch", **about, dimensions=(("Service", "web"),), over_minutes=30.0)

        fetched = CloudWatchMetrics(Clients()).fetch(asked, facts)

    assert measured(fetched) == {"performance.mean_ms": pytest.approx(200.0)}


def test_no_data_is_no_measurement_and_says_so():
    with mock_aws():
        about = {"namespace": "Shop", "metric": "Errors", "measurement": "custom.errors"}
        [one] = CloudWatchMetrics(Clients()).fetch(source("cloudwatch", **about), FACTS)

    assert measured([one]) == {}
    assert "CloudWatch has no data of Shop/Errors in the last 30 minutes" in one.read.reports[0].warnings


@pytest.mark.parametrize(
    ("statistic", "together"), [("Sum", 30.0), ("Maximum", 20.0), ("Minimum", 10.0), ("p95", 20.0), ("Average", 12.5)]
)
def test_two_periods_are_put_together_as_their_statistic_asks(statistic, together):
    class Fake:
        def get_metric_data(self, MetricDataQueries, StartTime, EndTime):  # noqa: N803 - botocore's names
            assert EndTime - StartTime == timedelta(minutes=30)
            return {
                "MetricDataResults": [{"Id": "value", "Values": [10.0, 20.0]}, {"Id": "samples", "Values": [3.0, 1.0]}]
            }

    about = {"namespace": "Shop", "metric": "X", "measurement": "custom.x", "statistic": statistic}
    fetched = CloudWatchMetrics(Clients(cloudwatch=Fake())).fetch(source("cloudwatch", **about), FACTS)

    assert measured(fetched) == {"custom.x": together}
