"""Tells a template (Go, Jinja, ERB, Terraform, cookiecutter) from a buildspec.

Shell commands hold `{{` for good reasons, as in `docker inspect -f '{{.Id}}'`, so braces alone prove nothing: what
counts is where they stand.
"""

from __future__ import annotations

import re

_MARKS = ("{{", "{%", "<%", "%{")
_STRUCTURE = re.compile(
    r"^[ \t]*(?:-[ \t]+)?(?:"
    r"\{%"  # Jinja, Twig, Liquid
    r"|\{\{(?:[-~#/^]|[ \t]*(?:if|range|with|end|else|template|define|include|block)\b)"  # Go, Helm, Mustache
    r"|<%"  # ERB
    r"|%\{[ ~]*(?:if|for|else|endif|endfor)\b"  # Terraform
    r"|\{\{[^{}\n]*\}\}[ \t]*:?[ \t]*$"  # a whole line, or a key
    r"|[\w.-]+:[ \t]+\{\{[^{}\n]*\}\}"  # a value without quotes
    r")",
    re.MULTILINE,
)
_CERTAIN = re.compile(
    r"\{\{-?[ \t]*cookiecutter\b"
    r"|^[ \t]*(?:-[ \t]+)?[\w.-]+:[ \t]+(?P<quote>[\"'])\{\{[^{}\n]*\}\}(?P=quote)[ \t]*$",
    re.MULTILINE,
)


def template_line(text: str, *, is_refused: bool) -> int | None:
    """Return the line of the first mark that makes the file plainly a template, or None.

    In a file that CodeBuild takes as it is (`is_refused` False) only cookiecutter's own marks and values that are a
    placeholder and nothing else count; a script may well write a template of its own.
    """
    if not any(mark in text for mark in _MARKS):
        return None
    patterns = (_STRUCTURE, _CERTAIN) if is_refused else (_CERTAIN,)
    found = [match.start() for pattern in patterns if (match := pattern.search(text))]
    return text.count("\n", 0, min(found)) + 1 if found else None
