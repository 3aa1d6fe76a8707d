"""Tells a template (Go, Jinja, ERB, Terraform, cookiecutter) from a buildspec.

Shell commands hold `{{` for good reasons, as in `docker inspect -f '{{.Id}}'`, so braces alone prove nothing: what
counts is where they stand, or that the file is no YAML at all.
"""

from __future__ import annotations

import re

_MARKS = ("{{", "{%", "<%", "%{")
_CONTROL_LINE = re.compile(
    r"^[ \t]*(?:-[ \t]+)?(?:\{%|\{\{[-~#/^]|\{\{[ \t]*(?:if|range|with|end|else|template|define|include)\b|<%|%\{)",
    re.MULTILINE,
)
_BARE_LINE = re.compile(r"^[ \t]*(?:-[ \t]+)?\{\{[^{}]*\}\}[ \t]*:?[ \t]*$", re.MULTILINE)
_BARE_VALUE = re.compile(r"^[ \t]*(?:-[ \t]+)?[\w.-]+:[ \t]+\{\{[^{}]*\}\}", re.MULTILINE)
_NAMED = re.compile(r"\{\{-?\s*(?:cookiecutter|\.Values|\.Release|copier__)\b")


def template_line(text: str) -> int | None:
    """Return the line of the first mark that makes the file plainly a template, or None."""
    if not may_be_template(text):
        return None
    marks = [match.start() for one in (_CONTROL_LINE, _BARE_LINE, _BARE_VALUE, _NAMED) if (match := one.search(text))]
    return text.count("\n", 0, min(marks)) + 1 if marks else None


def may_be_template(text: str) -> bool:
    """Whether the text holds any template mark; enough to call a file that is no YAML a template."""
    return any(mark in text for mark in _MARKS)


def first_mark(text: str) -> int:
    """Return the line of the first template mark of a text that has one."""
    return text.count("\n", 0, min(at for mark in _MARKS if (at := text.find(mark)) >= 0)) + 1
