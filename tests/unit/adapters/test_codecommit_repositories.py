"""What CodeCommit answers, read as pages, people and branches."""

from datetime import UTC, datetime
from itertools import pairwise
from types import SimpleNamespace

import pytest

from buildgate.adapters.codecommit import CodeCommitRepositories
from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.memory.codecommit import Commit
from buildgate.domain.errors import NotFound
from run_records import NOON


class History:
    """A repository whose commits are written by hand: each by a person of its own name."""

    def __init__(self):
        self.aws = MemoryAws()
        self.aws.client("codecommit").create_repository(repositoryName="shop")
        self.known = self.aws.codecommit.repositories["shop"]
        self.ids = {}

    def commit(self, name, *parents):
        commit_id = f"{name:0<40}"
        self.ids[name] = commit_id
        above = tuple(self.ids[parent] for parent in parents)
        person = f"{name}@example.com"
        self.known.commits[commit_id] = Commit(commit_id, above, {name: "1"}, f"Commit {name}", person, NOON)

    def between(self, before, after):
        repositories = CodeCommitRepositories(self.aws.client("codecommit"))
        found = repositories.authors_between("shop", self.ids.get(before, ""), self.ids[after])
        return {address.split("@")[0] for address in found}


@pytest.fixture
def history():
    history = History()
    history.commit("a0")
    for name, parents in {"a1": ["a0"], "a2": ["a1"], "a3": ["a2"], "b1": ["a1"], "b2": ["b1"]}.items():
        history.commit(name, *parents)
    history.commit("c1", "a3", "b2")
    return history


def test_authors_of_a_straight_push_are_those_after_its_base(history):
    assert history.between("a1", "a3") == {"a2", "a3"}
    assert history.between("a3", "a3") == set()


def test_a_merge_adds_the_authors_of_the_merged_branch_and_nobody_older(history):
    assert history.between("a3", "c1") == {"c1", "b1", "b2"}


def test_a_rewritten_branch_has_the_authors_of_what_is_new(history):
    assert history.between("a3", "b2") == {"b1", "b2"}


def test_a_push_without_a_base_has_the_people_of_its_commit(history):
    assert history.between("", "b2") == {"b2"}


def test_at_most_a_hundred_commits_are_asked_for(history):
    names = [f"d{number:03}" for number in range(150)]
    history.commit(names[0], "a3")
    for parent, name in pairwise(names):
        history.commit(name, parent)

    assert len(history.between("a3", names[-1])) == 100


def test_a_commit_that_is_gone_ends_its_line(history):
    del history.known.commits[history.ids["a2"]]

    assert history.between("a0", "a3") == {"a3"}


def test_what_is_not_there_is_nothing(history):
    repositories = CodeCommitRepositories(history.aws.client("codecommit"))

    assert repositories.head_of("shop", "none") is None
    assert repositories.head_of("none", "main") is None
    assert repositories.commit("shop", "f" * 40) is None
    assert repositories.default_branch("none") is None
    assert repositories.branches("none") == []
    with pytest.raises(NotFound):
        list(repositories.changed_paths("none", "", "f" * 40))


def test_branches_and_paths_are_read_over_all_pages():
    aws = MemoryAws()
    aws.client("codecommit").create_repository(repositoryName="shop")
    commit = aws.codecommit.push("shop", "main", {f"src/{number:03}": "1" for number in range(250)})
    for number in range(230):
        aws.codecommit.push("shop", f"b{number:03}", commit=commit)
    repositories = CodeCommitRepositories(aws.client("codecommit"))

    assert len(repositories.branches("shop")) == 231
    assert len(list(repositories.changed_paths("shop", "", commit))) == 250


def test_a_message_is_kept_short_and_without_secrets():
    aws = MemoryAws()
    aws.client("codecommit").create_repository(repositoryName="shop")
    commit = aws.codecommit.push("shop", "main", {"a": "1"}, message="token=abcdef\n" + "x" * 5000)

    message = CodeCommitRepositories(aws.client("codecommit")).commit("shop", commit).message

    assert message.startswith("token=***")
    assert len(message) == 1000


@pytest.mark.parametrize(
    ("date", "expected"),
    [("1763812800 +0100", datetime(2025, 11, 22, 12, tzinfo=UTC)), ("", None), ("-5 +0000", None), ("soon", None)],
)
def test_a_commits_time_is_its_committers_or_unknown(date, expected):
    person = {"email": "alice@example.com"}
    commit = {"message": "m", "author": person | {"date": "1 +0000"}, "committer": person | {"date": date}}
    client = SimpleNamespace(get_commit=lambda **_: {"commit": commit})

    assert CodeCommitRepositories(client).commit("shop", "c").committed_at == expected
