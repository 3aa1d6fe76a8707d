"""COMBINE_ARTIFACTS: what the builds of a batch uploaded, brought together in the batch's own place.

Each build of such a batch uploads to a place with its own id in it. This phase puts the files of all of them into one
ZIP archive or one folder, the primary artifacts for themselves and each secondary one for itself. A file that two
builds made alike is there once. Two different files of one name fail the phase: AWS does not say which of them it
would drop, and here none is dropped in silence.
"""

import filecmp
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from buildgate_cli.local.agent.build import CollectedFile, Failure
from buildgate_cli.local.agent.pack import unzip, zipped
from buildgate_cli.local.codebuild.assembly import artifact_location, artifact_place
from buildgate_cli.local.codebuild.objects import fetch_object, has_object, put_object
from buildgate_cli.local.codebuild.store import Document


@dataclass(frozen=True)
class Part:
    """One build of the batch: its identifier there, and the build as the API shows it."""

    identifier: str
    build: Mapping[str, Any]


@dataclass(frozen=True)
class Combiner:
    """Combines for one batch. `plan` is the project as the batch was started; `folder` may be written to."""

    s3: Any
    plan: Mapping[str, Any]
    batch_id: str
    folder: Path

    def combine(self, parts: Iterable[Part]) -> Document:
        """Bring the artifacts of builds together and return the batch's members that say where. Raises Failure."""
        parts = list(parts)
        secondary = [self._combined(each, parts) for each in self.plan.get("secondaryArtifacts", ())]
        return {"artifacts": self._combined(self.plan["artifacts"], parts), "secondaryArtifacts": secondary}

    def _combined(self, config: Mapping[str, Any], parts: Iterable[Part]) -> Document:
        place = artifact_location(config, self.batch_id, None)
        if config["type"] != "S3":
            return place
        identifier = config.get("artifactIdentifier")
        files: dict[str, tuple[str, Path]] = {}
        for part in parts:
            found = self._fetched(part, identifier, is_zip=config.get("packaging") == "ZIP")
            for path in sorted(found.rglob("*")):
                if path.is_file():
                    _add(files, part.identifier, path.relative_to(found).as_posix(), path)
        return place | self._uploaded(config, {name: path for name, (_, path) in files.items()})

    def _fetched(self, part: Part, identifier: str | None, *, is_zip: bool) -> Path:
        """Bring in what one build uploaded, and return the folder; it is empty when the build uploaded nothing."""
        into = self.folder / "parts" / (identifier or "-") / part.identifier
        into.mkdir(parents=True)
        place = _place_of(part.build, identifier)
        if place is None or not has_object(self.s3, place if is_zip else f"{place}/"):
            return into
        if not is_zip:
            fetch_object(self.s3, f"{place}/", into)
            return into
        archive = into.with_name(f"{part.identifier}.zip")
        fetch_object(self.s3, place, archive)
        try:
            unzip(archive, into)
        except (OSError, BadZipFile) as error:  # a full disk, or an archive that the build itself replaced
            raise Failure("CLIENT_ERROR", f"the artifacts of {part.identifier} cannot be unpacked: {error}") from error
        archive.unlink()
        return into

    def _uploaded(self, config: Mapping[str, Any], files: Mapping[str, Path]) -> Document:
        """Upload the combined files and return their checksums, which only an archive has."""
        if not files:
            return {}
        bucket, key = artifact_place(config, self.batch_id, None)
        if config.get("packaging") != "ZIP":
            for name, path in files.items():
                put_object(self.s3, bucket, f"{key}/{name}", path)
            return {}
        collected = [CollectedFile(path, name) for name, path in files.items()]
        packed = zipped(collected, self.folder / f"{config.get('artifactIdentifier', 'primary')}.zip")
        put_object(self.s3, bucket, key, packed.path)
        return {"sha256sum": packed.sha256, "md5sum": packed.md5}


def _place_of(build: Mapping[str, Any], identifier: str | None) -> str | None:
    """Return `bucket/key` of a build's artifact."""
    if identifier is None:
        found = build["artifacts"]
    else:
        every = build.get("secondaryArtifacts", ())
        found = next((each for each in every if each.get("artifactIdentifier") == identifier), {})
    location = str(found.get("location") or "")
    return location.removeprefix("arn:aws:s3:::") or None


def _add(files: dict[str, tuple[str, Path]], identifier: str, name: str, path: Path) -> None:
    first, known = files.setdefault(name, (identifier, path))
    if known != path and not filecmp.cmp(known, path, shallow=False):
        text = f"{name} is in the artifacts of {first} and of {identifier}, with different content"
        raise Failure("CLIENT_ERROR", f"{text}; give one of them another name or base directory")
