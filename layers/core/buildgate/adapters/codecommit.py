"""CodeCommit through a botocore-shaped client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from buildgate.adapters.aws_errors import calling
from buildgate.domain.errors import NotFound, Rejected
from buildgate.domain.redaction import redact, shorten
from buildgate.ports import CommitInfo
from buildgate.usecases.gate_ports import ChangedCode

_AUTHORS_DEPTH = 100
_MESSAGE_LIMIT = 1_000
_MOST_FILES = 400
_MOST_BYTES = 1024 * 1024
_BINARY_LOOK_BYTES = 8_000
_SECONDS_DIGITS = 11
_REGULAR = frozenset({"100644", "100755"})


class CodeCommitRepositories:
    """Branches, commits and changed paths."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def changed_paths(self, repository: str, before: str, after: str) -> Iterator[str]:
        """Yield each path that differs, of both sides of a rename, page by page as they are asked for."""
        for sides in self._differences(repository, before, after):
            yield from {side["path"] for side in sides if side.get("path")}

    def changed_lines(self, repository: str, before: str, after: str) -> ChangedCode:
        """Compare each changed text file; symbolic links, submodules and binary files have no lines."""
        from buildgate.domain.gates.changed_lines import rewritten_lines  # noqa: PLC0415 - only gates compare files

        lines: dict[str, frozenset[int]] = {}
        unread: list[str] = []
        compared = 0
        for old, new in self._differences(repository, before, after):
            if not new.get("blobId") or str(new.get("mode")) not in _REGULAR or old.get("blobId") == new["blobId"]:
                continue
            compared += 1
            if compared > _MOST_FILES:
                unread.append(f"more than {_MOST_FILES} files changed")
                break
            path = str(new["path"])
            try:
                sides = [self._text(repository, side.get("blobId", "")) for side in (old, new)]
            except Rejected as error:
                unread.append(f"{path}: {error.reason}")
                continue
            if None not in sides and (found := rewritten_lines(*[text or [] for text in sides])):
                lines[path] = found
        return ChangedCode(lines, tuple(unread))

    def _text(self, repository: str, blob_id: str) -> list[str] | None:
        """Return the lines of a blob, None for a binary one.

        Raises:
            Rejected: It is too large to be compared.
        """
        if not blob_id:
            return []
        with calling("CodeCommit GetBlob"):
            content: bytes = self._client.get_blob(repositoryName=repository, blobId=blob_id)["content"]
        if len(content) > _MOST_BYTES:
            raise Rejected("the file is larger than 1 MiB")
        if b"\0" in content[:_BINARY_LOOK_BYTES]:
            return None
        return content.decode("utf-8", "replace").removesuffix("\n").split("\n") if content else []

    def _differences(self, repository: str, before: str, after: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Yield both sides of each difference, page by page as they are asked for."""
        request: dict[str, Any] = {"repositoryName": repository, "afterCommitSpecifier": after}
        if before:
            request["beforeCommitSpecifier"] = before
        while True:
            with calling("CodeCommit GetDifferences"):
                answer = self._client.get_differences(**request)
            for difference in answer.get("differences", []):
                yield difference.get("beforeBlob") or {}, difference.get("afterBlob") or {}
            token = answer.get("NextToken") or answer.get("nextToken")
            if not token:
                return
            request["NextToken"] = token

    def commit(self, repository: str, commit: str) -> CommitInfo | None:
        try:
            with calling("CodeCommit GetCommit"):
                data = self._client.get_commit(repositoryName=repository, commitId=commit)["commit"]
        except NotFound:
            return None
        people = (data.get("author") or {}, data.get("committer") or {})
        return CommitInfo(
            commit=commit,
            message=shorten(redact(str(data.get("message", "")).strip()), limit=_MESSAGE_LIMIT),
            authors=tuple(dict.fromkeys(str(one["email"]) for one in people if one.get("email"))),
            parents=tuple(data.get("parents", ())),
            committed_at=_moment(str(people[1].get("date", ""))),
        )

    def head_of(self, repository: str, branch: str) -> str | None:
        try:
            with calling("CodeCommit GetBranch"):
                answer = self._client.get_branch(repositoryName=repository, branchName=branch)
        except NotFound:
            return None
        return str(answer["branch"]["commitId"])

    def default_branch(self, repository: str) -> str | None:
        try:
            with calling("CodeCommit GetRepository"):
                metadata = self._client.get_repository(repositoryName=repository)["repositoryMetadata"]
        except NotFound:
            return None
        name = metadata.get("defaultBranch")
        return str(name) if name else None

    def branches(self, repository: str) -> Sequence[str]:
        names: list[str] = []
        request: dict[str, Any] = {"repositoryName": repository}
        while True:
            try:
                with calling("CodeCommit ListBranches"):
                    answer = self._client.list_branches(**request)
            except NotFound:
                return names
            names += answer.get("branches", [])
            if not answer.get("nextToken"):
                return names
            request["nextToken"] = answer["nextToken"]

    def authors_between(self, repository: str, before: str, after: str) -> tuple[str, ...]:
        """Return who wrote what ``after`` has and ``before`` has not; the commit's own people without a ``before``.

        Where a merge or a rewritten branch leads past ``before``, its own history is left out of the answer.
        """
        if not before:
            info = self.commit(repository, after)
            return info.authors if info else ()
        found = self._walk(repository, after, until=before, depth=_AUTHORS_DEPTH)
        if any(_leads_past(info, found, before) for info in found.values()):
            known = self._walk(repository, before, until="", depth=_AUTHORS_DEPTH)
            found = {commit: info for commit, info in found.items() if commit not in known}
        return tuple(dict.fromkeys(author for info in found.values() for author in info.authors))

    def _walk(self, repository: str, start: str, *, until: str, depth: int) -> dict[str, CommitInfo]:
        """Return commits from ``start`` backwards, nearest first, at most ``depth``, not going through ``until``."""
        found: dict[str, CommitInfo] = {}
        queue, seen = [start], {"", until}
        while queue and len(found) < depth:
            commit = queue.pop(0)
            info = None if commit in seen else self.commit(repository, commit)
            seen.add(commit)
            if info is not None:
                found[commit] = info
                queue += info.parents
        return found


def _leads_past(info: CommitInfo, found: Mapping[str, CommitInfo], base: str) -> bool:
    """Return whether a commit's history goes on beside the base: to a commit not looked at, or to the beginning."""
    return not info.parents or any(parent not in found and parent != base for parent in info.parents)


def _moment(date: str) -> datetime | None:
    """Return the time that git writes as seconds and zone (``1763812800 +0100``), None for anything else."""
    seconds = date.split(" ", 1)[0]
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= _SECONDS_DIGITS):
        return None
    return datetime.fromtimestamp(int(seconds), UTC)
