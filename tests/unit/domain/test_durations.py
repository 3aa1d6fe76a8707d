import pytest

from buildgate.domain.durations import minutes_of, seconds_of, text_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("30m", 1800), ("24h", 86_400), ("2d", 172_800), ("1h30m", 5400), (" 5m ", 300), ("0s", 0)],
)
def test_lengths_of_time_read_as_seconds(text: str, seconds: int) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "30m1h", "1.5h", "-5m", "5 m", "5min", "٣m", "9" * 5000 + "m"])
def test_what_is_no_length_of_time_is_none(text: str) -> None:
    assert seconds_of(text) is None


def test_a_started_minute_counts_whole() -> None:
    assert (minutes_of("90s"), minutes_of("60s"), minutes_of("1s"), minutes_of("x")) == (2, 1, 1, None)


@pytest.mark.parametrize("minutes", [0, 1, 59, 60, 90, 1440, 1501, 129_600])
def test_minutes_survive_being_written_and_read(minutes: int) -> None:
    assert minutes_of(text_of(minutes)) == minutes


def test_minutes_are_written_as_short_as_they_can_be() -> None:
    assert [text_of(n) for n in (0, 30, 90, 1440, 1530)] == ["0m", "30m", "1h30m", "1d", "1d1h30m"]
