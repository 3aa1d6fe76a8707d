from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from buildgate_cli.local.codecommit import LocalCodeCommit
from buildgate_cli.local.events import with_faults
from local_harness import RecordingBus, client, commit, git, new_work_tree, serving


@dataclass
class Place:
    codecommit: Any
    bus: RecordingBus
    work: Path
    home: Path
    service: LocalCodeCommit


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    bus, home = RecordingBus(), tmp_path / "home with space"
    service = LocalCodeCommit(home, with_faults(bus, home))
    with serving(service) as server:
        service.open_hooks(server.url)
        codecommit = client(server, "codecommit")
        url = codecommit.create_repository(repositoryName="shop")["repositoryMetadata"]["cloneUrlHttp"]
        yield Place(codecommit, bus, new_work_tree(tmp_path / "work", url), home, service)


def details(place: Place) -> list[dict[str, Any]]:
    return [event.detail for event in place.bus.events]


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.parametrize(
    ("environment", "pusher"),
    [
        ({"BUILDGATE_LOCAL_USER": "bob@example.com"}, "bob@example.com"),
        ({"BUILDGATE_LOCAL_USER": "bob@example.com", "BUILDGATE_PUSH_USER": "carol"}, "carol"),
    ],
)
def test_who_acts_as_a_user_of_the_cloud_pushes_as_that_user(
    place: Place, environment: dict[str, str], pusher: str
) -> None:
    commit(place.work, {"a.txt": "1"})
    git(place.work, "push", "-q", "origin", "main", **environment)

    assert details(place)[0]["callerUserArn"] == f"arn:aws:iam::000000000000:user/{pusher}"


def test_pushing_a_new_branch_emits_the_genuine_event(place: Place) -> None:
    commit_id = commit(place.work, {"a.txt": "1"})
    git(place.work, "push", "-q", "origin", "main", BUILDGATE_PUSH_USER="alice")

    (event,) = place.bus.events
    repository_id = place.codecommit.get_repository(repositoryName="shop")["repositoryMetadata"]["repositoryId"]
    assert event.source == "aws.codecommit"
    assert event.detail_type == "CodeCommit Repository State Change"
    assert event.resources == ("arn:aws:codecommit:us-east-1:000000000000:shop",)
    assert event.detail == {
        "event": "referenceCreated",
        "repositoryName": "shop",
        "repositoryId": repository_id,
        "referenceType": "branch",
        "referenceName": "main",
        "referenceFullName": "refs/heads/main",
        "callerUserArn": "arn:aws:iam::000000000000:user/alice",
        "commitId": commit_id,
    }


def test_an_update_names_the_old_commit_and_a_delete_has_no_new_one(place: Place) -> None:
    first = commit(place.work, {"a.txt": "1"})
    git(place.work, "push", "-q", "origin", "main", "main:side")
    second = commit(place.work, {"a.txt": "2"})
    git(place.work, "push", "-q", "origin", "main")
    git(place.work, "push", "-q", "origin", ":side")

    created, _, updated, deleted = details(place)
    assert created["event"] == "referenceCreated"
    assert (updated["event"], updated["oldCommitId"], updated["commitId"]) == ("referenceUpdated", first, second)
    assert (deleted["event"], deleted["oldCommitId"], deleted.get("commitId")) == ("referenceDeleted", first, None)


def test_several_refs_in_one_push_are_several_events_and_an_annotated_tag_means_its_commit(place: Place) -> None:
    commit_id = commit(place.work, {"a.txt": "1"})
    git(place.work, "tag", "-a", "v1", "-m", "one")
    git(place.work, "push", "-q", "origin", "main", "v1")

    found = {(d["referenceType"], d["referenceName"], d["commitId"]) for d in details(place)}
    assert found == {("branch", "main", commit_id), ("tag", "v1", commit_id)}


