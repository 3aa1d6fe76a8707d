"""S3 objects for builds: sources and buildspecs."""

import shutil
from pathlib import Path
from typing import Any

from buildgate_cli.local.agent.build import Failure


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
