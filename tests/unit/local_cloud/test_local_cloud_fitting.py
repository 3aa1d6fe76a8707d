"""Seams: each joint is checked before anything is replaced, and what moved is named."""

import sys
import types

import pytest

from buildgate_cli.local.seams.catalogue import SEAMS
from buildgate_cli.local.seams.fitting import EmulatorChangedError, Seam, fit_all


@pytest.fixture
def emulator(monkeypatch):
    module = types.ModuleType("pretend_emulator")
    module.greet = lambda name: f"hello {name}"
    module.TABLE = {"Api": {"create": lambda name, props: (name, props)}}
    monkeypatch.setitem(sys.modules, "pretend_emulator", module)
    return module


def loud(original):
    return lambda name: original(name).upper()


def test_a_function_is_replaced_by_what_its_maker_returns(emulator):
    seam = Seam("greeting")
    seam.replaces("pretend_emulator", "greet", "name")(loud)

    fit_all([seam])

    assert emulator.greet("alice") == "HELLO ALICE"


def test_an_entry_of_a_table_is_replaced(emulator):
    seam = Seam("table")
    seam.replaces_entry("pretend_emulator", "TABLE", ("Api", "create"), "name", "props")(lambda _: lambda *_: "mine")

    fit_all([seam])

    assert emulator.TABLE["Api"]["create"]("a", {}) == "mine"


@pytest.mark.parametrize(
    ("module", "name", "parameters", "told"),
    [
        ("pretend_emulator", "greet", ("person",), "takes (name), not (person)"),
        ("pretend_emulator", "salute", ("name",), "pretend_emulator.salute is gone"),
        ("pretend_emulator", "TABLE", (), "no longer a function"),
        ("no_such_emulator", "greet", ("name",), "no_such_emulator.greet is gone"),
    ],
)
def test_what_moved_is_named_and_nothing_is_replaced(emulator, module, name, parameters, told):
    good, bad = Seam("greeting"), Seam("moved")
    good.replaces("pretend_emulator", "greet", "name")(loud)
    bad.replaces(module, name, *parameters)(loud)

    with pytest.raises(EmulatorChangedError) as changed:
        fit_all([good, bad])

    assert told in str(changed.value)
    assert str(changed.value).startswith("moved: ")
    assert emulator.greet("alice") == "hello alice"


def test_names_a_seam_only_reads_are_checked_too(emulator):
    seam = Seam("reading")
    seam.needs("pretend_emulator", "greet", "_secret_table")

    with pytest.raises(EmulatorChangedError, match="_secret_table is gone"):
        fit_all([seam])


def test_a_missing_key_of_a_table_is_named(emulator):
    seam = Seam("table")
    seam.replaces_entry("pretend_emulator", "TABLE", ("Api", "update"), "name")(loud)

    with pytest.raises(EmulatorChangedError, match=r"TABLE\['Api'\]\['update'\] is gone"):
        fit_all([seam])


def test_each_seam_says_what_it_is_for_and_no_joint_is_cut_twice():
    joints = [str(joint) for seam in SEAMS for joint in seam.joints]

    assert all(seam.topic and (seam.joints or seam.reads) for seam in SEAMS)
    assert len(joints) == len(set(joints))
    assert all(joint.make.__doc__ for seam in SEAMS for joint in seam.joints)
