"""What repositories promise: commits, branches, changes and owners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from buildgate.adapters.code_owners import RepositoryOwners
from buildgate.adapters.codecommit import CodeCommitRepositories
from buildgate.domain.builds import BuildHead, BuildStatus, Owner
from buildgate.domain.errors import NotFound
from buildgate.domain.runs import Run
from buildgate.ports import Repositories
from buildgate.usecases.collect_tests import TestOwners
from buildgate.usecases.gate_ports import LineChanges
from contract.cases import SLOT, Cloud, case
from run_records import NOON, run


def repositories(cloud: Cloud) -> CodeCommitRepositories:
    return CodeCommitRepositories(cloud.client("codecommit"))


@case(Repositories)
def commits_are_read_with_their_people_and_parents(cloud: Cloud) -> None:
    repository = cloud.repository()
    first = cloud.commit(repository, {"a": "1"}, message="Add a\n\nBecause.")
    second = cloud.commit(repository, {"a": "2"})

    found = repositories(cloud).commit(repository, first)
    assert (found.commit, found.message, found.authors) == (first, "Add a\n\nBecause.", ("alice@example.com",))
    assert (found.parents, repositories(cloud).commit(repository, second).parents) == ((), (first,))
    assert repositories(cloud).commit(repository, "0" * 40) is None


@case(Repositories)
def branches_have_heads_and_one_is_the_default(cloud: Cloud) -> None:
    repository = cloud.repository()
    assert repositories(cloud).default_branch(repository) is None
    first = cloud.commit(repository, {"a": "1"})
    second = cloud.commit(repository, {"a": "2"}, branch="feature/a")

    assert repositories(cloud).default_branch(repository) == "main"
    assert repositories(cloud).head_of(repository, "main") == first
    assert repositories(cloud).head_of(repository, "feature/a") == second
    assert repositories(cloud).head_of(repository, "nope") is None
    assert sorted(repositories(cloud).branches(repository)) == ["feature/a", "main"]


@case(Repositories)
def a_repository_that_is_not_there_has_nothing(cloud: Cloud) -> None:
    assert repositories(cloud).default_branch("nobody-has-this") is None
    assert repositories(cloud).head_of("nobody-has-this", "main") is None
    assert list(repositories(cloud).branches("nobody-has-this")) == []


@case(Repositories)
def changed_paths_are_those_of_both_sides(cloud: Cloud) -> None:
    repository = cloud.repository()
    first = cloud.commit(repository, {"a": "1", "b/c": "1", "stays": "1"})
    second = cloud.commit(repository, {"a": "2", "b/c": None, "new name.txt": "1"})

    assert sorted(repositories(cloud).changed_paths(repository, first, second)) == ["a", "b/c", "new name.txt"]
    assert sorted(repositories(cloud).changed_paths(repository, "", first)) == ["a", "b/c", "stays"]
    assert list(repositories(cloud).changed_paths(repository, second, second)) == []


@case(Repositories)
def more_changes_than_a_page_holds_are_all_told(cloud: Cloud) -> None:
    repository = cloud.repository()
    first = cloud.commit(repository, {"a": "1"})
    second = cloud.commit(repository, {f"f{number:04}": "1" for number in range(1_050)})

    assert len(set(repositories(cloud).changed_paths(repository, first, second))) == 1_050


@case(Repositories)
def a_commit_that_is_not_there_cannot_be_compared(cloud: Cloud) -> None:
    repository = cloud.repository()
    first = cloud.commit(repository, {"a": "1"})

    with pytest.raises(NotFound):
        list(repositories(cloud).changed_paths(repository, "0" * 40, first))


@case(Repositories)
def authors_are_those_since_the_base(cloud: Cloud) -> None:
    repository = cloud.repository()
    commits = [cloud.commit(repository, {"a": str(number)}) for number in range(3)]

    assert repositories(cloud).authors_between(repository, commits[0], commits[2]) == ("alice@example.com",)
    assert repositories(cloud).authors_between(repository, "", commits[0]) == ("alice@example.com",)
    assert repositories(cloud).authors_between(repository, commits[2], commits[2]) == ()


@case(LineChanges)
def changed_lines_are_the_new_and_the_rewritten_ones(cloud: Cloud) -> None:
    repository = cloud.repository()
    first = cloud.commit(repository, {"a.py": "one\ntwo\nthree\n", "data": "\0binary"})
    second = cloud.commit(repository, {"a.py": "one\n2\nthree\nfour\n", "data": "\0other", "b.py": "new\n"})

    found = repositories(cloud).changed_lines(repository, first, second)
    assert (found.lines, found.unread) == ({"a.py": frozenset({2, 4}), "b.py": frozenset({1})}, ())


class Opened:
    """The run that a build belongs to, as the table would have it."""

    def __init__(self, repository: str, commit: str) -> None:
        self._run = run(source=replace(run().source, repository=repository, commit=commit))

    def run(self, _: str) -> Run:
        return self._run


@case(TestOwners)
def owners_of_cases_are_those_of_the_commit_that_was_built(cloud: Cloud) -> None:
    repository = cloud.repository()
    before = cloud.commit(repository, {"a": "1"})
    commit = cloud.commit(repository, {"CODEOWNERS": "* @team-a\n/shop/ @team-b\n"})
    cloud.commit(repository, {"CODEOWNERS": "* @team-c\n"})
    built = BuildHead("shop-unit:1", "shop-unit", BuildStatus.SUCCEEDED, NOON, slot=SLOT, owner=Owner("team-d", ""))

    def asked(which: str) -> Mapping[str, str]:
        return RepositoryOwners(cloud.client("codecommit"), Opened(repository, which)).of(built, ["shop/test_a.py"])

    assert asked(commit) == {"shop/test_a.py": "@team-b"}
    assert asked(before) == {"shop/test_a.py": "team-d"}
