"""The promises of the ports beyond the stores, on the in-memory AWS and on moto; the local cloud adds its own elsewhere.

What either has not is listed, with why; each entry is tried all the same, so that the list cannot grow old.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from moto import mock_aws

from buildgate import ports, usecases
from buildgate.adapters.memory import MemoryAws
from buildgate.adapters.system import SystemClock, SystemRandomness
from contract import history_store_cases, lane_store_cases, port_cases, store_cases
from contract.emulated_clouds import CONFIG, MEMORY_LACKS, InMemory, Moto
from contract.port_cases import CASES, Case

_NO_COMMITS = "its CodeCommit has repositories without commits, branches and differences"
MOTO_LACKS = {
    "a_build_says_for_which_slot_it_was_started": "its builds have no variables",
    "the_same_order_is_the_same_build": "it takes no notice of idempotencyToken",
    "another_order_under_the_same_token_is_refused": "it takes no notice of idempotencyToken",
    "builds_are_listed_newest_first": "it takes no notice of sortOrder",
    "a_build_that_runs_is_stopped_and_one_that_ended_left_alone": "its builds have ended when they are first looked at",
    "what_is_not_there_is_missing": "BatchGetProjects does not name the projects that it did not find",
    "a_task_that_went_on_cannot_fail": "SendTaskFailure takes the token of a task that went on",
    "commits_are_read_with_their_people_and_parents": _NO_COMMITS,
    "branches_have_heads_and_one_is_the_default": _NO_COMMITS,
    "a_repository_that_is_not_there_has_nothing": _NO_COMMITS,
    "changed_paths_are_those_of_both_sides": _NO_COMMITS,
    "more_changes_than_a_page_holds_are_all_told": _NO_COMMITS,
    "a_commit_that_is_not_there_cannot_be_compared": _NO_COMMITS,
    "authors_are_those_since_the_base": _NO_COMMITS,
    "changed_lines_are_the_new_and_the_rewritten_ones": _NO_COMMITS,
    "owners_of_cases_are_those_of_the_commit_that_was_built": _NO_COMMITS,
    "reports_that_are_gone_have_no_cases": "it has no BatchGetReports",
    "artifacts_of_a_build_are_read": "its builds run nothing, so that they leave nothing",
    "inspector_shows_what_it_found_and_is_clean_about_nothing_else": "it has no ListCoverage",
    "servers_are_asked_with_tokens_of_secrets_manager": "it is not on this machine, whose servers may then not be asked",
}


@pytest.fixture(scope="module")
def clouds() -> Iterator[Mapping[str, Any]]:
    with mock_aws(config=CONFIG):
        yield {"memory": InMemory(), "moto": Moto()}


@pytest.mark.parametrize("one", [one for one in CASES if one.name not in MEMORY_LACKS], ids=lambda one: one.name)
def test_ports_keep_their_promises_in_memory(clouds, one: Case):
    one.check(clouds["memory"])


@pytest.mark.parametrize("one", [one for one in CASES if one.name not in MOTO_LACKS], ids=lambda one: one.name)
def test_ports_keep_their_promises_on_moto(clouds, one: Case):
    one.check(clouds["moto"])


@pytest.mark.parametrize(
    ("cloud", "name"), [*(("memory", name) for name in MEMORY_LACKS), *(("moto", name) for name in MOTO_LACKS)]
)
def test_what_a_cloud_is_said_to_lack_it_lacks(clouds, cloud, name):
    (one,) = [one for one in CASES if one.name == name]

    with pytest.raises((Exception, pytest.fail.Exception)):
        one.check(clouds[cloud])


def protocols() -> Iterator[type]:
    found_in = [
        importlib.import_module(one.name) for one in pkgutil.iter_modules(usecases.__path__, "buildgate.usecases.")
    ]
    for module in (ports, *found_in):
        for _, found in inspect.getmembers(module, inspect.isclass):
            if found.__module__ == module.__name__ and getattr(found, "_is_protocol", False):
                yield found


@pytest.mark.parametrize("port", sorted(protocols(), key=lambda port: port.__name__), ids=lambda port: port.__name__)
def test_every_member_of_every_port_is_called_by_a_case(port):
    """Whoever adds a member to a port adds a promise about it."""
    told = "".join(
        inspect.getsource(one)
        for one in (*store_cases.MODULES, lane_store_cases, history_store_cases, *port_cases.MODULES)
    )
    told += inspect.getsource(test_time_and_chance)

    members = [name for name, _ in inspect.getmembers(port, inspect.isfunction) if not name.startswith("_")]

    assert members
    assert [name for name in members if f".{name}(" not in told] == []


def test_time_and_chance():
    clock, randomness, memory = SystemClock(), SystemRandomness(), MemoryAws()

    assert {one.now().utcoffset() for one in (clock, memory.clock)} == {timedelta(0)}
    assert [len(one.random_bytes(32)) for one in (randomness, memory.randomness)] == [32, 32]
    assert randomness.random_bytes(32) != randomness.random_bytes(32)