@pytest.mark.parametrize("branch", ["$(touch${IFS}pwned)", "a;b&&c", "-x", "quo'te", 'dou"ble', "größe", "a`b`"])
def test_hostile_branch_names_arrive_unharmed(place: Place, branch: str) -> None:
    commit_id = commit(place.work, {"a.txt": "1"}, message='"; $(touch pwned) \\ `id` \n\n{"json": true}')
    git(place.work, "push", "-q", "origin", f"HEAD:refs/heads/{branch}")

    (detail,) = details(place)
    assert detail["referenceName"] == branch
    got = place.codecommit.get_branch(repositoryName="shop", branchName=branch)
    assert got["branch"] == {"branchName": branch, "commitId": commit_id}
    assert place.codecommit.list_branches(repositoryName="shop")["branches"] == [branch]
    assert not list(place.home.rglob("pwned"))


def test_a_push_while_the_cloud_is_down_succeeds_with_a_hint(place: Place, tmp_path: Path) -> None:
    (place.home / "codecommit" / "hook.json").unlink()
    commit_id = commit(place.work, {"a.txt": "1"})

    printed = git(place.work, "push", "origin", "main")

    assert "will be found when the cloud is up" in printed
    assert place.bus.events == []
    assert place.codecommit.get_branch(repositoryName="shop", branchName="main")["branch"]["commitId"] == commit_id


def test_a_push_that_the_bus_refuses_succeeds_with_a_hint(place: Place) -> None:
    place.bus.is_down = True
    commit(place.work, {"a.txt": "1"})

    assert "will be found when the cloud is up" in git(place.work, "push", "origin", "main")


def test_faults_drop_and_duplicate_events_on_request(place: Place) -> None:
    (place.home / "event-faults.json").write_text(
        '[{"source": "aws.codecommit", "action": "drop", "times": 1},'
        ' {"source": "aws.codecommit", "action": "duplicate", "times": 1, "detail": {"referenceName": "main"}}]'
    )
    for number in ("1", "2", "3"):
        commit(place.work, {"a.txt": number})
        git(place.work, "push", "-q", "origin", "main")

    commits = git(place.work, "rev-list", "--reverse", "main").split()
    assert [d["commitId"] for d in details(place)] == [commits[1], commits[1], commits[2]]


def test_the_hook_runs_even_when_the_user_has_global_hooks(place: Place, tmp_path: Path) -> None:
    (tmp_path / "work" / ".gitconfig").write_text(f"[core]\n\thooksPath = {tmp_path}\n")
    commit(place.work, {"a.txt": "1"})
    git(place.work, "push", "-q", "origin", "main")

    assert len(place.bus.events) == 1


def test_the_first_branch_pushed_becomes_the_default_one(place: Place) -> None:
    assert "defaultBranch" not in place.codecommit.get_repository(repositoryName="shop")["repositoryMetadata"]
    commit(place.work, {"a.txt": "1"})
    git(place.work, "push", "-q", "origin", "main:trunk")

    assert place.codecommit.get_repository(repositoryName="shop")["repositoryMetadata"]["defaultBranch"] == "trunk"
    code = refused(place.codecommit.delete_branch, repositoryName="shop", branchName="trunk")
    assert code == "DefaultBranchCannotBeDeletedException"


def test_differences_are_paged_and_filtered_by_path(place: Place) -> None:
    first = commit(place.work, {"keep.txt": "1", "gone.txt": "1", "src/old.py": "1"})
    (place.work / "gone.txt").unlink()
    second = commit(place.work, {"keep.txt": "2", **{f"src/n{i}.py": "x" for i in range(5)}})
    git(place.work, "push", "-q", "origin", "main")

    seen, token = [], {}
    while True:
        page = place.codecommit.get_differences(
            repositoryName="shop", beforeCommitSpecifier=first, afterCommitSpecifier="main", MaxResults=3, **token
        )
        seen += [(d["changeType"], d.get("afterBlob", d.get("beforeBlob"))["path"]) for d in page["differences"]]
        if "NextToken" not in page:
            break
        assert len(page["differences"]) == 3
        token = {"NextToken": page["NextToken"]}

    added = [("A", f"src/n{i}.py") for i in range(5)]
    assert seen == [("D", "gone.txt"), ("M", "keep.txt"), *added]
    below = place.codecommit.get_differences(
        repositoryName="shop", beforeCommitSpecifier=first, afterCommitSpecifier=second, afterPath="src"
    )
    assert [d["afterBlob"]["path"] for d in below["differences"]] == [path for _, path in added]
    everything = place.codecommit.get_differences(repositoryName="shop", afterCommitSpecifier=second)
    assert {d["changeType"] for d in everything["differences"]} == {"A"}


