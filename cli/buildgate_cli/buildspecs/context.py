"""What every reader of a part of a buildspec needs: a place for problems, and ways to take nodes apart.

Reading is lenient where CodeBuild is lenient: a single text counts as a list of one, an empty key as absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from buildgate_cli.buildspecs import tree
from buildgate_cli.buildspecs.nearest import misplaced, nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


class Problems(Protocol):
    """Where problems go. `refusal` is CodeBuild's own wording when it is known and differs from `message`."""

    def add(self, code: str, node: tree.Node | None, message: str, *, fix: str = "", refusal: str = "") -> None: ...


@dataclass(frozen=True, slots=True)
class Command:
    """One command where it stands. `part` is `commands` or `finally`."""

    phase: str
    part: str
    index: int
    text: str
    node: tree.Scalar


@dataclass(frozen=True, slots=True)
class Entry:
    """A name with its text and where both stand."""

    name: str
    text: str
    key: tree.Node
    node: tree.Node


_QUOTE = "Write one text, in quotes where it holds `: ` or begins with one of `[{*&@%`."


@dataclass(slots=True)
class Places:
    """Where the parts of a buildspec stand, for checks that look at values."""

    version: tree.Node | None = None
    commands: list[Command] = field(default_factory=list)
    variables: list[Entry] = field(default_factory=list)
    parameters: list[Entry] = field(default_factory=list)
    secrets: list[Entry] = field(default_factory=list)
    exported: list[Entry] = field(default_factory=list)
    runtimes: list[Entry] = field(default_factory=list)
    reports: dict[str, tree.Node] = field(default_factory=dict)
    report_files: list[Entry] = field(default_factory=list)
    based: list[tuple[str, list[Entry]]] = field(default_factory=list)  # a base directory with the files below it
    batch: tree.Node | None = None
    cache: tree.Node | None = None
    post_build: tree.Node | None = None


@dataclass(slots=True)
class Context:
    """The problems and places of one reading."""

    problems: Problems
    places: Places = field(default_factory=Places)
    guesses_left: int = 100  # comparing names is slow, and nobody reads the hundred-and-first guess

    def add(self, code: str, node: tree.Node | None, message: str, *, fix: str = "", refusal: str = "") -> None:
        self.problems.add(code, node, message, fix=fix, refusal=refusal)

    def mapping(self, node: tree.Node, where: str) -> Iterator[tuple[str, tree.Node, tree.Node]]:
        """Yield (key, key node, value) of a mapping; anything else is a problem and yields nothing."""
        if not isinstance(node, tree.Mapping):
            if tree.is_null(node):
                self.add("BS204", node, f"`{where}` is empty", fix="Fill it in, or remove the key.")
            else:
                self.add(
                    "BS103",
                    node,
                    f"`{where}` must be a mapping of keys to values, not {tree.kind_of(node)}",
                    fix="Write `key: value` lines, indented below it.",
                )
            return
        self._check_duplicates(node, where)
        last = {}
        for key, scalar, key_node, value in tree.entries(node):
            if scalar is None:
                self.add("BS201", key_node, f"a key of `{where}` is {tree.kind_of(key_node)}, and is ignored")
            else:
                last[key] = (key, key_node, value)
        yield from last.values()

    def _check_duplicates(self, node: tree.Mapping, where: str) -> None:
        seen: dict[str, tree.Node] = {}
        for key, _value in node.value:
            if not isinstance(key, tree.Scalar) or (key.value == "<<" and not key.style):
                continue
            first = seen.setdefault(key.value, key)
            if first is not key:
                self.add(
                    "BS203",
                    key,
                    f"`{key.value}` is already there at line {tree.line_of(first)}; only the last one counts",
                    fix=f"Merge the two `{key.value}` keys of `{where}` into one.",
                )

    def texts(self, node: tree.Node, where: str) -> list[tuple[str, tree.Scalar]]:
        """Return the texts of a list, without empty items; one text counts as a list of one."""
        if isinstance(node, tree.Scalar):
            if tree.is_null(node):
                self.add("BS204", node, f"`{where}` is an empty list", fix="Add items, or remove the key.")
                return []
            self.add(
                "BS205",
                node,
                f"`{where}` is a single text where a list belongs",
                fix="Write it as a list item: a line that starts with `- `.",
            )
            return [(tree.text_of(node), node)]
        if not isinstance(node, tree.Sequence):
            self.add("BS103", node, f"`{where}` must be a list, not {tree.kind_of(node)}", fix="Write `- item` lines.")
            return []
        if not node.value:
            self.add("BS204", node, f"`{where}` is an empty list", fix="Add items, or remove the key.")
        return list(self._items(node, where))

    def _items(self, node: tree.Sequence, where: str) -> Iterator[tuple[str, tree.Scalar]]:
        for index, item in enumerate(node.value):
            if not isinstance(item, tree.Scalar):
                self.add("BS103", item, f"`{where}[{index}]` must be text, not {tree.kind_of(item)}", fix=_QUOTE)
            elif tree.is_null(item):
                self.add("BS204", item, f"`{where}[{index}]` is empty", fix="Remove the lone dash.")
            else:
                yield tree.text_of(item), item

    def text(self, node: tree.Node, where: str) -> str | None:
        """Return a single text; None for nothing, and for a list or mapping, which is a problem."""
        if isinstance(node, tree.Scalar):
            return None if tree.is_null(node) else str(node.value)
        self.add("BS103", node, f"`{where}` must be text, not {tree.kind_of(node)}", fix=_QUOTE)
        return None

    def switch(self, node: tree.Node, where: str) -> bool | None:
        """Return a yes or no; None for nothing, and for any other text, which is a problem."""
        text = self.text(node, where)
        if text is None or "$" in text:
            return None
        value = tree.switch_of(text)
        if value is None:
            self.add(
                "BS309", node, f"`{where}` is `{text}`, and only yes and no mean something", fix="Write yes or no."
            )
        return value

    def named_texts(self, node: tree.Node, where: str) -> list[Entry]:
        """Return the entries of a mapping of names to texts."""
        found = []
        for name, key, value in self.mapping(node, where):
            if isinstance(value, tree.Scalar):
                found.append(Entry(name, tree.text_of(value), key, value))
            else:
                self.add("BS103", value, f"`{where}/{name}` must be text, not {tree.kind_of(value)}", fix=_QUOTE)
        return found

    def unknown(self, key: str, node: tree.Node, known: Collection[str], where: str) -> None:
        """Report a key that CodeBuild ignores here: meant for another place, misspelled, or unknown."""
        path = f"{where}/{key}" if where else key
        home = misplaced(key, where)
        self.guesses_left -= 1
        close = nearest(key, known) if self.guesses_left >= 0 else None
        if close is not None and (home is None or key.lower() != home.rsplit("/", 1)[-1]):
            self.add(
                "BS201",
                node,
                f"`{path}` is not a key that CodeBuild knows; it is ignored",
                fix=f"Did you mean `{close}`?",
            )
        elif home is not None:
            self.add("BS202", node, f"`{path}` is ignored: `{key}` does not belong here", fix=f"Move it to `{home}`.")
        else:
            names = ", ".join(sorted(known))
            self.add(
                "BS201",
                node,
                f"`{path}` is not a key that CodeBuild knows; it is ignored",
                fix=f"Remove it, or use one of {names}." if names else "Remove it.",
            )
