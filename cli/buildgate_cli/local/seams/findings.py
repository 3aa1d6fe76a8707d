"""ECR and Inspector answer with the findings that a person gave the local cloud; as shipped, ECR has none.

Questions are judged by botocore's models and answered in pages, as AWS does it. What nobody told of has no scan and is
not watched: it is never clean.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .fitting import Function, Seam

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from buildgate_cli.local.findings import Findings, Scan

FOLDER_VARIABLE: Final = "BUILDGATE_FINDINGS"
_RESPONSES: Final = "ministack.core.responses"
_INSPECTOR: Final = "ministack.services.inspector2"
_PAGE: Final = 100
_IMAGE: Final = "AWS_ECR_CONTAINER_IMAGE"

SEAM = Seam("findings")
SEAM.needs(_RESPONSES, "json_response", "error_response_json", "get_account_id", "get_region")


class _RefusedError(Exception):
    """An answer that is an error of AWS."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@SEAM.replaces("ministack.services.ecr", "handle_request", "method", "path", "headers", "body", "query_params")
def know_image_scans(original: Function) -> Function:
    """Answer DescribeImageScanFindings; leave the rest to the emulator."""

    async def handle_request(method: str, path: str, headers: Mapping[str, str], body: Any, query: Any) -> Any:
        if not headers.get("x-amz-target", "").endswith(".DescribeImageScanFindings"):
            return await original(method, path, headers, body, query)
        return _answer("ecr", "DescribeImageScanFindings", body)

    return handle_request


@SEAM.replaces_entry(_INSPECTOR, "_path_handlers", ("/findings/list",), "data", "account_id")
def list_told_findings(_original: Function) -> Function:
    """Answer ListFindings."""

    def list_findings(data: dict[str, Any], account_id: str) -> Any:
        return _answer("inspector2", "ListFindings", json.dumps(data))

    return list_findings


@SEAM.replaces_entry(_INSPECTOR, "_path_handlers", ("/coverage/list",), "data")
def cover_what_was_told_of(_original: Function) -> Function:
    """Answer ListCoverage: watched is what findings were told of, if only that there are none."""

    def list_coverage(data: dict[str, Any]) -> Any:
        return _answer("inspector2", "ListCoverage", json.dumps(data))

    return list_coverage


def _answer(service: str, operation: str, body: Any) -> Any:
    """Return the emulator's form of an answer: status, headers and body."""
    from buildgate_cli.local.findings import FOLDER, Findings  # noqa: PLC0415 - slow to import, seldom asked
    from buildgate_cli.local.jsonmodel import InvalidInputError, WireModel  # noqa: PLC0415

    responses = importlib.import_module(_RESPONSES)
    model = WireModel(service)
    findings = Findings(Path(os.environ.get(FOLDER_VARIABLE, FOLDER)))
    try:
        request = model.read_input(operation, json.loads(body or b"{}"))
        return responses.json_response(_OPERATIONS[operation](findings, request))
    except InvalidInputError as error:
        return responses.error_response_json(error.code, str(error))
    except _RefusedError as error:
        return responses.error_response_json(error.code, str(error))


def _image_scan(findings: Findings, request: Mapping[str, Any]) -> dict[str, Any]:
    image, which = request["repositoryName"], request["imageId"]
    account = importlib.import_module(_RESPONSES).get_account_id()
    scan = findings.of_image("ecr", image, which.get("imageTag", ""))
    digest = (scan.answer.get("imageId") or {}).get("imageDigest") if scan else None
    if scan is None or (which.get("imageDigest") and which["imageDigest"] != digest):
        message = f"Image scan does not exist for the image with '{which}' in the repository with name '{image}'"
        raise _RefusedError("ScanNotFoundException", f"{message} in the registry with id '{account}'")
    told = dict(scan.answer.get("imageScanFindings") or {})
    parts = {name: told.pop(name, None) or [] for name in ("findings", "enhancedFindings")}
    begin, end = _bounds(request)
    shown = {name: listed[begin:end] for name, listed in parts.items() if listed}
    named = {"imageDigest": digest} if digest else {}
    answer = scan.answer | {"registryId": account, "repositoryName": image, "imageId": {**which, **named}}
    return answer | {"imageScanFindings": told | shown} | _next(end, max(map(len, parts.values())))


def _list_findings(findings: Findings, request: Mapping[str, Any]) -> dict[str, Any]:
    names = {"ecrImageRepositoryName": "image", "ecrImageTags": "tag", "resourceId": "resource"}
    told = [one for scan in _chosen(findings, request, names) for one in scan.answer["findings"]]
    begin, end = _bounds(request)
    return {"findings": told[begin:end], **_next(end, len(told))}


def _list_coverage(findings: Findings, request: Mapping[str, Any]) -> dict[str, Any]:
    names = {"ecrRepositoryName": "image", "ecrImageTags": "tag", "resourceId": "resource"}
    covered = [_covered(scan) for scan in _chosen(findings, request, names)]
    begin, end = _bounds(request)
    return {"coveredResources": covered[begin:end], **_next(end, len(covered))}


_OPERATIONS: Final = {
    "DescribeImageScanFindings": _image_scan,
    "ListFindings": _list_findings,
    "ListCoverage": _list_coverage,
}


def _chosen(findings: Findings, request: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Scan]:
    """Yield the scans that every filter lets through: by image, tag and resource, by equality only."""
    wanted: dict[str, list[str]] = {}
    for name, conditions in request.get("filterCriteria", {}).items():
        if name not in names or any(one["comparison"] != "EQUALS" for one in conditions):
            raise _RefusedError("ValidationException", f"The local cloud filters by EQUALS of {', '.join(names)} only.")
        wanted[names[name]] = [one["value"] for one in conditions]
    told = [one for one in findings.all() if one.scanner == "inspector2"]
    for scan in told:
        is_named = all(getattr(scan, key) in values for key, values in wanted.items() if key != "tag" or scan.tag)
        is_own = scan.tag or not any(one.image == scan.image and one.tag in wanted.get("tag", ()) for one in told)
        if is_named and is_own:
            yield scan


def _covered(scan: Scan) -> dict[str, Any]:
    responses = importlib.import_module(_RESPONSES)
    account, region = responses.get_account_id(), responses.get_region()
    resources = [one for finding in scan.answer["findings"] for one in finding.get("resources", [])]
    kind = resources[0]["type"] if resources else _IMAGE if scan.image else "AWS_EC2_INSTANCE"
    return {
        "accountId": account,
        "resourceId": scan.resource or f"arn:aws:ecr:{region}:{account}:repository/{scan.image}",
        "resourceType": kind,
        "scanType": "PACKAGE",
        "scanStatus": {"statusCode": "ACTIVE", "reason": "SUCCESSFUL"},
    }


def _bounds(request: Mapping[str, Any]) -> tuple[int, int]:
    token = request.get("nextToken") or "0"
    if not token.isdecimal():
        raise _RefusedError("ValidationException", "The token for the next page is not one of this cloud.")
    return int(token), int(token) + int(request.get("maxResults") or _PAGE)


def _next(end: int, total: int) -> dict[str, str]:
    return {"nextToken": str(end)} if end < total else {}
