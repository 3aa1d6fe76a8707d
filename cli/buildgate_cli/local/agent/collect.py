"""UPLOAD_ARTIFACTS: which files a build leaves behind."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from buildgate_cli.buildspecs import Artifact, ReportGroup
from buildgate_cli.local.agent.build import Collected, CollectedFile, CollectedReport, Failure
from buildgate_cli.local.agent.globs import matching_files, matching_folders

NO_ARTIFACTS = "no matching artifact paths found"
Expand = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Collector:
    """Finds files below the source folder. `expand` lets the build's shell fill in variables; `say` logs."""

    source: Path
    expand: Expand
    say: Callable[[str], None]

    def artifact(self, artifact: Artifact, identifier: str | None) -> Collected:
        """Return an artifact's files. Raises Failure when nothing matches."""
        (pattern,) = self.expand([artifact.base_directory or "."])
        self.say(f"Expanding base directory path: {pattern}")
        folders = matching_folders(self.source, pattern)
        if not folders:
            raise Failure("CLIENT_ERROR", f"no matching base directory path found for {pattern}")
        patterns = self.expand(list(artifact.files))
        excluded = self.expand(list(artifact.exclude_paths))
        self.say("Assembling file list")
        has_links = bool(artifact.enable_symlinks)
        files = [pair for each in folders for pair in self._named(each, patterns, excluded, has_links=has_links)]
        if not files:
            raise Failure("CLIENT_ERROR", NO_ARTIFACTS)
        self.say(f"Found {len(files)} file(s)")
        name, prefix = self.expand([artifact.name or "", artifact.s3_prefix or ""])
        kept = _flat(files) if artifact.discard_paths else files
        return Collected(identifier, tuple(_unique(kept)), name or None, prefix or None, has_links)

    def report(self, group: ReportGroup) -> CollectedReport:
        """Return a report group's raw files. Raises Failure when nothing matches."""
        name, base, *patterns = self.expand([group.name, group.base_directory or ".", *group.files])
        self.say(f"Expanding base directory path: {base}")
        self.say("Assembling file list")
        files = self._named(self.source / base, patterns, ())
        if not files:
            raise Failure("CLIENT_ERROR", f"[{name}: [report files not found in build]]")
        self.say(f"Found {len(files)} file(s)")
        kept = _flat(files) if group.discard_paths else files
        return CollectedReport(name, group.file_format, tuple(_unique(kept)))

    def _named(
        self, folder: Path, patterns: Sequence[str], excluded: Sequence[str], *, has_links: bool = False
    ) -> list[CollectedFile]:
        for pattern in patterns:
            self.say(f"Expanding {pattern}")
        found = matching_files(folder, patterns, exclude=excluded, has_links=has_links)
        return [CollectedFile(path, _name(path, folder, self.source)) for path in found]


def _name(path: Path, folder: Path, source: Path) -> str:
    for base in (folder, source):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return path.as_posix().lstrip("/")


def _flat(files: Iterable[CollectedFile]) -> list[CollectedFile]:
    return [CollectedFile(file.path, file.path.name) for file in files]


def _unique(files: Iterable[CollectedFile]) -> list[CollectedFile]:
    """Return one file per name: the last one found wins, as when files are copied one over the other."""
    return list({file.name: file for file in files}.values())
