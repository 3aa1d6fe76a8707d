"""The CodeCommit service of the local cloud."""

import json
import logging
import re
import secrets
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from buildgate_cli.local.codecommit import contents, hook, pushes
from buildgate_cli.local.codecommit.git import ZERO, GitError, Repository, is_object_id
from buildgate_cli.local.codecommit.repositories import Record, Repositories, is_name
from buildgate_cli.local.events import Emit
from buildgate_cli.local.jsonservice import ACCOUNT, Caller, ServiceError
from buildgate_cli.local.paging import page

LOG = logging.getLogger(__name__)


class LocalCodeCommit:
    """Repositories, branches, commits and their contents; pushes become events.

    `emit_event` may raise: a push then stays without an event, as one that AWS loses.
    """

    service = "codecommit"

    def __init__(
        self,
        home: Path,
        emit_event: Emit,
        *,
        interpreter: str = sys.executable,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.hook_token = secrets.token_urlsafe(32)
        self._contact = home / "codecommit" / hook.CONTACT_FILE
        self.repositories = Repositories(home / "repositories", self._contact.parent, interpreter)
        self._emit = emit_event
        self._now = now
        self._lock = threading.RLock()

    def open_hooks(self, endpoint: str) -> None:
        """Let pushes reach this service at the server's URL. Call it once the server listens; repeating is harmless."""
        self._contact.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._contact.touch(mode=0o600)
        url = f"{endpoint}/_hooks/{self.service}"
        self._contact.write_text(json.dumps({"url": url, "token": self.hook_token}))
        self.repositories.refresh_hooks()

    def handle(self, operation: str, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        method = getattr(self, "_do_" + re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower(), None)
        if method is None:
            raise NotImplementedError(operation)
        try:
            answer: dict[str, Any] = method(request, caller)
        except GitError as error:
            raise ServiceError("InvalidInputException", str(error)) from None
        return answer

    def hook(self, message: dict[str, Any]) -> None:
        """Take what a post-receive hook saw: repository, changes of refs, user."""
        name, user = str(message.get("repository")), str(message.get("user"))
        with self._lock:
            repository = self._open(name)
            changes = [self._peeled(repository, change) for change in message.get("changes", ())]
            self._adopt_default_branch(repository, changes)
            self.repositories.touch(name, self._now())
        if not self._announce(name, changes, f"arn:aws:iam::{ACCOUNT}:user/{user}"):
            raise ServiceError("ServiceUnavailableException", "The event bus did not take every event.", 503)

    def _announce(self, name: str, changes: list[dict[str, str]], caller_arn: str) -> bool:
        """Emit one event per changed ref. False when the bus did not take one: the change itself stands."""
        record = self.repositories.record(name)
        is_complete = True
        for change in changes:
            event = pushes.push_event(name, record.repository_id, change, caller_arn, self._now())
            try:
                if event is not None:
                    self._emit(event)
            except Exception:  # whatever the bus raises, the refs are moved and the caller must learn that they are
                LOG.exception("no event for %s in %s", change["ref"], name)
                is_complete = False
        return is_complete

    @staticmethod
    def _peeled(repository: Repository, change: Mapping[str, Any]) -> dict[str, str]:
        """Return the change with commits in place of the tag objects that annotated tags are."""
        old, new, ref = (str(change.get(key, "")) for key in ("old", "new", "ref"))
        peeled = [value if value == ZERO else (repository.ref(value) or value) for value in (old, new)]
        return {"old": peeled[0], "new": peeled[1], "ref": ref}

    @staticmethod
    def _adopt_default_branch(repository: Repository, changes: list[dict[str, str]]) -> None:
        """The first branch pushed becomes the default one, as in CodeCommit."""
        if repository.ref("HEAD") is not None:
            return
        for change in changes:
            if change["ref"].startswith("refs/heads/") and change["new"] != ZERO:
                repository.set_default_branch(change["ref"].removeprefix("refs/heads/"))
                return

    def _open(self, name: str) -> Repository:
        if not is_name(name):
            raise ServiceError("InvalidRepositoryNameException", f"{name} is not a valid repository name.")
        if not self.repositories.exists(name):
            raise ServiceError("RepositoryDoesNotExistException", f"{name} does not exist")
        return self.repositories.open(name)

    def _metadata(self, record: Record) -> dict[str, Any]:
        repository = self.repositories.open(record.name)
        default = repository.default_branch() if repository.ref("HEAD") else None
        path = str(self.repositories.path(record.name))
        return {
            "accountId": ACCOUNT,
            "repositoryId": record.repository_id,
            "repositoryName": record.name,
            "repositoryDescription": record.description or None,
            "defaultBranch": default,
            "lastModifiedDate": record.modified,
            "creationDate": record.created,
            "cloneUrlHttp": path,
            "cloneUrlSsh": path,
            "Arn": pushes.repository_arn(record.name),
        }

    # Repositories

    def _do_create_repository(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        name = request["repositoryName"]
        if not is_name(name):
            raise ServiceError("InvalidRepositoryNameException", f"{name} is not a valid repository name.")
        with self._lock:
            if self.repositories.exists(name):
                raise ServiceError("RepositoryNameExistsException", f"Repository named {name} already exists")
            description, tags = request.get("repositoryDescription", ""), request.get("tags", {})
            record = self.repositories.create(name, description=description, tags=tags, at=self._now())
        return {"repositoryMetadata": self._metadata(record)}

    def _do_get_repository(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self._open(request["repositoryName"])
        return {"repositoryMetadata": self._metadata(self.repositories.record(request["repositoryName"]))}

    def _do_list_repositories(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        records = [self.repositories.record(name) for name in self.repositories.names()]
        if request.get("sortBy") == "lastModifiedDate":
            records.sort(key=lambda record: record.modified_at)
        if request.get("order") == "descending":
            records.reverse()
        rows = [{"repositoryName": r.name, "repositoryId": r.repository_id} for r in records]
        part, token = page(rows, request.get("nextToken"), 1000)
        return {"repositories": part, "nextToken": token}

    def _do_batch_get_repositories(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        found = [name for name in request["repositoryNames"] if self.repositories.exists(name)]
        missing = [name for name in request["repositoryNames"] if name not in found]
        records = [self._metadata(self.repositories.record(name)) for name in found]
        return {"repositories": records, "repositoriesNotFound": missing}

    def _do_delete_repository(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        name = request["repositoryName"]
        with self._lock:
            if not self.repositories.exists(name):
                return {}
            return {"repositoryId": self.repositories.delete(name).repository_id}

    # Branches

    def _branch(self, repository: Repository, name: str) -> str:
        if not repository.is_branch_name(name):
            raise ServiceError("InvalidBranchNameException", f"{name} is not a valid branch name.")
        commit = repository.ref(f"refs/heads/{name}")
        if commit is None:
            raise ServiceError("BranchDoesNotExistException", f"Branch {name} does not exist")
        return commit

    def _do_list_branches(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        part, token = page(self._open(request["repositoryName"]).branches(), request.get("nextToken"), 1000)
        return {"branches": part, "nextToken": token}

    def _do_get_branch(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        name = request.get("branchName", "")
        commit = self._branch(self._open(request.get("repositoryName", "")), name)
        return {"branch": {"branchName": name, "commitId": commit}}

    def _do_create_branch(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        repository, name, commit = self._open(request["repositoryName"]), request["branchName"], request["commitId"]
        if not repository.is_branch_name(name):
            raise ServiceError("InvalidBranchNameException", f"{name} is not a valid branch name.")
        if not is_object_id(commit) or repository.kind(commit) != "commit":
            raise ServiceError("CommitDoesNotExistException", f"Commit {commit} does not exist")
        with self._lock:
            if repository.ref(f"refs/heads/{name}") is not None:
                raise ServiceError("BranchNameExistsException", f"Branch {name} already exists")
            self._move(request["repositoryName"], name, commit, ZERO, caller)
        return {}

    def _do_delete_branch(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        repository, name = self._open(request["repositoryName"]), request["branchName"]
        if repository.default_branch() == name:
            raise ServiceError("DefaultBranchCannotBeDeletedException", f"Default branch {name} cannot be deleted")
        with self._lock:
            commit = repository.ref(f"refs/heads/{name}")
            if commit is None:
                return {}
            self._move(request["repositoryName"], name, ZERO, commit, caller)
        return {"deletedBranch": {"branchName": name, "commitId": commit}}

    def _move(self, repository: str, branch: str, new: str, old: str, caller: Caller) -> None:
        change = {"ref": f"refs/heads/{branch}", "new": new, "old": old}
        self._open(repository).update_ref(change["ref"], new, old)
        self.repositories.touch(repository, self._now())
        self._announce(repository, [change], caller.arn)

    def _do_update_default_branch(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        repository, name = self._open(request["repositoryName"]), request["defaultBranchName"]
        self._branch(repository, name)
        repository.set_default_branch(name)
        return {}

    # Contents

    def _do_get_commit(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return contents.get_commit(self._open(request["repositoryName"]), request["commitId"])

    def _do_batch_get_commits(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return contents.batch_get_commits(self._open(request["repositoryName"]), request["commitIds"])

    def _do_get_differences(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return contents.get_differences(self._open(request["repositoryName"]), request)

    def _do_get_file(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return contents.get_file(self._open(request["repositoryName"]), request)

    def _do_get_folder(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return contents.get_folder(self._open(request["repositoryName"]), request)

    def _do_get_blob(self, request: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return contents.get_blob(self._open(request["repositoryName"]), request["blobId"])
