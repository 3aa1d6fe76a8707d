"""The home of a local cloud: private, locked, and true to its ports and keys."""

import json
import socket

import pytest

from buildgate_cli.errors import UserError
from buildgate_cli.local.background import running, stop_running
from buildgate_cli.local.state import Home


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def test_the_home_is_for_its_owner_only(home):
    home.keys()

    assert home.path.stat().st_mode & 0o777 == 0o700
    assert (home.path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_keys_are_random_and_remembered(home, tmp_path):
    other = Home(tmp_path / "other")
    other.prepare()

    assert home.keys() == Home(home.path).keys()
    assert home.keys() != other.keys()
    assert home.keys().access_key_id.startswith("AKIA")
    assert len(home.keys().access_key_id) == 20


def test_ports_are_free_different_and_remembered(home):
    ports = home.ports()

    assert len(set(ports.values())) == 4
    assert Home(home.path).ports() == ports


def test_a_remembered_port_that_is_taken_is_an_error_with_its_remedy(home):
    ports = home.ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", ports["front"]))
        other.listen()

        with pytest.raises(UserError, match=f"Port {ports['front']} .* in use") as refused:
            home.ports()

    assert "ports.json" in refused.value.fix


def test_one_home_runs_one_cloud(home):
    with home.locked():
        assert home.is_locked()

        with pytest.raises(UserError, match="already runs"), Home(home.path).locked():
            pass

    assert not home.is_locked()


def test_the_description_of_a_killed_cloud_is_not_taken_for_a_running_one(home):
    home.write("cloud.json", {"pid": 1})

    assert running(home) is None
    assert not home.cloud_file.exists()
    assert stop_running(home) is False


def test_files_are_written_whole_or_not_at_all(home):
    home.write("inbox/a.json", {"a": 1})

    with pytest.raises(TypeError):
        home.write("inbox/a.json", {"a": object()})

    assert json.loads((home.inbox / "a.json").read_text()) == {"a": 1}


def test_a_home_that_cannot_be_written_is_named_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(UserError, match="cannot write") as refused:
        Home(tmp_path / "file" / "home").prepare()

    assert "--home" in refused.value.fix


def test_what_handlers_left_is_swept_but_links_are_not_followed(home, tmp_path):
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("x")
    (home.path / "tmp" / "link").symlink_to(kept)
    (home.path / "tmp" / "folder").mkdir()
    (home.path / "tmp" / "folder" / "file").write_text("x")

    home.sweep()

    assert list((home.path / "tmp").iterdir()) == []
    assert (kept / "file").exists()


def test_a_log_that_has_grown_starts_anew(home, monkeypatch):
    monkeypatch.setattr("buildgate_cli.local.state.LOG_LIMIT_BYTES", 10)
    home.log.write_text("x" * 11)

    with home.appending(home.log) as log:
        log.write(b"new")

    assert home.log.read_text() == "new"
    assert home.log.with_suffix(".log.1").read_text() == "x" * 11