def test_commits_files_and_folders_can_be_read(place: Place) -> None:
    first = commit(place.work, {"src/app.py": "print(1)\n"}, message="Add app\n\nBody")
    git(place.work, "push", "-q", "origin", "main")

    got = place.codecommit.get_commit(repositoryName="shop", commitId=first)["commit"]
    assert (got["message"], got["parents"], got["author"]["email"]) == ("Add app\n\nBody\n", [], "alice@example.com")
    batch = place.codecommit.batch_get_commits(repositoryName="shop", commitIds=[first, "0" * 40])
    assert [c["commitId"] for c in batch["commits"]] == [first]
    assert batch["errors"][0]["errorCode"] == "CommitIdDoesNotExistException"
    file = place.codecommit.get_file(repositoryName="shop", filePath="src/app.py")
    assert (file["fileContent"], file["fileMode"], file["commitId"]) == (b"print(1)\n", "NORMAL", first)
    assert place.codecommit.get_blob(repositoryName="shop", blobId=file["blobId"])["content"] == b"print(1)\n"
    folder = place.codecommit.get_folder(repositoryName="shop", folderPath="/")
    assert [f["relativePath"] for f in folder["subFolders"]] == ["src"]


def test_branches_made_through_the_api_are_events_too(place: Place) -> None:
    first = commit(place.work, {"a.txt": "1"})
    git(place.work, "push", "-q", "origin", "main")
    place.codecommit.create_branch(repositoryName="shop", branchName="side", commitId=first)
    deleted = place.codecommit.delete_branch(repositoryName="shop", branchName="side")["deletedBranch"]

    assert deleted == {"branchName": "side", "commitId": first}
    assert [d["event"] for d in details(place)][1:] == ["referenceCreated", "referenceDeleted"]
    assert details(place)[1]["callerUserArn"] == "arn:aws:iam::000000000000:user/alice"


def test_what_does_not_exist_is_refused_with_the_code_aws_uses(place: Place) -> None:
    api = place.codecommit
    assert refused(api.get_repository, repositoryName="nope") == "RepositoryDoesNotExistException"
    assert refused(api.get_repository, repositoryName="..") == "InvalidRepositoryNameException"
    assert refused(api.create_repository, repositoryName="shop") == "RepositoryNameExistsException"
    assert refused(api.create_repository, repositoryName="x.git") == "InvalidRepositoryNameException"
    assert refused(api.get_branch, repositoryName="shop", branchName="nope") == "BranchDoesNotExistException"
    assert refused(api.get_branch, repositoryName="shop", branchName="a..b") == "InvalidBranchNameException"
    assert (
        refused(api.get_differences, repositoryName="shop", afterCommitSpecifier="x") == "CommitDoesNotExistException"
    )
    assert refused(api.get_commit, repositoryName="shop", commitId="--help") == "InvalidCommitIdException"
    assert refused(api.list_branches, repositoryName="shop", nextToken="x") == "InvalidContinuationTokenException"
    assert refused(api.list_pull_requests, repositoryName="shop") == "UnknownOperationException"


def test_repositories_survive_a_restart(place: Place) -> None:
    commit_id = commit(place.work, {"a.txt": "1"})
    git(place.work, "push", "-q", "origin", "main")

    again = LocalCodeCommit(place.home, place.bus)
    with serving(again) as server:
        again.open_hooks(server.url)
        api = client(server, "codecommit")
        assert [r["repositoryName"] for r in api.list_repositories()["repositories"]] == ["shop"]
        assert api.get_branch(repositoryName="shop", branchName="main")["branch"]["commitId"] == commit_id
        commit(place.work, {"a.txt": "2"})
        git(place.work, "push", "-q", "origin", "main")
    assert len(place.bus.events) == 2
