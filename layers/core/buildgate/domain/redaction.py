"""Keeps secrets out of what is stored, logged and sent.

Variable values never get this far: the door drops them. What is left is text that people and tools wrote (commit
messages, error texts, log excerpts), where well-known shapes of secrets are masked.
"""

from __future__ import annotations

import re

MASK = "***"

_SHAPES = (
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(r"\bgh[pousr]_[0-9A-Za-z]{36,}\b"),
    re.compile(r"\bglpat-[0-9A-Za-z_-]{20,}\b"),
    re.compile(r"\bxox[abprs]-[0-9A-Za-z-]{10,}\b"),
    re.compile(r"\beyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
    re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"),
)
_ASSIGNMENT = re.compile(
    r"(?i)\b([A-Z0-9_.-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|credential)[A-Z0-9_.-]*)"
    r"(\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


_WORDS = re.compile(r"password|passwd|secret|token|api[_-]?key|access[_-]?key|credential")
_MARKS = re.compile(r"AKIA|ASIA|gh[pousr]_|glpat-|xox[abprs]-|eyJ|-----BEGIN|://")
"""What every shape has in it: most texts have none of it, and are told so in two searches instead of nine. Words are looked for in lower case, which is sure for ASCII only."""

_SECRET_NAME = re.compile(r"(?i)(password|passwd|passphrase|secret|token|api_?key|access_?key|credential|private)")


def is_secret_name(name: str) -> bool:
    """Return whether a variable of this name is likely to hold a secret."""
    return bool(_SECRET_NAME.search(name))


def redact(text: str) -> str:
    """Return the text with known shapes of secrets masked and control characters (terminal codes too) removed.

    Safe to repeat: redacting twice gives the same text.
    """
    clean = text if text.isascii() and text.isprintable() else _CONTROL.sub("", text)
    if _MARKS.search(clean):
        for shape in _SHAPES:
            clean = shape.sub(MASK, clean)
    if "=" not in clean and ":" not in clean:
        return clean
    if clean.isascii() and not _WORDS.search(clean.lower()):
        return clean
    return _ASSIGNMENT.sub(lambda match: f"{match[1]}{match[2]}{MASK}", clean)


def shorten(text: str, *, limit: int) -> str:
    """Return at most ``limit`` characters of the text, an ellipsis in the place of what was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
