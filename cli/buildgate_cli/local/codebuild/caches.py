"""Where caches of builds are kept: in S3 as the project says, or in the cloud's own folder for LOCAL caches."""

import shutil
import urllib.parse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from buildgate_cli.local.agent.build import Failure

_SUFFIX = ".tar.gz"


class CacheStore(Protocol):
    """Archives by name. Names are safe for paths."""

    def fetch(self, name: str, into: Path) -> bool:
        """Copy an archive; False when there is none."""

    def newest(self, prefix: str) -> str | None:
        """Return the name of the newest archive whose name begins so."""

    def keep(self, name: str, archive: Path, *, is_final: bool) -> None:
        """Keep an archive; a final one that is there already is left as it is."""


def fetch_cache(store: CacheStore, key: str, fallbacks: Sequence[str], into: Path) -> str | None:
    """Copy the archive of a key, or the newest that a fallback matches by prefix; return its key."""
    if store.fetch(quoted(key) + _SUFFIX, into):
        return key
    for fallback in fallbacks:
        name = store.newest(quoted(fallback))
        if name is not None and store.fetch(name, into):
            return urllib.parse.unquote(name.removesuffix(_SUFFIX))
    return None


def keep_cache(store: CacheStore, key: str, archive: Path, *, is_final: bool) -> None:
    store.keep(quoted(key) + _SUFFIX, archive, is_final=is_final)


def quoted(key: str) -> str:
    """Return a key as a file name; a prefix of a key stays a prefix."""
    return urllib.parse.quote(key, safe="").replace(".", "%2E")


@dataclass(frozen=True)
class FolderCaches:
    """A LOCAL cache: files in one folder."""

    folder: Path

    def fetch(self, name: str, into: Path) -> bool:
        try:
            shutil.copyfile(self.folder / name, into)
        except FileNotFoundError:
            return False
        return True

    def newest(self, prefix: str) -> str | None:
        found = [path for path in self.folder.glob(f"*{_SUFFIX}") if path.name.startswith(prefix)]
        return max(found, key=lambda path: path.stat().st_mtime_ns).name if found else None

    def keep(self, name: str, archive: Path, *, is_final: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / name
        if not (is_final and target.exists()):
            scratch = target.with_name(f"{archive.parent.name}.part")
            shutil.copyfile(archive, scratch)
            scratch.replace(target)


@dataclass(frozen=True)
class BucketCaches:
    """An S3 cache: objects below a prefix."""

    client: Any
    bucket: str
    prefix: str

    def fetch(self, name: str, into: Path) -> bool:
        try:
            body = self.client.get_object(Bucket=self.bucket, Key=self.prefix + name)["Body"]
        except self.client.exceptions.NoSuchKey:
            return False
        except Exception as error:
            raise Failure("CLIENT_ERROR", str(error)) from error
        with into.open("wb") as file:
            shutil.copyfileobj(body, file)
        return True

    def newest(self, prefix: str) -> str | None:
        found: list[Mapping[str, Any]] = []
        for page in self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix + prefix
        ):
            found += page.get("Contents", ())
        if not found:
            return None
        return str(max(found, key=lambda entry: entry["LastModified"])["Key"]).removeprefix(self.prefix)

    def keep(self, name: str, archive: Path, *, is_final: bool) -> None:
        if is_final and self.newest(name) == name:
            return
        try:
            with archive.open("rb") as body:
                self.client.put_object(Bucket=self.bucket, Key=self.prefix + name, Body=body)
        except Exception as error:
            raise Failure("CLIENT_ERROR", str(error)) from error


def store_for(cache: Mapping[str, Any], project: str, generation: int, home: Path, s3: Any) -> CacheStore | None:
    """Return where a project's cache is, None when it has none. A new generation begins empty."""
    own = f"{project}/{generation}/"
    if cache.get("type") == "LOCAL":
        is_custom = "LOCAL_CUSTOM_CACHE" in cache.get("modes", ())
        return FolderCaches(home / "cache" / own) if is_custom else None
    if cache.get("type") != "S3" or not cache.get("location"):
        return None
    bucket, _, prefix = cache["location"].removeprefix("arn:aws:s3:::").partition("/")
    namespace = cache.get("cacheNamespace")
    parts = (prefix.strip("/"), f"{namespace}/{generation}" if namespace else own.strip("/"))
    return BucketCaches(s3, bucket, "/".join(part for part in parts if part) + "/")
