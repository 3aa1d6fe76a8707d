from datetime import UTC, datetime

import pytest

from buildgate_cli import human

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0ms"),
        (0.85, "850ms"),
        (0.9999, "1.0s"),
        (7.24, "7.2s"),
        (9.96, "10s"),
        (59.6, "1m 00s"),
        (185, "3m 05s"),
        (3600, "1h 00m"),
        (8040, "2h 14m"),
        (86400 * 3 + 3600 * 4, "3d 4h"),
    ],
)
def test_durations_read_as_people_say_them(seconds: float | None, text: str) -> None:
    assert human.duration(seconds) == text


@pytest.mark.parametrize(
    ("micros", "text"),
    [(None, "-"), (0, "$0.00"), (5_000, "$0.0050"), (1_250_000, "$1.250"), (123_456_789_000, "$123,456.79")],
)
def test_dollars_come_from_millionths_and_an_unknown_price_is_not_zero(micros: int | None, text: str) -> None:
    assert human.dollars(micros) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2026-11-22T11:59:58Z", "just now"),
        ("2026-11-22T11:56:00Z", "4m ago"),
        ("2026-11-22T14:10:00+00:00", "in 2h 10m"),
        ("2026-11-20T12:00:00", "2d 0h ago"),
        ("garbage", "-"),
        (None, "-"),
    ],
)
def test_moments_read_relative_to_now(value: str | None, text: str) -> None:
    assert human.ago(value, NOW) == text


def test_elapsed_time_runs_on_until_the_end_is_known() -> None:
    assert human.elapsed("2026-11-22T11:59:00Z", None, NOW) == 60
    assert human.elapsed("2026-11-22T11:59:00Z", "2026-11-22T11:59:30Z", NOW) == 30
    assert human.elapsed(None, None, NOW) is None
    assert human.elapsed("2026-11-22T12:00:05Z", None, NOW) == 0


def test_text_of_strangers_cannot_move_the_cursor_or_turn_the_line_around() -> None:
    assert human.safe("a\x1b[2Jb\r\nc\u202ed\u200b") == "a [2Jb  c d "
