"""SPDX 2.2 and 2.3 as JSON, YAML, XML, RDF/XML and tag-value, and 3.0 as JSON-LD."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from buildgate.reports.components.spdx_forms import LICENCES, SpdxRdf, SpdxXml, read_yaml
from buildgate.reports.components.tally import Components
from buildgate.reports.json_values import listing, mapping, text
from buildgate.reports.refusal import within_bounds
from buildgate.reports.routes import follow

if TYPE_CHECKING:
    from buildgate.reports.document import Document
    from buildgate.reports.head import Head

_TAGS: Final = re.compile(r"^SPDXVersion:\s*SPDX-2", re.MULTILINE)
_YAML_VERSION: Final = re.compile(r"""^spdxVersion:\s*["']?SPDX-2""", re.MULTILINE)
_YAML_PACKAGES: Final = re.compile(r"^packages:", re.MULTILINE)
_ID: Final = re.compile(r"^SPDXID:", re.MULTILINE)
_LICENCE_RELATIONS: Final = frozenset({"hasConcludedLicense", "hasDeclaredLicense"})


class Spdx:
    """Reader of SPDX."""

    name = "spdx"
    title = "SPDX JSON, YAML, XML, RDF/XML, tag-value or JSON-LD"
    reads = "components"
    kinds = ("json", "text", "xml")

    def sniff(self, head: Head) -> int | None:
        """The version; for 3.0 the context of SPDX."""
        if head.kind == "text":
            is_yaml = _YAML_VERSION.search(head.text) or (_ID.search(head.text) and _YAML_PACKAGES.search(head.text))
            return 95 if _TAGS.search(head.text) or is_yaml else None
        if head.kind == "xml":
            is_rdf = head.root.name == "RDF" and "spdx.org/rdf/terms" in head.text
            return 95 if is_rdf or head.has_element("SPDXID", "Document") else None
        if head.scalars.get("spdxVersion", "").startswith("SPDX-") or head.has("SPDXID", "packages"):
            return 95
        context = head.scalars.get("@context", "") + head.scalars.get("@context[]", "")
        return 95 if "spdx.org/rdf/3" in context else 70 if head.has("@graph[].spdxId") else None

    def read(self, document: Document) -> None:
        """Count the packages and those that state a licence."""
        components = Components(document)
        if document.head.kind == "xml":
            document.walk(SpdxRdf(components) if document.head.root.name == "RDF" else SpdxXml(components))
        elif document.head.kind == "text":
            is_tags = _TAGS.search(document.head.text)
            _tag_value(document, components) if is_tags else read_yaml(document, components)
        elif document.head.has("@graph") or document.head.has("@context"):
            _json_ld(document, components)
        else:
            follow(document, {"packages[]": lambda value: _package(components, mapping(value))})
        components.finish()


def _package(components: Components, entry: dict[str, Any]) -> None:
    components.add(text(entry.get(name)) for name in LICENCES)


def _tag_value(document: Document, components: Components) -> None:
    """Read `Tag: value` lines; a package lasts until the next one or a file."""
    licences: list[str] | None = None
    for line in document.lines():
        tag, _, value = line.partition(":")
        if tag in {"PackageName", "FileName", "SnippetSPDXID"}:
            if licences is not None:
                components.add(licences)
            licences = [] if tag == "PackageName" else None
        elif licences is not None and tag in {"PackageLicenseConcluded", "PackageLicenseDeclared"}:
            licences.append(value.strip())
    if licences is not None:
        components.add(licences)


def _json_ld(document: Document, components: Components) -> None:
    """Read a graph: packages, and the relationships that tell their licences, in any order."""
    packages: dict[str, list[str]] = {}
    relations: list[tuple[str, list[str]]] = []

    def element(value: Any) -> None:
        entry = mapping(value)
        within_bounds(packages, "packages")
        within_bounds(relations, "licence relationships")
        kind = text(entry.get("type") or entry.get("@type"))
        if kind.rpartition("_")[2].rpartition("/")[2] == "Package":
            packages[text(entry.get("spdxId") or entry.get("@id") or len(packages))] = []
        elif text(entry.get("relationshipType")) in _LICENCE_RELATIONS:
            relations.append((text(entry.get("from")), [text(to) for to in listing(entry.get("to"))]))

    follow(document, {"@graph[]": element})
    for package, licences in relations:
        if package in packages:
            packages[package] += [name for name in licences if not name.endswith(("NoAssertionLicense", "NoneLicense"))]
    for licences in packages.values():
        components.add(licences)
