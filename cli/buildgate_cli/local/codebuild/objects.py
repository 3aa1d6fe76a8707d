"""S3 objects for builds: sources, buildspecs, artifacts."""

import logging
import shutil
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent.build import Failure

LOG = logging.getLogger(__name__)


def fetch_object(client: Any, location: str, into: Path) -> str | None:
    """Copy `bucket/key` into a file, or everything below `bucket/prefix/` into a folder; return the object's version.

    Raises Failure when there is nothing, or S3 refuses.
    """
    bucket, _, key = location.removeprefix("arn:aws:s3:::").partition("/")
    try:
        if key.endswith("/") or not key:
            _fetch_folder(client, bucket, key, into)
            return None
        answer = client.get_object(Bucket=bucket, Key=key)
        with into.open("wb") as file:
            shutil.copyfileobj(answer["Body"], file)
    except Failure:
        raise
    except Exception as error:  # whatever S3 answers, the build's phase must say it
        raise Failure("CLIENT_ERROR", f"unable to download {location}: {error}") from error
    version: str | None = answer.get("VersionId")
    return version


def has_object(client: Any, location: str) -> bool:
    """Say whether there is an object `bucket/key`, or one below `bucket/prefix/`. Raises Failure when S3 refuses."""
    bucket, _, key = location.removeprefix("arn:aws:s3:::").partition("/")
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        found = (entry["Key"] for page in pages for entry in page.get("Contents", ()))
        return any(name == key or key.endswith("/") for name in found)
    except Exception as error:  # whatever S3 answers, the phase must say it
        raise Failure("CLIENT_ERROR", f"unable to list {location}: {error}") from error


def put_object(client: Any, bucket: str, key: str, path: Path) -> None:
    """Upload a file. Raises Failure."""
    try:
        with path.open("rb") as body:
            client.put_object(Bucket=bucket, Key=key, Body=body)
    except Exception as error:  # whatever stands in the way, the build must hear of it as a failed upload
        LOG.info("upload of %s failed", key, exc_info=True)
        raise Failure("CLIENT_ERROR", f"Error in UPLOAD_ARTIFACTS phase: {error}") from error


def _fetch_folder(client: Any, bucket: str, prefix: str, into: Path) -> None:
    count = 0
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", ()):
            target = (into / entry["Key"].removeprefix(prefix)).resolve()
            if entry["Key"].endswith("/") or not target.is_relative_to(into.resolve()):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(client.get_object(Bucket=bucket, Key=entry["Key"])["Body"], file)
            count += 1
    if not count:
        raise Failure("CLIENT_ERROR", f"unable to download {bucket}/{prefix}: nothing is there")
