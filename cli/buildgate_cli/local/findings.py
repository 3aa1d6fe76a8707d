"""What image scanners found, as a person told the local cloud: nothing here scans, so somebody has to say.

A finding's file is what the AWS CLI prints: `aws ecr describe-image-scan-findings` or `aws inspector2 list-findings`,
of a real account or written by hand. botocore's models of the two answers judge it. It is kept in the cloud's home, and
the emulated ECR and Inspector answer with it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from buildgate_cli.errors import ExitCode, UserError

from .jsonmodel import InvalidInputError, WireModel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER: Final = "findings"
ANY_TAG: Final = ""
Scanner = Literal["ecr", "inspector2"]
OPERATIONS: Final[Mapping[Scanner, str]] = {"ecr": "DescribeImageScanFindings", "inspector2": "ListFindings"}
_NO_FINDINGS: Final = "This is neither an image scan of ECR nor a list of Inspector's findings."
_HOW: Final = "Write what `aws ecr describe-image-scan-findings` or `aws inspector2 list-findings` prints."


@dataclass(frozen=True)
class Scan:
    """What one scanner says of one image (`tag` empty: of every tag without a scan of its own) or resource.

    `answer` is the whole answer as it goes over the wire.
    """

    scanner: Scanner
    image: str
    tag: str
    resource: str
    answer: dict[str, Any]

    @property
    def about(self) -> str:
        """Of what it is, for people."""
        return self.resource or (f"{self.image}:{self.tag}" if self.tag else f"{self.image}, any tag")

    @property
    def count(self) -> int:
        """How many findings it lists."""
        listed = self.answer.get("imageScanFindings", {}) if self.scanner == "ecr" else self.answer
        return len(listed.get("findings") or ()) + len(listed.get("enhancedFindings") or ())

    @property
    def file_name(self) -> str:
        """The name of its file: the same thing scanned again takes the place of what was there."""
        what = json.dumps([self.scanner, self.image, self.tag, self.resource])
        return f"{self.scanner}-{hashlib.sha256(what.encode()).hexdigest()[:24]}.json"

    def to_data(self) -> dict[str, Any]:
        """Return plain data without the answer."""
        shown = {"scanner": self.scanner, "image": self.image, "tag": self.tag, "resource": self.resource}
        return shown | {"findings": self.count}


@dataclass(frozen=True)
class Findings:
    """The scans that one local cloud was told of. Reading and writing are safe beside a running cloud."""

    folder: Path

    def put(self, scan: Scan) -> None:
        """Keep a scan in place of the last one of the same thing."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f".{scan.file_name}.new"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(scan), file)
        draft.replace(self.folder / scan.file_name)

    def all(self) -> list[Scan]:
        """Return every scan, in the order of what they are of."""
        paths = self.folder.glob("[!.]*.json") if self.folder.is_dir() else ()
        found = [Scan(**json.loads(path.read_text(encoding="utf-8"))) for path in paths]
        return sorted(found, key=lambda one: (one.scanner, one.image, one.tag, one.resource))

    def remove(self, scan: Scan) -> None:
        """Forget a scan."""
        (self.folder / scan.file_name).unlink(missing_ok=True)

    def of_image(self, scanner: Scanner, image: str, tag: str) -> Scan | None:
        """Return the scan of an image's tag, else the one for any tag."""
        found = {one.tag: one for one in self.all() if one.scanner == scanner and one.image == image}
        return found.get(tag) or found.get(ANY_TAG)


def read_scan(data: Any, *, image: str = "", tag: str = "", resource: str = "") -> Scan:
    """Return what a file says; a scan of ECR may name its image itself.

    Raises:
        UserError: It is neither scanner's answer, or nobody says of what it is.
    """
    if not isinstance(data, dict):
        raise UserError(_NO_FINDINGS, _HOW, ExitCode.REFUSED)
    scanner: Scanner = "ecr" if "imageScanFindings" in data or "imageScanStatus" in data else "inspector2"
    if scanner == "inspector2" and "findings" not in data:
        raise UserError(_NO_FINDINGS, _HOW, ExitCode.REFUSED)
    if scanner == "ecr":
        image = image or str(data.get("repositoryName") or "")
        data = {**data, "imageScanStatus": data.get("imageScanStatus") or {"status": "COMPLETE"}}
    if bool(image) == bool(resource) or (scanner == "ecr" and resource):
        raise UserError("Of what are these findings?", "Name the repository with --image, or with --resource an id.")
    return Scan(scanner, image, tag, resource, _wire(scanner, data))


def _wire(scanner: Scanner, data: Any) -> dict[str, Any]:
    model, operation = WireModel(scanner), OPERATIONS[scanner]
    try:
        return model.write_output(operation, model.read_output(operation, data))
    except InvalidInputError as error:
        raise UserError(f"This is no answer of {operation}: {error}", _HOW, ExitCode.REFUSED) from error
