"""S3 in memory: versioned buckets."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.response import StreamingBody

from buildgate.adapters.memory.errors import AwsError

if TYPE_CHECKING:
    from buildgate.adapters.memory.timeline import Timeline

MAX_KEYS = 1000


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object; `body` is None for a delete marker."""

    version_id: str
    body: bytes | None
    etag: str
    modified_at: datetime
    content_type: str
    metadata: dict[str, str]


@dataclass(slots=True)
class Bucket:
    """Versions of each key, oldest first."""

    name: str
    is_versioned: bool = False
    objects: dict[str, list[Version]] = field(default_factory=dict)


class S3:
    """Buckets by name."""

    def __init__(self, timeline: Timeline) -> None:
        self.buckets: dict[str, Bucket] = {}
        self._timeline = timeline
        self._versions = 0

    def create_bucket(self, *, Bucket: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Create a bucket, or find it."""
        self.buckets.setdefault(Bucket, _new_bucket(Bucket))
        return {"Location": f"/{Bucket}"}

    def put_bucket_versioning(self, **request: Any) -> dict[str, Any]:
        """Switch versioning on or off."""
        status = request["VersioningConfiguration"].get("Status")
        self._bucket(request["Bucket"]).is_versioned = status == "Enabled"
        return {}

    def _bucket(self, name: str) -> Bucket:
        if name not in self.buckets:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", status=404, BucketName=name)
        return self.buckets[name]

    def put_object(self, **request: Any) -> dict[str, Any]:
        """Store an object; `IfNoneMatch="*"` refuses to replace one."""
        bucket, key = self._bucket(request["Bucket"]), request["Key"]
        body = request.get("Body", b"")
        content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else body.read()
        if request.get("IfNoneMatch") == "*" and _latest(bucket, key) is not None:
            raise AwsError(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", status=412
            )
        version = self._add(bucket, key, content, request)
        answer = {"ETag": version.etag}
        return {**answer, "VersionId": version.version_id} if bucket.is_versioned else answer

    def _add(self, bucket: Bucket, key: str, content: bytes | None, request: dict[str, Any]) -> Version:
        self._versions += 1
        etag = f'"{hashlib.md5(content or b"", usedforsecurity=False).hexdigest()}"'
        version = Version(
            f"version-{self._versions:06}" if bucket.is_versioned else "null",
            content,
            etag,
            self._timeline.now(),
            request.get("ContentType", "binary/octet-stream"),
            dict(request.get("Metadata", {})),
        )
        older = bucket.objects.get(key, []) if bucket.is_versioned else []
        bucket.objects[key] = [*older, version]
        return version

    def get_object(self, **request: Any) -> dict[str, Any]:
        """Read an object (or a version, or a Range of it) as a stream."""
        version = self._find(request)
        content = version.body or b""
        answer = _headers(version)
        if "Range" in request:
            start, _, end = request["Range"].removeprefix("bytes=").partition("-")
            total = len(content)
            content = content[int(start) : int(end) + 1 if end else None]
            answer["ContentRange"] = f"bytes {start}-{int(start) + len(content) - 1}/{total}"
            answer["ContentLength"] = len(content)
        answer["Body"] = StreamingBody(io.BytesIO(content), len(content))
        return answer

    def head_object(self, **request: Any) -> dict[str, Any]:
        """Describe an object; an absent one is plain 404, as HEAD answers have no body."""
        try:
            return _headers(self._find(request))
        except AwsError as error:
            raise AwsError(
                str(error.status), "Not Found" if error.status == 404 else error.message, status=error.status
            ) from error

    def _find(self, request: dict[str, Any]) -> Version:
        bucket, key = self._bucket(request["Bucket"]), request["Key"]
        wanted = request.get("VersionId")
        if wanted is None:
            version = _latest(bucket, key)
        else:
            version = next((one for one in bucket.objects.get(key, []) if one.version_id == wanted), None)
            if version is None:
                raise AwsError("NoSuchVersion", "The specified version does not exist.", status=404)
        if version is None or version.body is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", status=404, Key=key)
        if request.get("IfMatch", version.etag).strip('"') != version.etag.strip('"'):
            raise AwsError(
                "PreconditionFailed", "At least one of the pre-conditions you specified did not hold", status=412
            )
        return version

    def delete_object(self, **request: Any) -> dict[str, Any]:
        """Delete an object: a marker in a versioned bucket, unless a version is named."""
        bucket, key, wanted = self._bucket(request["Bucket"]), request["Key"], request.get("VersionId")
        if wanted is not None:
            bucket.objects[key] = [one for one in bucket.objects.get(key, []) if one.version_id != wanted]
            return {"VersionId": wanted}
        if not bucket.is_versioned:
            bucket.objects.pop(key, None)
            return {}
        return {"DeleteMarker": True, "VersionId": self._add(bucket, key, None, {}).version_id}

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        """List up to 1,000 keys in order; Delimiter folds what lies deeper into CommonPrefixes."""
        bucket, prefix = self._bucket(request["Bucket"]), request.get("Prefix", "")
        after = request.get("ContinuationToken") or request.get("StartAfter", "")
        limit = min(MAX_KEYS, request.get("MaxKeys", MAX_KEYS))
        entries = [entry for entry in _entries(bucket, prefix, request.get("Delimiter", "")) if entry[0] > after]
        shown, is_truncated = entries[:limit], len(entries) > limit
        answer: dict[str, Any] = {
            "IsTruncated": is_truncated,
            "Name": bucket.name,
            "Prefix": prefix,
            "MaxKeys": limit,
            "KeyCount": len(shown),
        }
        contents = [_listed(key, version) for key, version in shown if version is not None]
        folded = [{"Prefix": key} for key, version in shown if version is None]
        answer.update({"Contents": contents} if contents else {})
        answer.update({"CommonPrefixes": folded} if folded else {})
        return {**answer, "NextContinuationToken": shown[-1][0]} if is_truncated else answer


def _new_bucket(name: str) -> Bucket:
    return Bucket(name)


def _latest(bucket: Bucket, key: str) -> Version | None:
    versions = bucket.objects.get(key)
    return versions[-1] if versions and versions[-1].body is not None else None


def _entries(bucket: Bucket, prefix: str, delimiter: str) -> list[tuple[str, Version | None]]:
    found: dict[str, Version | None] = {}
    for key in sorted(bucket.objects):
        version = _latest(bucket, key)
        if version is None or not key.startswith(prefix):
            continue
        rest = key[len(prefix) :]
        if delimiter and delimiter in rest:
            found[prefix + rest.split(delimiter, 1)[0] + delimiter] = None
        else:
            found[key] = version
    return sorted(found.items(), key=lambda entry: entry[0])


def _headers(version: Version) -> dict[str, Any]:
    headers = {
        "ContentLength": len(version.body or b""),
        "ContentType": version.content_type,
        "ETag": version.etag,
        "LastModified": version.modified_at,
        "Metadata": dict(version.metadata),
    }
    return headers if version.version_id == "null" else {**headers, "VersionId": version.version_id}


def _listed(key: str, version: Version) -> dict[str, Any]:
    return {
        "Key": key,
        "Size": len(version.body or b""),
        "ETag": version.etag,
        "LastModified": version.modified_at,
        "StorageClass": "STANDARD",
    }
