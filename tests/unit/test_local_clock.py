"""The clock of a local cloud that tests put forward and back, tried in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from buildgate_cli.local import clock

PROGRAM = """
from buildgate_cli.local.clock import loosen
from datetime import datetime as real
loosen()
import pickle, time
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
now = datetime.now(UTC)
told = [now.timestamp(), time.time(), time.time_ns() / 1e9, datetime.utcnow().replace(tzinfo=UTC).timestamp()]
told += [parsedate_to_datetime(formatdate()).timestamp(), time.mktime(time.localtime()), datetime.today().timestamp()]
assert isinstance(real.now(UTC), datetime) and issubclass(real, datetime) and not isinstance("text", datetime)
assert pickle.loads(pickle.dumps(now)) == now and type(now - real.now(UTC)).__name__ == "timedelta"
class Own(datetime):
    pass
assert not isinstance(now, Own) and isinstance(Own.now(UTC), datetime)
print(min(told), max(told))
"""


def told(**variables: str) -> tuple[float, float]:
    environment = {**os.environ, "TZ": "UTC", **variables}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    low, high = map(float, done.stdout.split())
    return low, high


def test_a_process_that_asks_for_it_lives_by_the_clouds_clock_in_every_way_to_ask_the_time(tmp_path, monkeypatch):
    monkeypatch.setenv(clock.SWITCH, "1")
    (tmp_path / clock.CLOCK_FILE).write_text("-7200")

    low, high = told(**clock.variables(tmp_path))

    expected = datetime.now(UTC).timestamp() - 7200
    assert expected - 60 < low <= high < expected + 60


def test_nothing_is_replaced_where_nobody_asked_for_it(tmp_path, monkeypatch):
    monkeypatch.delenv(clock.SWITCH, raising=False)

    assert clock.variables(tmp_path) == {}
    assert not clock.is_loose()


def test_the_services_read_a_shift_that_is_there_and_no_other(tmp_path):
    now = clock.clock_of(tmp_path)
    before = now()
    (tmp_path / clock.CLOCK_FILE).write_text("7200")

    assert now() - before > timedelta(hours=1, minutes=59)
    (tmp_path / clock.CLOCK_FILE).write_text("nonsense")
    assert now() - before < timedelta(minutes=1)
