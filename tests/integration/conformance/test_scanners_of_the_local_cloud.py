"""ECR and Inspector answer with what they were told of, to those whom IAM lets, and are clean about nothing else."""

import json

import pytest
from botocore.exceptions import ClientError

from asked_services import CRITICAL, IMAGE_SCAN
from buildgate_cli.local.findings import Findings, read_scan
from buildgate_cli.local.state import Keys

pytestmark = pytest.mark.xdist_group("conformance")


@pytest.fixture(scope="module", autouse=True)
def told(asked):
    findings = Findings(asked.home.findings)
    findings.put(read_scan(IMAGE_SCAN, image="shop", tag="v1"))
    findings.put(read_scan({"findings": [CRITICAL]}, image="shop"))


@pytest.fixture(scope="module")
def alice(asked):
    """Return the keys of a person who may look at images, and at nothing of Inspector's."""
    iam = asked.client("iam")
    iam.create_user(UserName="scanned")
    made = iam.create_access_key(UserName="scanned")["AccessKey"]
    allowed = {"Effect": "Allow", "Action": "ecr:DescribeImageScanFindings", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": allowed}
    iam.put_user_policy(UserName="scanned", PolicyName="look", PolicyDocument=json.dumps(policy))
    return Keys(made["AccessKeyId"], made["SecretAccessKey"])


def test_an_image_scan_is_read_by_the_sdk_page_by_page(asked, alice):
    pages = asked.client("ecr", alice).get_paginator("describe_image_scan_findings")
    whole = pages.paginate(repositoryName="shop", imageId={"imageTag": "v1"}).build_full_result()

    assert len(whole["imageScanFindings"]["findings"]) == 120
    assert whole["imageScanFindings"]["findingSeverityCounts"] == {"MEDIUM": 120}


def test_what_nobody_told_of_has_no_scan_and_is_not_watched(asked):
    with pytest.raises(ClientError, match="ScanNotFoundException"):
        asked.client("ecr").describe_image_scan_findings(repositoryName="shop", imageId={"imageTag": "v2"})
    other = {"ecrRepositoryName": [{"comparison": "EQUALS", "value": "other"}]}
    assert asked.client("inspector2").list_coverage(filterCriteria=other)["coveredResources"] == []


def test_inspector_lists_what_it_was_told_of_to_those_who_may_see_it(asked, alice):
    shop = {"ecrImageRepositoryName": [{"comparison": "EQUALS", "value": "shop"}]}

    [found] = asked.client("inspector2").list_findings(filterCriteria=shop)["findings"]

    assert (found["severity"], found["firstObservedAt"].year) == ("CRITICAL", 2026)
    with pytest.raises(ClientError, match="AccessDenied"):
        asked.client("inspector2", alice).list_findings(filterCriteria=shop)
