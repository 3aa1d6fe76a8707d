import os
from pathlib import Path

import pytest

from buildgate_cli import yaml_positions
from buildgate_cli.yaml_positions import Position, YamlError

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


def refusal(text: str) -> YamlError:
    with pytest.raises(YamlError) as caught:
        yaml_positions.load(text)
    return caught.value


def test_every_value_and_key_has_its_line_and_column() -> None:
    document = yaml_positions.load("name: shop\nstages:\n  - name: test\n    builds: [a, b]\n")

    assert document.data == {"name": "shop", "stages": [{"name": "test", "builds": ["a", "b"]}]}
    assert document.locate(("stages", 0, "builds", 1)) == Position(4, 17)
    assert document.locate(("stages", 0, "builds"), at_key=True) == Position(4, 5)


def test_a_place_the_file_does_not_hold_is_the_nearest_around_it() -> None:
    document = yaml_positions.load("stages:\n  - name: test\n")

    assert document.locate(("stages", 0, "gates", 3)) == Position(2, 5)


def test_plain_scalars_follow_the_core_schema() -> None:
    text = "[yes, no, on, true, ~, 010, 12:30, 2026-01-01, 5, -7, 1.5, 1e3, 0x1F, '5', !!str 5]"

    assert yaml_positions.load(text).data == [
        "yes", "no", "on", True, None, "010", "12:30", "2026-01-01", 5, -7, 1.5, 1000.0, "0x1F", "5", "5",
    ]  # fmt: skip


def test_anchors_and_merge_keys_work_and_own_keys_win() -> None:
    document = yaml_positions.load("base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}\n")

    assert document.data["own"] == {"x": 1, "y": 3}


def test_a_tab_is_named_at_its_place() -> None:
    error = refusal("stages:\n\t- name: test\n")

    assert (error.message, error.position, error.fix) == ("a tab is used for indentation", Position(2, 1), "use spaces")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key 'a' is written twice; first in line 1", 3),
        ("a: 1\n---\nb: 2\n", "the file holds more than one YAML document", 2),
        ("a: *nowhere\n", "the alias *nowhere has no anchor &nowhere before it", 1),
        ("a: !!python/object:os.system x\n", "the tag tag:yaml.org,2002:python/object:os.system is not supported", 1),
        ("? [a]\n: b\n", "a key must be plain text", 1),
        ("a: \x07\n", "a control character is not allowed in YAML", 1),
        ("a: {<<: 3}\n", "a merge key `<<` takes a mapping, or a list of them", 1),
    ],
)
def test_what_is_refused_is_said_with_its_line(text: str, message: str, line: int) -> None:
    error = refusal(text)

    assert (error.message, error.position.line) == (message, line)


@pytest.mark.parametrize("text", ["a: [1, 2\n", "a: b: c\n", "foo\nbar: 1\n", "a: @x\n", "'"])
def test_broken_yaml_is_one_sentence_with_a_place(text: str) -> None:
    assert refusal(text).message.startswith("not valid YAML: ")


def test_a_small_file_cannot_expand_to_a_large_value() -> None:
    assert "expands to, more than 50000 values" in refusal(BOMB).message


def test_deep_nesting_is_refused_before_it_costs_the_stack() -> None:
    assert "deeper than 40 levels" in refusal("[" * 100_000).message


def test_a_large_file_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as stream:
        stream.truncate(4 * 1024**3)

    with pytest.raises(YamlError, match="larger than 1 MiB"):
        yaml_positions.read_text(path)


def test_text_that_is_not_utf8_is_refused_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("name: x\nwho: Jörg\n".encode("latin-1"))

    with pytest.raises(YamlError, match="not UTF-8") as caught:
        yaml_positions.read_text(path)

    assert caught.value.position == Position(2, 7)


def test_a_byte_order_mark_and_windows_lines_are_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: shop\r\nstages: []\r\n")

    assert yaml_positions.load(yaml_positions.read_text(path)).data == {"name": "shop", "stages": []}


def test_an_empty_text_is_a_document_without_data() -> None:
    assert yaml_positions.load("").data is None
    assert yaml_positions.load(f"# only a comment{os.linesep}").data is None
