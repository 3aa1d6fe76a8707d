"""Charts and small pictures: what they draw, and what they say to those who do not see them."""

import re

import pytest

from buildgate_cli.console.charts import Series, bars, ticks
from buildgate_cli.console.marks import Beat, history, share, spark, stretch, strip
from buildgate_cli.console.render import price
from buildgate_cli.human import duration, percent


def test_a_strip_counts_its_runs_in_words_and_keeps_empty_places():
    drawn = strip([Beat("FAILED", 10, "<b>"), Beat("SUCCEEDED", 40, "ok"), Beat("SUCCEEDED", 0, "ok")], places=5)

    assert 'aria-label="The last 3 runs: 2 succeeded, 1 failed"' in drawn
    assert drawn.count('class="none"') == 2
    assert "&lt;b&gt;" in drawn
    assert "none yet" in strip([])


def test_small_bars_add_up_and_nothing_is_drawn_of_nothing():
    widths = [float(width) for width in re.findall(r' width="([0-9.]+)"', share({"SUCCEEDED": 6, "FAILED": 2}))]

    assert sum(widths) == 100
    assert share({"SUCCEEDED": 0}) == ""
    assert spark([None, 1.0, None]) == ""


def test_a_stretch_of_time_lies_within_its_axis_and_can_always_be_seen():
    for start, seconds, total in ((0, 0, 0), (0, 1, 100_000), (99, 1, 100), (50, 500, 100), (-3, 5, 10)):
        drawn = stretch(start, seconds, total, "busy")
        x, width = (float(number) for number in re.findall(r'x="([0-9.]+)" width="([0-9.]+)"', drawn)[0])

        assert width >= 0.7
        assert 0 <= x <= x + width <= 100.05


def test_the_history_of_a_case_is_told_in_words_too():
    assert 'aria-label="3 passed, 2 failed, 1 skipped"' in history("..F.Fs")


@pytest.mark.parametrize(
    ("top", "shown", "expected"),
    [
        (3, lambda value: f"{value:.0f}", [0, 1, 2, 3]),
        (1, percent, [0, 0.25, 0.5, 0.75, 1]),
        (270, duration, [0, 120, 240, 360]),
        (0, percent, [0, 1]),
    ],
)
def test_axes_have_few_round_marks_that_read_differently(top, shown, expected):
    assert ticks(top, shown) == expected


@pytest.mark.parametrize(
    ("values", "shown", "expected"),
    [
        ([10_000], price, ["$0.0025", "$0.0050", "$0.0075", "$0.0100"]),
        ([60_000], price, ["$0.02", "$0.04", "$0.06"]),
        ([240], duration, ["1m", "2m", "3m", "4m"]),
        ([1], percent, ["25%", "50%", "75%", "100%"]),
    ],
)
def test_the_marks_of_an_axis_say_exactly_where_they_are(values, shown, expected):
    drawn = bars("x", ["1 Nov"], [Series("s", values)], shown).svg

    assert [word for word in re.findall(r"<text[^>]*>([^<]+)</text>", drawn) if word in expected] == expected
