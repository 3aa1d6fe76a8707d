"""What AWS found in container images: ECR's own scan, and Inspector's findings of images and other resources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from buildgate.adapters.aws_errors import calling
from buildgate.adapters.sources.answers import document, refused
from buildgate.usecases.gate_ports import Fetched

if TYPE_CHECKING:
    from buildgate.domain.gates.sources import Source
    from buildgate.usecases.gate_ports import SourceFacts

_LOOKS = 20
_PAUSE_SECONDS = 15.0
_MOST_FINDINGS = 20_000
_UNFINISHED = frozenset({"IN_PROGRESS", "PENDING"})


class EcrScans:
    """The scan of one image. One that is under way is waited for, five minutes at the most."""

    def __init__(self, aws: Any, *, pause: Callable[[float], None]) -> None:
        self._ecr = aws.client("ecr")
        self._pause = pause

    def fetch(self, source: Source, _: SourceFacts) -> Sequence[Fetched]:
        repository, tag, digest = source.text("image"), source.text("tag"), source.text("digest")
        image = {"imageDigest": digest} if digest else {"imageTag": tag}
        name = f"ecr/{repository}"
        for look in range(_LOOKS):
            scan = self._scan({"repositoryName": repository, "imageId": image})
            if scan.get("imageScanStatus", {}).get("status") not in _UNFINISHED:
                return [document(name, scan, format_name="ecr-scan", version=scan["imageId"].get("imageDigest", ""))]
            if look + 1 < _LOOKS:
                self._pause(_PAUSE_SECONDS)
        return [refused(name, "incomplete", f"the scan of {repository}:{tag or digest} is still under way")]

    def _scan(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the scan with the findings of all its pages."""
        whole: dict[str, Any] = {}
        while True:
            with calling("ECR DescribeImageScanFindings"):
                page = self._ecr.describe_image_scan_findings(**request)
            if not whole:
                whole = {key: value for key, value in page.items() if key not in {"ResponseMetadata", "nextToken"}}
                whole.setdefault("imageId", {})
            else:
                for key in ("findings", "enhancedFindings"):
                    more = page.get("imageScanFindings", {}).get(key)
                    if more:
                        whole["imageScanFindings"].setdefault(key, []).extend(more)
            if not page.get("nextToken"):
                return whole
            request = request | {"nextToken": page["nextToken"]}


class InspectorFindings:
    """Active and suppressed findings of an image or a resource; one that Inspector does not watch is no clean one."""

    def __init__(self, aws: Any, **_: Any) -> None:
        self._inspector2 = aws.client("inspector2")

    def fetch(self, source: Source, _: SourceFacts) -> Sequence[Fetched]:
        image, tag, resource = source.text("image"), source.text("tag"), source.text("resource")
        name = f"inspector/{image or resource}"
        covered = {"ecrRepositoryName": image, "ecrImageTags": tag} if image else {"resourceId": resource}
        if not self._is_watched(_filters(covered)):
            return [refused(name, "not_scanned", f"Inspector watches no {image or resource} {tag}".strip())]
        about = {"ecrImageRepositoryName": image, "ecrImageTags": tag} if image else {"resourceId": resource}
        findings = list(self._findings(_filters(about)))
        if len(findings) > _MOST_FINDINGS:
            return [refused(name, "too_large", f"Inspector has more than {_MOST_FINDINGS} findings")]
        return [document(name, {"findings": findings}, format_name="inspector")]

    def _is_watched(self, filters: dict[str, Any]) -> bool:
        with calling("Inspector ListCoverage"):
            answer = self._inspector2.list_coverage(filterCriteria=filters)
        return any(
            one.get("scanStatus", {}).get("statusCode") == "ACTIVE" for one in answer.get("coveredResources", [])
        )

    def _findings(self, filters: dict[str, Any]) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {"filterCriteria": filters}
        seen = 0
        while seen <= _MOST_FINDINGS:
            with calling("Inspector ListFindings"):
                answer = self._inspector2.list_findings(**request)
            page = answer.get("findings", [])
            seen += len(page)
            yield from page
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]


def _filters(facts: dict[str, str]) -> dict[str, Any]:
    return {name: [{"comparison": "EQUALS", "value": value}] for name, value in facts.items() if value}
