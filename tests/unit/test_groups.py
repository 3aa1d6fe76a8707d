"""Tests that share what is dear to start are handed to one process."""

from pathlib import Path

from groups import group_of

TESTS = Path(__file__).parents[1]


def test_every_module_that_names_a_group_is_found_to_be_of_it(request):
    named = {
        item.path: mark.args[0] for item in request.session.items for mark in item.iter_markers(name="xdist_group")
    }
    written = {path for path in TESTS.rglob("test_*.py") if "xdist_group(" in path.read_text(encoding="utf-8")}

    assert all(group_of(path) == name for path, name in named.items())
    assert {path for path in written if not group_of(path)} == {Path(__file__)}
