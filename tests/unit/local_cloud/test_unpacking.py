"""Archives of handlers' code: unpacked once for every content, and found where the emulator unpacks them."""

import zipfile

import pytest

from buildgate_cli.local.seams.unpacking import Unpacked, _Zipfile


@pytest.fixture
def unpacking(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return _Zipfile(Unpacked())


def archive(path, **files):
    with zipfile.ZipFile(path, "w") as made:
        for name, text in files.items():
            made.writestr(f"python/{name}.py", text)
    return str(path)


def unpack(unpacking, path, folder):
    folder.mkdir()
    with unpacking.ZipFile(path) as opened:
        names = opened.namelist()
        opened.extractall(str(folder))
    return names, (folder / "python/code.py")


def test_the_same_content_is_unpacked_and_its_names_are_checked_once(unpacking, tmp_path):
    first, second = archive(tmp_path / "1.zip", code="x = 1"), archive(tmp_path / "2.zip", code="x = 1")

    names, file = unpack(unpacking, first, tmp_path / "1")
    names_again, again = unpack(unpacking, second, tmp_path / "2")

    assert (names, names_again) == (["python/code.py"], [])
    assert file.read_text() == again.read_text() == "x = 1"
    assert file.samefile(again)


def test_changed_content_is_unpacked_beside_it(unpacking, tmp_path):
    _, file = unpack(unpacking, archive(tmp_path / "1.zip", code="x = 1"), tmp_path / "1")
    _, other = unpack(unpacking, archive(tmp_path / "2.zip", code="x = 2"), tmp_path / "2")

    assert (file.read_text(), other.read_text()) == ("x = 1", "x = 2")


def test_a_broken_archive_is_refused_as_ever(unpacking, tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"no archive")

    with pytest.raises(unpacking.BadZipFile):
        unpacking.ZipFile(str(tmp_path / "broken.zip"))
