"""The other ways SPDX 2 is written: YAML, XML and RDF/XML.

YAML is read by lines, as SPDX tools write it: `packages:` as a block list. What is written otherwise is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from buildgate.reports.refusal import Refuse
from buildgate.reports.xml_stream import Elements

if TYPE_CHECKING:
    from buildgate.reports.components.tally import Components
    from buildgate.reports.document import Document

LICENCES: Final = ("licenseConcluded", "licenseDeclared")
_TOP: Final = re.compile(r"""["']?([A-Za-z_]\w*)["']?\s*:\s*(.*)""")
_ITEM: Final = re.compile(r"( *)-( +|$)(.*)")
_KEY: Final = re.compile(r"""( *)["']?(\w+)["']?\s*:(?:\s+(.*)|$)""")
_COMMENT: Final = re.compile(r"(?:^|\s)#.*$")
_NO_PLAIN_VALUE: Final = tuple("|>&*!{[")
_OPERATORS: Final = {"ConjunctiveLicenseSet": " AND ", "DisjunctiveLicenseSet": " OR "}


def read_yaml(document: Document, components: Components) -> None:
    """Count the packages of a YAML document."""
    packages = _YamlPackages(components)
    for line in document.lines():
        if line.strip() and not line.lstrip().startswith("#"):
            packages.line(line)
    packages.end()


class _YamlPackages:
    """The list `packages` of a YAML document, line by line."""

    def __init__(self, components: Components) -> None:
        self._components = components
        self._is_inside = False
        self._item_indent = -1
        self._key_indent = -1
        self._licences: list[str] | None = None
        self._value: list[str] | None = None

    def line(self, line: str) -> None:
        if not line.startswith((" ", "-")):
            self._top(line)
        elif self._is_inside:
            self._inside(line)

    def end(self) -> None:
        """Count the package at hand; call at its end."""
        self._finish_value()
        if self._licences is not None:
            self._components.add(self._licences)
            self._licences = None

    def _top(self, line: str) -> None:
        self.end()
        self._is_inside, self._item_indent = False, -1
        found = _TOP.match(line)
        if found is None or found[1] != "packages":
            return
        rest = _COMMENT.sub("", found[2]).strip()
        if rest not in {"", "[]"}:
            raise Refuse("malformed", "the YAML writes its packages in one line: only block lists are read")
        self._is_inside = not rest

    def _inside(self, line: str) -> None:
        item = _ITEM.match(line)
        if item and (self._item_indent < 0 or len(item[1]) == self._item_indent):
            self.end()
            self._item_indent, self._licences = len(item[1]), []
            self._key_indent = len(item[1]) + 1 + len(item[2])
            line = " " * self._key_indent + item[3]
        key = _KEY.match(line)
        if key and len(key[1]) == self._key_indent:
            self._finish_value()
            self._value = [key[3] or ""] if key[2] in LICENCES else None
        elif self._value is not None:
            self._value.append(line.strip())

    def _finish_value(self) -> None:
        if self._value is not None and self._licences is not None:
            self._licences.append(_scalar(" ".join(self._value)))
        self._value = None


def _scalar(text: str) -> str:
    text = text.strip()
    if text.startswith(_NO_PLAIN_VALUE):
        raise Refuse("malformed", "the YAML writes a licence as no plain text: only plain and quoted ones are read")
    if text[:1] in {'"', "'"}:
        return text[1:].partition(text[0])[0]
    return _COMMENT.sub("", text).strip()


class SpdxXml(Elements):
    """The XML form: one element `packages` per package."""

    texts = frozenset(LICENCES)

    def __init__(self, components: Components) -> None:
        super().__init__()
        self._components = components
        self._licences: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "packages" and len(self.path) == 2:
            self._licences = []

    def end(self, name: str, text: str) -> None:
        if name in LICENCES and self.path[1:-1] == ["packages"]:
            self._licences.append(text)
        elif name == "packages" and len(self.path) == 2:
            self._components.add(self._licences)


class SpdxRdf(Elements):
    """RDF/XML: packages lie anywhere, one within the relationship of another."""

    texts = frozenset({"licenseId"})

    def __init__(self, components: Components) -> None:
        super().__init__()
        self._components = components
        self._open: list[_RdfPackage] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Package":
            self._open.append(_RdfPackage())
        elif self._open:
            package, inside = self._open[-1], self._within()
            if name in LICENCES and len(inside) == 1:
                package.begin(_reference(attributes))
            elif inside and inside[0] in LICENCES:
                package.operator = _OPERATORS.get(name, package.operator)
                if name == "member":
                    package.note(_reference(attributes))

    def end(self, name: str, text: str) -> None:
        if not self._open:
            return
        inside = self._within()
        if name == "Package":
            self._components.add(self._open.pop().licences)
        elif name == "licenseId" and inside[0] in LICENCES:
            self._open[-1].note(text.strip())
        elif name in LICENCES and len(inside) == 1:
            self._open[-1].finish()

    def _within(self) -> list[str]:
        """Return the open elements within the innermost package."""
        return self.path[len(self.path) - self.path[::-1].index("Package") :]


class _RdfPackage:
    """The licences of one package, each an expression of members."""

    def __init__(self) -> None:
        self.licences: list[str] = []
        self.operator = " AND "
        self._members: list[str] = []

    def begin(self, licence: str) -> None:
        self.operator, self._members = " AND ", []
        self.note(licence)

    def note(self, licence: str) -> None:
        if licence and licence not in self._members:
            self._members.append(licence)

    def finish(self) -> None:
        self.licences.append(self.operator.join(self._members))


def _reference(attributes: dict[str, str]) -> str:
    """Return the licence that an element's `rdf:resource` names."""
    whole = next((value for key, value in attributes.items() if key.rpartition(":")[2] == "resource"), "")
    name = re.split(r"[/#]", whole)[-1]
    return name.upper() if name in {"noassertion", "none"} else name
