"""Reports among the artifacts of the stage's builds: files of a folder in S3, or members of one archive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from buildgate.adapters.aws_errors import calling
from buildgate.adapters.digested import read_digested
from buildgate.adapters.sources.answers import refused
from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.gates.sources import PREFIX
from buildgate.reports.archive import members
from buildgate.reports.refusal import Refuse, ReportRefused
from buildgate.reports.source import Limits, is_zip
from buildgate.usecases.gate_ports import Fetched

if TYPE_CHECKING:
    from buildgate.domain.builds import Build
    from buildgate.domain.gates.sources import Source
    from buildgate.usecases.gate_ports import SourceFacts

_MOST_FILES = 10_000
_MOST_MEMBERS = 20_000
_HEAD_BYTES = 4


class Artifacts:
    """Artifacts in S3, as BatchGetBuilds says where they are; `paths` choose the files, relative to the artifact."""

    def __init__(self, aws: Any, **_: Any) -> None:
        self._s3 = aws.client("s3")
        self._codebuild = aws.client("codebuild")

    def fetch(self, source: Source, facts: SourceFacts) -> Sequence[Fetched]:
        wanted = source.text("build")
        builds = [b for b in facts.builds if not wanted or (b.claim is not None and b.claim.slot.name == wanted)]
        places = [(b, place) for b in builds for place in self._places(b)]
        if not places:
            return [refused("artifacts", "absent", "no build of the stage has an artifact in S3")]
        found = [one for b, place in places for one in self._of_artifact(_label(b), *place, source, facts)]
        if found:
            return found
        return [refused("artifacts", "absent", f"no artifact holds {', '.join(source.get('paths', ()))}")]

    def _places(self, build: Build) -> Iterator[tuple[str, str]]:
        """Yield bucket and key of each artifact of a build."""
        with calling("CodeBuild BatchGetBuilds"):
            described = self._codebuild.batch_get_builds(ids=[build.build_id])["builds"]
        for data in described:
            for artifact in (data.get("artifacts") or {}, *(data.get("secondaryArtifacts") or [])):
                location = str(artifact.get("location") or "")
                bucket, _, key = location.rpartition(":::")[2].partition("/")
                if ":s3:::" in location and key:
                    yield bucket, key

    def _of_artifact(self, label: str, bucket: str, key: str, source: Source, facts: SourceFacts) -> Iterator[Fetched]:
        """Yield the files that match: of one object, or of a folder when there is no such object."""
        paths: tuple[str, ...] = source.get("paths", ())
        try:
            with calling("S3 GetObject"):
                answer = self._s3.get_object(Bucket=bucket, Key=key)
        except NotFound:
            yield from self._of_folder(label, bucket, key.rstrip("/") + "/", paths, facts)
            return
        version = str(answer.get("VersionId", ""))
        name = f"artifacts/{label}/{key.rsplit('/', 1)[-1]}"
        body = _Peeked(answer["Body"])
        if is_zip(body.head):
            yield from _of_archive(body, name, paths, version, facts)
        elif _matches(name, paths):
            yield Fetched(PREFIX + name, read_digested(body, PREFIX + name, changed=facts.changed), version)

    def _of_folder(
        self, label: str, bucket: str, prefix: str, paths: tuple[str, ...], facts: SourceFacts
    ) -> Iterator[Fetched]:
        for key in self._keys(bucket, prefix):
            path = key.removeprefix(prefix)
            if not _matches(path, paths):
                continue
            with calling("S3 GetObject"):
                answer = self._s3.get_object(Bucket=bucket, Key=key)
            name = f"{PREFIX}artifacts/{label}/{path}"
            read = read_digested(answer["Body"], name, changed=facts.changed)
            yield Fetched(name, read, str(answer.get("VersionId", "")))

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        request: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
        seen = 0
        while True:
            with calling("S3 ListObjectsV2"):
                answer = self._s3.list_objects_v2(**request)
            for entry in answer.get("Contents", []):
                seen += 1
                if seen > _MOST_FILES:
                    raise Rejected(f"the artifact at {prefix} has more than {_MOST_FILES} files")
                yield entry["Key"]
            if not answer.get("IsTruncated"):
                return
            request["ContinuationToken"] = answer["NextContinuationToken"]


def _of_archive(body: Any, name: str, paths: tuple[str, ...], version: str, facts: SourceFacts) -> Iterator[Fetched]:
    """Yield the members that match; the rest of an archive is not a report and is passed by."""
    limits = Limits(archive_members=_MOST_MEMBERS)
    try:
        wanted = members(cast("BinaryIO", body), PREFIX + name, limits, wants=lambda path: _matches(path, paths))
        for label, stream in wanted:
            yield Fetched(label, read_digested(stream, label, changed=facts.changed), version)
    except (Refuse, ReportRefused) as error:
        yield refused(name, error.reason_code, error.message)


def _label(build: Build) -> str:
    return build.claim.slot.name if build.claim else build.project


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path if "/" in one else path.rsplit("/", 1)[-1], one) for one in patterns)


class _Peeked:
    """A body whose first bytes were looked at."""

    def __init__(self, body: Any) -> None:
        self.head = bytes(body.read(_HEAD_BYTES))
        self._left = self.head
        self._body = body

    def read(self, size: int | None = -1) -> bytes:
        if self._left:
            start, self._left = self._left, b""
            rest = None if size is None or size < 0 else max(0, size - len(start))
            return start + (bytes(self._body.read(rest)) if rest != 0 else b"")
        return bytes(self._body.read(None if size is None or size < 0 else size))
