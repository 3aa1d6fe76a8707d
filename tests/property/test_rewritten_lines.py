"""Changed lines of a file agree with git's, and are never fewer than what really changed."""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from buildgate.domain.gates.changed_lines import changed_lines, rewritten_lines

LINES = st.lists(st.sampled_from(["a", "b", "c", "  d", ""]), max_size=30)


@given(LINES, LINES)
def test_what_is_not_named_stands_in_the_former_text_in_the_same_order(before, after):
    new = rewritten_lines(before, after)

    kept = iter(before)
    assert new <= set(range(1, len(after) + 1))
    assert all(line in kept for number, line in enumerate(after, 1) if number not in new)


@given(LINES)
def test_the_same_text_has_no_changed_line_and_a_new_one_has_nothing_else(lines):
    assert rewritten_lines(lines, lines) == frozenset()
    assert rewritten_lines([], lines) == frozenset(range(1, len(lines) + 1))


@given(LINES, LINES)
def test_lines_put_between_are_the_only_changed_ones(before, between):
    middle = len(before) // 2

    new = rewritten_lines(before, [*before[:middle], *between, *before[middle:]])

    assert len(new) == len(between)


@settings(max_examples=25, deadline=None)
@given(before=LINES, after=LINES)
def test_as_many_lines_as_gits_own_minimal_comparison_names(tmp_path_factory, before, after):
    folder = tmp_path_factory.mktemp("diff")
    for name, lines in (("before", before), ("after", after)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    command = ["git", "diff", "--no-index", "--unified=0", "--minimal", "--no-color", "before", "after"]
    diff = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout

    gits = sum(len(numbers) for numbers in changed_lines(diff.split("\n")).values())

    assert len(rewritten_lines(before, after)) == gits


def test_a_middle_too_large_to_compare_counts_as_rewritten_as_a_whole():
    before = ["first", *(f"line {number}" for number in range(20_000)), "last"]
    after = ["first", *(f"line {number}" for number in range(19_999, -1, -1)), "last"]

    assert rewritten_lines(before, after) == frozenset(range(2, 20_002))
