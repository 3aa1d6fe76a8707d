"""Groups of version 2, on folders that behave as the kernel's do: what is not enabled above has no limit below.

What they do to processes is tried where the machine allows it (`test_build_groups.py`).
"""

import errno
import os
import shutil
from pathlib import Path

import pytest

from buildgate_cli.local.agent import cgroups

OFFERED = ("cpu", "memory", "pids")
LIMITS = {"memory": ("memory.max", "memory.swap.max", "memory.oom.group", "memory.events"), "pids": ("pids.max",)}


class KernelPath(type(Path())):
    """A path in a fake cgroup2: files appear with their folder, and only the kernel makes them (cgroup-v2.rst)."""

    def mkdir(self, *_):
        """Make a group: it has the limits that its parent lets it have."""
        super().mkdir()
        enabled = (self.parent / "cgroup.subtree_control").read_text().split()
        files = {"cgroup.procs": "", "cgroup.subtree_control": "", "cgroup.controllers": " ".join(enabled)}
        for name in (*files, *(one for controller in enabled for one in LIMITS.get(controller, ()))):
            Path(self, name).write_text(files.get(name, ""))

    def write_text(self, text):
        if not self.exists():
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        if self.name != "cgroup.subtree_control":
            return super().write_text(text)
        is_root = not (self.parent.parent / "cgroup.procs").exists()
        if not is_root and (self.parent / "cgroup.procs").read_text():
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        wanted = [name.removeprefix("+") for name in text.split()]
        if not set(wanted) <= set((self.parent / "cgroup.controllers").read_text().split()):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return super().write_text(" ".join(sorted({*self.read_text().split(), *wanted})))

    def rmdir(self):
        """Take a group away, with its files: not while it has processes or groups in it."""
        if not self.exists():
            raise FileNotFoundError(self)
        if any(one.is_dir() for one in self.iterdir()) or Path(self, "cgroup.procs").read_text():
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        shutil.rmtree(self)


@pytest.fixture
def top(tmp_path, monkeypatch):
    """Return the root of a hierarchy in which nobody has enabled anything, as without systemd."""
    monkeypatch.setattr(cgroups, "Path", KernelPath)
    folder = KernelPath(tmp_path / "top")
    Path(folder).mkdir()
    for name, text in {
        "cgroup.procs": "1\n2",
        "cgroup.subtree_control": "",
        "cgroup.controllers": " ".join(OFFERED),
    }.items():
        Path(folder, name).write_text(text)
    return folder


def place(folder):
    return cgroups.Place(2, str(folder), str(folder))


def test_a_group_is_limited_where_nobody_has_enabled_its_limits_before(top):
    group = place(top).make("one", memory_bytes=4096, processes=7)

    written = {name: (top / "one" / name).read_text() for name in ("memory.max", "memory.swap.max", "pids.max")}
    assert written == {"memory.max": "4096", "memory.swap.max": "0", "pids.max": "7"}
    assert (top / "one" / "memory.oom.group").read_text() == "1"
    assert (top / "cgroup.subtree_control").read_text() == "memory pids"
    assert [path.name for path in group.folders] == ["one"]
    assert (top / "one" / "build" / "cgroup.procs").read_text() == ""


def test_what_is_enabled_already_stays_and_is_not_written_again(top):
    Path(top, "cgroup.subtree_control").write_text("cpu memory pids")
    Path(top, "cgroup.controllers").write_text("")

    place(top).make("one", memory_bytes=None, processes=7)

    assert (top / "cgroup.subtree_control").read_text() == "cpu memory pids"
    assert (top / "one" / "memory.max").read_text() == ""


def test_a_group_that_has_processes_of_its_own_lets_no_other_be_limited_and_nothing_is_left(top):
    Path(top, "cgroup.subtree_control").write_text("memory pids")
    (top / "mine").mkdir()
    Path(top, "mine", "cgroup.procs").write_text("77")

    with pytest.raises(OSError, match="Device or resource busy"):
        place(top / "mine").make("one", memory_bytes=4096, processes=7)

    assert not (top / "mine" / "one").exists()


def test_a_hierarchy_without_the_controllers_says_so_and_nothing_is_left(top):
    Path(top, "cgroup.controllers").write_text("cpu")

    with pytest.raises(OSError, match="No such file or directory"):
        place(top).make("one", memory_bytes=4096, processes=7)

    assert not (top / "one").exists()


def test_a_process_is_put_in_seen_and_the_kernels_count_is_told(top):
    group = place(top).make("one", memory_bytes=4096, processes=7)
    membership = cgroups.Membership(group)

    membership.take(4321)
    before = membership.passed()
    Path(top, "one", "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\noom_group_kill 1\n")

    assert group.processes() == [4321]
    assert (before, membership.passed()) == (None, "MEMORY_LIMIT")
    membership.close()


def test_a_group_is_taken_away_inner_first(top):
    group = place(top).make("one", memory_bytes=4096, processes=7)

    group.remove()
    group.remove()

    assert not (top / "one").exists()
