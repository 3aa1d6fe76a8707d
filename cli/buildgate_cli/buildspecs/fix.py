"""Mends a buildspec in place: only the characters of a finding change, so comments, order and layout stay.

Each edit replaces a range of the text. Edits are made only where the meaning that the author had in mind is certain;
everything else stays for a person.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from buildgate_cli.buildspecs import tree
from buildgate_cli.buildspecs.context import Context
from buildgate_cli.buildspecs.lint import lint
from buildgate_cli.buildspecs.model import BuildspecError
from buildgate_cli.buildspecs.reading import read

FIXABLE = {
    "BS107": "writes the phase name that was meant",
    "BS108": "puts quotes around the command",
    "BS201": "writes the key that was meant, where only `-`, `_` or letter case differ",
    "BS205": "makes a list of the single text",
    "BS210": "writes the phase in lower case",
    "BS214": "takes the quotes off the version",
    "BS302": "puts quotes around the version",
}
_MEANT = re.compile(r"Did you mean `([^`]+)`\?")
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters from `begin` to `end` by `text`; `code` is the finding that this mends."""

    code: str
    begin: int
    end: int
    text: str


class _Collector:
    """Turns problems into edits, next to what they are about."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.edits: dict[int, Edit] = {}

    def add(self, code: str, node: tree.Node | None, message: str, *, fix: str = "", refusal: str = "") -> None:
        if node is not None and code in FIXABLE:
            edit = _edit(code, node, fix, self._text)
            if edit is not None:
                self.edits.setdefault(edit.begin, edit)


def fix(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the mended text and the codes of what was mended, one for each edit.

    Text that is no YAML, or a template, is returned as it is. Fixing twice changes nothing more.
    """
    mended = text
    codes: list[str] = []
    for _ in range(_ROUNDS):
        better, found = _fix_once(mended)
        if better == mended:
            break
        mended = better
        codes += found
    return mended, tuple(codes)


def _fix_once(text: str) -> tuple[str, list[str]]:
    if any(finding.code == "BS901" for finding in lint(text)):
        return text, []
    collector = _Collector(text)
    try:
        document = tree.parse(text)
    except BuildspecError:
        return text, []
    context = Context(collector)
    read(context, document)
    _value_edits(context, collector)
    mended, last, codes = text, len(text) + 1, []
    for edit in sorted(collector.edits.values(), key=lambda one: one.begin, reverse=True):
        if edit.end <= last:
            mended = mended[: edit.begin] + edit.text + mended[edit.end :]
            last = edit.begin
            codes.append(edit.code)
    return (mended, codes[::-1]) if _is_better(text, mended) else (text, [])


def _is_better(text: str, mended: str) -> bool:
    """Whether the edits took errors away, or changed nothing for the worse."""

    def errors(one: str) -> int:
        return sum(finding.severity == "error" for finding in lint(one))

    return errors(mended) <= errors(text)


def _value_edits(context: Context, collector: _Collector) -> None:
    version = context.places.version
    if context.places.batch is not None and isinstance(version, tree.Scalar) and version.style in {"'", '"'}:
        collector.add("BS214", version, "")
    for entry in context.places.runtimes:
        if tree.is_plain(entry.node) and re.fullmatch(r"\d+\.\d*[1-9]0+", entry.text):
            collector.add("BS302", entry.node, "")


def _edit(code: str, node: tree.Node, said: str, text: str) -> Edit | None:
    begin, end = _range(node, text)
    raw = text[begin:end]
    if code in {"BS107", "BS201"}:
        meant = _MEANT.search(said)
        if meant is None or raw.strip("'\"") == meant[1] or not _same_letters(raw, meant[1]):
            return None
        return Edit(code, begin, begin + len(raw.rstrip()), meant[1])
    if code == "BS210":
        return Edit(code, begin, end, raw.lower())
    if code == "BS214":
        return Edit(code, begin, end, raw.strip("'\""))
    if code == "BS302":
        return Edit(code, begin, end, f'"{raw}"')
    if code == "BS205":
        return _list_edit(node, begin, end, text)
    return _command_edit(node, begin, text)


def _same_letters(raw: str, meant: str) -> bool:
    def letters(one: str) -> str:
        return re.sub(r"[-_ ]", "", one.strip().strip("'\"").lower())

    return letters(raw) == letters(meant)


def _range(node: tree.Node, text: str) -> tuple[int, int]:
    """Return where a node stands in the text. libyaml counts characters of a text without a byte order mark."""
    shift = 1 if text.startswith("\ufeff") else 0
    return tree.index_of(node) + shift, tree.end_index_of(node) + shift


def _list_edit(node: tree.Node, begin: int, end: int, text: str) -> Edit | None:
    if not isinstance(node, tree.Scalar) or node.style in {"|", ">"} or "\n" in text[begin:end]:
        return None
    line_start = text.rfind("\n", 0, begin) + 1
    before = text[line_start:begin]
    indent = re.match(r"[ \t]*(?:- +)*", before)
    if "{" in before or "[" in before or indent is None:
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    return Edit(
        "BS205", line_start + len(before.rstrip()), end, newline + " " * (len(indent[0]) + 2) + "- " + text[begin:end]
    )


def _command_edit(node: tree.Node, begin: int, text: str) -> Edit | None:
    """Quote a one-line command that its colon made a mapping of."""
    line_end = text.find("\n", begin)
    line = text[begin:] if line_end < 0 else text[begin:line_end]
    command = line.rstrip("\r").rstrip()
    following = text[line_end + 1 :] if line_end >= 0 else ""
    next_line = next((one for one in following.split("\n") if one.strip()), "")
    dash = text[text.rfind("\n", 0, begin) + 1 : begin]
    if not re.fullmatch(r"[ \t]*-[ \t]+", dash) or not isinstance(node, tree.Mapping) or command[:1] in "{[&*!|>":
        return None
    if len(next_line) - len(next_line.lstrip()) > len(dash) - len(dash.lstrip()):
        return None  # the command has more lines: a person must look
    if " #" in command:
        return None
    quoted = "'" + command.replace("'", "''") + "'" if "'" not in command else json.dumps(command, ensure_ascii=False)
    return Edit("BS108", begin, begin + len(command), quoted)
