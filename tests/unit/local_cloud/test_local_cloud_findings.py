"""Findings that a person tells the local cloud: kept as AWS would answer them, page by page, and never invented."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from asked_services import CRITICAL, IMAGE_SCAN
from buildgate_cli.commands.local import app
from buildgate_cli.errors import UserError
from buildgate_cli.local.findings import Findings, read_scan
from buildgate_cli.local.seams.findings import FOLDER_VARIABLE, cover_what_was_told_of, know_image_scans
from buildgate_cli.local.seams.findings import list_told_findings as told_findings


@pytest.fixture
def findings(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "findings"))
    return Findings(tmp_path / "findings")


def ecr(**request):
    async def shipped(*_):
        return 200, {}, b'"the emulator"'

    headers = {"x-amz-target": "AmazonEC2ContainerRegistry_V20150921." + request.pop("to", "DescribeImageScanFindings")}
    status, _, body = asyncio.run(know_image_scans(shipped)("POST", "/", headers, json.dumps(request).encode(), {}))
    return status, json.loads(body)


def inspector(make, *account, **request):
    status, _, body = make(None)(request, *account)
    return status, json.loads(body)


def equals(**facts):
    return {name: [{"comparison": "EQUALS", "value": value}] for name, value in facts.items()}


def test_an_image_scan_is_answered_in_pages_with_every_finding_once(findings):
    findings.put(read_scan(IMAGE_SCAN, image="shop"))
    image = {"repositoryName": "shop", "imageId": {"imageTag": "v1"}}

    _, first = ecr(**image)
    _, second = ecr(**image, nextToken=first["nextToken"])

    names = [one["name"] for page in (first, second) for one in page["imageScanFindings"]["findings"]]
    assert (len(names), len(set(names))) == (120, 120)
    assert (first["imageScanStatus"]["status"], first["imageId"]["imageTag"]) == ("COMPLETE", "v1")
    assert "nextToken" not in second


@pytest.mark.parametrize("image", [{"imageTag": "v2"}, {"imageDigest": f"sha256:{'b' * 64}", "imageTag": "v1"}])
def test_an_image_nobody_told_of_has_no_scan(findings, image):
    findings.put(read_scan(IMAGE_SCAN, image="shop", tag="v1"))

    status, answer = ecr(repositoryName="shop", imageId=image)

    assert (status, answer["__type"]) == (400, "ScanNotFoundException")


def test_a_question_outside_the_model_is_refused_and_other_operations_are_left_alone(findings):
    assert ecr(repositoryName="NOT A NAME", imageId={})[0] == 400
    assert ecr(to="DescribeRepositories") == (200, "the emulator")


def test_findings_of_a_tag_stand_before_those_of_any_tag(findings):
    findings.put(read_scan({"findings": []}, image="shop"))
    findings.put(read_scan({"findings": [CRITICAL]}, image="shop", tag="v1"))

    def listed(tag):
        _, answer = inspector(
            told_findings, "0", filterCriteria=equals(ecrImageRepositoryName="shop", ecrImageTags=tag)
        )
        return [one["severity"] for one in answer["findings"]]

    assert (listed("v1"), listed("v2")) == (["CRITICAL"], [])


def test_only_what_was_told_of_is_watched(findings):
    findings.put(read_scan({"findings": []}, image="shop"))

    def covered(name):
        answer = inspector(cover_what_was_told_of, filterCriteria=equals(ecrRepositoryName=name))[1]
        return [one["scanStatus"]["statusCode"] for one in answer["coveredResources"]]

    assert (covered("shop"), covered("other")) == (["ACTIVE"], [])
    assert inspector(cover_what_was_told_of, filterCriteria=equals(resourceId="i-1"))[1]["coveredResources"] == []
    assert inspector(cover_what_was_told_of, filterCriteria=equals(accountId="1"))[0] == 400


@pytest.mark.parametrize(
    ("data", "about", "why"),
    [
        ([], {"image": "shop"}, "neither an image scan"),
        ({"Results": []}, {"image": "shop"}, "neither an image scan"),
        (IMAGE_SCAN, {}, "Of what"),
        ({"findings": []}, {"image": "shop", "resource": "i-1"}, "Of what"),
        ({"findings": [{"severity": "BAD"}]}, {"image": "shop"}, "Member must"),
        ({"findings": [CRITICAL | {"firstObservedAt": "soon"}]}, {"image": "shop"}, "timestamp"),
    ],
)
def test_what_aws_would_not_answer_is_refused(data, about, why):
    with pytest.raises(UserError, match=why):
        read_scan(data, **about)


def test_findings_are_put_listed_and_removed_by_command(tmp_path):
    (tmp_path / "scan.json").write_text(json.dumps(IMAGE_SCAN | {"repositoryName": "shop"}))

    def run(*arguments):
        return CliRunner().invoke(app, ["findings", *arguments, "--home", str(tmp_path)], catch_exceptions=False)

    assert "ecr answers with 120 findings of shop:v1" in run("put", str(tmp_path / "scan.json"), "--tag", "v1").stdout
    [scan] = json.loads(run("list", "--json").stdout)["scans"]
    assert (scan["image"], scan["tag"], scan["findings"]) == ("shop", "v1", 120)
    assert "shop:v1" in run("list").output
    run("remove", "--image", "shop", "--tag", "v1")
    assert "No scanner was told" in run("list").output
    with pytest.raises(UserError, match="No findings of that"):
        run("remove", "--image", "shop")
