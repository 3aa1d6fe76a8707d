"""CodeCommit in memory: repositories whose commits are data, and the events of their pushes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from buildgate.adapters.memory.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from buildgate.adapters.memory.events import Event, Events
    from buildgate.adapters.memory.timeline import Timeline

PAGE = 100


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. `files` is the whole tree: path to content."""

    commit_id: str
    parents: tuple[str, ...]
    files: Mapping[str, str]
    message: str
    author: str
    at: datetime


@dataclass(slots=True)
class Repository:
    """Commits by id; branches and tags by name."""

    name: str
    repository_id: str
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    default_branch: str = ""


@dataclass(slots=True)
class CodeCommit:
    """Repositories by name. A push changes a branch or tag and emits the event that CodeCommit would."""

    timeline: Timeline
    events: Events
    region: str
    account: str
    repositories: dict[str, Repository] = field(default_factory=dict)

    def create_repository(self, *, repositoryName: str, **_: Any) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Create an empty repository."""
        if repositoryName in self.repositories:
            raise AwsError("RepositoryNameExistsException", f"Repository named {repositoryName} already exists")
        digest = hashlib.sha256(repositoryName.encode()).hexdigest()
        self.repositories[repositoryName] = Repository(repositoryName, f"{digest[:8]}-0000-4000-8000-{digest[:12]}")
        return {"repositoryMetadata": self._metadata(repositoryName)}

    def push(
        self,
        repository: str,
        branch: str,
        files: Mapping[str, str | None] | None = None,
        *,
        message: str = "Change",
        author: str = "alice@example.com",
        commit: str | None = None,
        is_silent: bool = False,
    ) -> str:
        """Commit files over the branch's tree (or move the branch to a known commit); return the commit's id.

        A file that is None is taken away.

        A silent push emits no event: the push whose event was lost.
        """
        found = self._repository(repository)
        old = found.branches.get(branch)
        new = commit or self._commit(found, old, files or {}, message, author)
        found.branches[branch] = new
        found.default_branch = found.default_branch or branch
        if not is_silent and new != old:
            self._emit(found, "branch", branch, new, old, author)
        return new

    def tag(self, repository: str, tag: str, commit: str, *, author: str = "alice@example.com") -> None:
        """Push a tag."""
        found = self._repository(repository)
        old = found.tags.get(tag)
        found.tags[tag] = commit
        self._emit(found, "tag", tag, commit, old, author)

    def delete_ref(self, repository: str, branch: str, *, author: str = "alice@example.com") -> None:
        """Push the deletion of a branch."""
        found = self._repository(repository)
        self._emit(found, "branch", branch, None, found.branches.pop(branch), author)

    def _commit(
        self, found: Repository, old: str | None, files: Mapping[str, str | None], message: str, author: str
    ) -> str:
        changed = {**(found.commits[old].files if old else {}), **files}
        tree = {path: text for path, text in changed.items() if text is not None}
        text = repr((old, sorted(tree.items()), message, author, len(found.commits)))
        commit_id = hashlib.sha256(text.encode()).hexdigest()[:40]
        parents = (old,) if old else ()
        found.commits[commit_id] = Commit(commit_id, parents, tree, message, author, self.timeline.now())
        return commit_id

    def _emit(self, found: Repository, kind: str, name: str, new: str | None, old: str | None, author: str) -> Event:
        event = "referenceDeleted" if new is None else "referenceCreated" if old is None else "referenceUpdated"
        detail: dict[str, Any] = {
            "event": event,
            "repositoryName": found.name,
            "repositoryId": found.repository_id,
            "referenceType": kind,
            "referenceName": name,
            "referenceFullName": f"refs/{'heads' if kind == 'branch' else 'tags'}/{name}",
            "callerUserArn": f"arn:aws:iam::{self.account}:user/{author.split('@', maxsplit=1)[0]}",
        }
        if new is not None:
            detail["commitId"] = new
        if old is not None:
            detail["oldCommitId"] = old
        arn = f"arn:aws:codecommit:{self.region}:{self.account}:{found.name}"
        return self.events.emit("aws.codecommit", "CodeCommit Repository State Change", detail, [arn])

    def _repository(self, name: str) -> Repository:
        if name not in self.repositories:
            raise AwsError("RepositoryDoesNotExistException", f"{name} does not exist")
        return self.repositories[name]

    def _metadata(self, name: str) -> dict[str, Any]:
        found = self._repository(name)
        metadata = {
            "repositoryId": found.repository_id,
            "repositoryName": name,
            "Arn": f"arn:aws:codecommit:{self.region}:{self.account}:{name}",
            "accountId": self.account,
        }
        return {**metadata, "defaultBranch": found.default_branch} if found.default_branch else metadata

    def get_repository(self, *, repositoryName: str) -> dict[str, Any]:  # noqa: N803 - botocore's name
        """Describe a repository."""
        return {"repositoryMetadata": self._metadata(repositoryName)}

    def list_repositories(self, **_: Any) -> dict[str, Any]:
        """List repositories."""
        entries = [
            {"repositoryName": one.name, "repositoryId": one.repository_id} for one in self.repositories.values()
        ]
        return {"repositories": entries}

    def get_branch(self, *, repositoryName: str, branchName: str) -> dict[str, Any]:  # noqa: N803 - botocore's names
        """Return where a branch stands."""
        branches = self._repository(repositoryName).branches
        if branchName not in branches:
            raise AwsError("BranchDoesNotExistException", f"Branch {branchName} does not exist")
        return {"branch": {"branchName": branchName, "commitId": branches[branchName]}}

    def list_branches(self, *, repositoryName: str, nextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        """List a hundred branches a page."""
        names = sorted(self._repository(repositoryName).branches)
        return _page("branches", "nextToken", names, nextToken, PAGE)

    def get_commit(self, *, repositoryName: str, commitId: str) -> dict[str, Any]:  # noqa: N803 - botocore's names
        """Describe a commit by its full id."""
        commit = self._repository(repositoryName).commits.get(commitId)
        if commit is None:
            raise AwsError("CommitIdDoesNotExistException", f"Commit {commitId} does not exist")
        person = {"name": commit.author.split("@")[0], "email": commit.author}
        person["date"] = f"{int(commit.at.timestamp())} +0000"
        data = {
            "commitId": commit.commit_id,
            "treeId": hashlib.sha256(repr(sorted(commit.files)).encode()).hexdigest()[:40],
            "parents": list(commit.parents),
            "message": commit.message,
            "author": person,
            "committer": dict(person),
            "additionalData": "",
        }
        return {"commit": data}

    def get_differences(self, **request: Any) -> dict[str, Any]:
        """List what differs between two commits (or branches), a page at a time; one side alone is all added."""
        found = self._repository(request["repositoryName"])
        after = self._tree(found, request["afterCommitSpecifier"])
        before = self._tree(found, request.get("beforeCommitSpecifier"))
        changed = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
        differences = [_difference(path, before.get(path), after.get(path)) for path in changed]
        size = min(request.get("MaxResults", PAGE), PAGE)
        return _page("differences", "NextToken", differences, request.get("NextToken", "0"), size)

    def _tree(self, found: Repository, specifier: str | None) -> Mapping[str, str]:
        if specifier is None:
            return {}
        commit = found.commits.get(found.branches.get(specifier, specifier))
        if commit is None:
            raise AwsError("CommitDoesNotExistException", f"Commit {specifier} does not exist")
        return commit.files

    def get_file(self, **request: Any) -> dict[str, Any]:
        """Return a file of a commit (by default the default branch's)."""
        found = self._repository(request["repositoryName"])
        specifier = request.get("commitSpecifier") or found.default_branch
        content = self._tree(found, specifier).get(request["filePath"])
        if content is None:
            raise AwsError("FileDoesNotExistException", f"{request['filePath']} does not exist")
        return {
            "commitId": found.branches.get(specifier, specifier),
            "blobId": _blob_id(content),
            "filePath": request["filePath"],
            "fileMode": "NORMAL",
            "fileSize": len(content.encode()),
            "fileContent": content.encode(),
        }

    def get_blob(self, *, repositoryName: str, blobId: str) -> dict[str, Any]:  # noqa: N803 - botocore's names
        """Return the content of a blob of any commit."""
        for commit in self._repository(repositoryName).commits.values():
            for content in commit.files.values():
                if _blob_id(content) == blobId:
                    return {"content": content.encode()}
        raise AwsError("BlobIdDoesNotExistException", f"Blob {blobId} does not exist")


def _blob_id(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()[:40]


def _difference(path: str, before: str | None, after: str | None) -> dict[str, Any]:
    kind = "A" if before is None else "D" if after is None else "M"
    difference: dict[str, Any] = {"changeType": kind}
    for side, content in (("beforeBlob", before), ("afterBlob", after)):
        if content is not None:
            difference[side] = {"blobId": _blob_id(content), "path": path, "mode": "100644"}
    return difference


def _page(member: str, token_name: str, entries: list[Any], token: str, size: int) -> dict[str, Any]:
    if not token.isdigit():
        raise AwsError("InvalidContinuationTokenException", "The specified continuation token is not valid.")
    start = int(token)
    page = {member: entries[start : start + size]}
    return {**page, token_name: str(start + size)} if start + size < len(entries) else page
