"""Tests that share what is dear to start are handed to one process."""

from pathlib import Path

from groups import USUAL_SECONDS, group_of, longest_first, unit_of, weights

TESTS = Path(__file__).parents[1]


def test_every_module_that_names_a_group_is_found_to_be_of_it(request):
    named = {
        item.path: mark.args[0] for item in request.session.items for mark in item.iter_markers(name="xdist_group")
    }
    written = {path for path in TESTS.rglob("test_*.py") if "xdist_group(" in path.read_text(encoding="utf-8")}

    assert all(group_of(path) == name for path, name in named.items())
    assert {path for path in written if not group_of(path)} == {Path(__file__)}


def test_what_is_known_to_take_long_begins_first_and_then_what_has_most_tests():
    units = [("few", 1), ("known", 1), ("many", 100), ("longest", 2)]

    assert longest_first(units, {"known": 100 * USUAL_SECONDS + 1, "longest": 90}) == [
        "longest",
        "known",
        "many",
        "few",
    ]


def test_every_weight_is_of_a_group_or_a_module_that_is_there():
    root = TESTS.parent
    units = {unit_of(root, str(path.relative_to(root))) for path in TESTS.rglob("test_*.py")}

    assert set(weights()) <= units
    assert min(weights().values()) > 0
