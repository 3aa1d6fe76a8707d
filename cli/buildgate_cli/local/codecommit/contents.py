"""Answers about commits, trees and files."""

from pathlib import PurePosixPath
from typing import Any

from buildgate_cli.local.codecommit.git import Commit, Difference, Entry, Person, Repository, is_object_id
from buildgate_cli.local.jsonservice import ServiceError
from buildgate_cli.local.paging import page

MAX_FILE_BYTES = 6 * 1024 * 1024
MAX_DIFFERENCES = 100
_FILE_MODES = {"100644": "NORMAL", "100755": "EXECUTABLE", "120000": "SYMLINK"}


def get_commit(repository: Repository, commit_id: str) -> dict[str, Any]:
    if not is_object_id(commit_id):
        raise ServiceError("InvalidCommitIdException", f"{commit_id} is not a valid commit ID.")
    if repository.kind(commit_id) != "commit":
        raise ServiceError("CommitIdDoesNotExistException", f"Commit ID {commit_id} does not exist")
    return {"commit": _commit(repository.commit(commit_id))}


def batch_get_commits(repository: Repository, commit_ids: list[str]) -> dict[str, Any]:
    commits, errors = [], []
    for commit_id in commit_ids:
        try:
            commits.append(get_commit(repository, commit_id)["commit"])
        except ServiceError as error:
            errors.append({"commitId": commit_id, "errorCode": error.code, "errorMessage": error.message})
    return {"commits": commits, "errors": errors}


def get_differences(repository: Repository, request: dict[str, Any]) -> dict[str, Any]:
    """Changed files between two commits, paged; `MaxResults` and `NextToken` are written with capitals, as in AWS."""
    after = _resolve(repository, request["afterCommitSpecifier"])
    before_specifier = request.get("beforeCommitSpecifier")
    before = _resolve(repository, before_specifier) if before_specifier else None
    paths = [path.strip("/") for path in (request.get("beforePath"), request.get("afterPath")) if path]
    changes = [d for d in repository.differences(before, after) if _is_below(d.path, paths)]
    size = min(request.get("MaxResults", MAX_DIFFERENCES), MAX_DIFFERENCES)
    part, token = page(changes, request.get("NextToken"), size)
    return {"differences": [_difference(change) for change in part], "NextToken": token}


def get_file(repository: Repository, request: dict[str, Any]) -> dict[str, Any]:
    commit_id, entry = _lookup(repository, request, request["filePath"])
    if entry is None or entry.kind != "blob":
        raise ServiceError("FileDoesNotExistException", f"File {request['filePath']} does not exist")
    content = _bounded(repository, entry.object_id, "FileTooLargeException")
    return {
        "commitId": commit_id,
        "blobId": entry.object_id,
        "filePath": _text(entry.path),
        "fileMode": _FILE_MODES.get(entry.mode, "NORMAL"),
        "fileSize": len(content),
        "fileContent": content,
    }


def get_folder(repository: Repository, request: dict[str, Any]) -> dict[str, Any]:
    commit_id, entry = _lookup(repository, request, request["folderPath"])
    if entry is None or entry.kind != "tree":
        raise ServiceError("FolderDoesNotExistException", f"Folder {request['folderPath']} does not exist")
    found: dict[str, list[dict[str, Any]]] = {"subFolders": [], "files": [], "symbolicLinks": [], "subModules": []}
    for child in repository.children(entry.object_id):
        kind, row = _folder_row(entry.path, child)
        found[kind].append(row)
    return {"commitId": commit_id, "folderPath": _text(entry.path), "treeId": entry.object_id, **found}


def get_blob(repository: Repository, blob_id: str) -> dict[str, Any]:
    if not is_object_id(blob_id):
        raise ServiceError("InvalidBlobIdException", f"{blob_id} is not a valid blob ID.")
    if repository.kind(blob_id) != "blob":
        raise ServiceError("BlobIdDoesNotExistException", f"Blob ID {blob_id} does not exist")
    return {"content": _bounded(repository, blob_id, "FileTooLargeException")}


def _lookup(repository: Repository, request: dict[str, Any], path: str) -> tuple[str, Entry | None]:
    commit_id = _resolve(repository, request.get("commitSpecifier") or "HEAD")
    return commit_id, repository.entry(commit_id, path)


def _resolve(repository: Repository, specifier: str) -> str:
    commit_id = repository.resolve(specifier)
    if commit_id is None:
        raise ServiceError("CommitDoesNotExistException", f"Commit {specifier} does not exist")
    return commit_id


def _bounded(repository: Repository, object_id: str, refusal: str) -> bytes:
    if repository.size(object_id) > MAX_FILE_BYTES:
        raise ServiceError(refusal, f"The file is larger than {MAX_FILE_BYTES} bytes.")
    return repository.blob(object_id)


def _is_below(path: str, folders: list[str]) -> bool:
    return not folders or any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def _text(path: str) -> str:
    """Return a path as text; bytes that are not UTF-8 become replacement characters."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _person(person: Person) -> dict[str, str]:
    return {"name": person.name, "email": person.email, "date": person.date}


def _commit(commit: Commit) -> dict[str, Any]:
    return {
        "commitId": commit.commit_id,
        "treeId": commit.tree_id,
        "parents": list(commit.parents),
        "message": commit.message,
        "author": _person(commit.author),
        "committer": _person(commit.committer),
        "additionalData": "",
    }


def _difference(change: Difference) -> dict[str, Any]:
    path = _text(change.path)
    before = {"blobId": change.before_id, "path": path, "mode": change.before_mode}
    after = {"blobId": change.after_id, "path": path, "mode": change.after_mode}
    return {
        "changeType": change.change,
        "beforeBlob": before if change.change != "A" else None,
        "afterBlob": after if change.change != "D" else None,
    }


def _folder_row(folder: str, child: Entry) -> tuple[str, dict[str, Any]]:
    absolute = str(PurePosixPath(folder, child.path)) if folder else child.path
    names = {"absolutePath": _text(absolute), "relativePath": _text(child.path)}
    if child.kind == "tree":
        return "subFolders", {"treeId": child.object_id, **names}
    if child.kind == "commit":
        return "subModules", {"commitId": child.object_id, **names}
    if child.mode == "120000":
        return "symbolicLinks", {"blobId": child.object_id, **names, "fileMode": "SYMLINK"}
    return "files", {"blobId": child.object_id, **names, "fileMode": _FILE_MODES.get(child.mode, "NORMAL")}
