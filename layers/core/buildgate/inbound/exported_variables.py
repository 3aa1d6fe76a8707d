"""What a build exports: values it chose to show, with secrets masked, and the report of its cache probe among them.

The probe is written by generated buildspecs: BUILDGATE_CACHE_RESULT, _KEY, _MATCHED_KEY, _BYTES and _SECONDS.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from buildgate.domain.builds import CacheProbe
from buildgate.domain.redaction import MASK, is_secret_name, redact, shorten

PROBE = "BUILDGATE_CACHE_"
_RESULTS = {"hit", "partial", "miss"}
_SECRET_KINDS = {"PARAMETER_STORE", "SECRETS_MANAGER"}
_KEY_LIMIT = 80
_VALUE_LIMIT = 200
_AT_MOST = 50


def exported_of(entries: Sequence[Mapping[str, Any]], kinds: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return names and values of exported variables without the cache probe's.

    A value is masked when its name speaks of a secret, when the build took it from a secret store (``kinds`` has the
    type by name), or in the part that looks like one.
    """
    found = []
    for entry in entries[:_AT_MOST]:
        name = str(entry.get("name", ""))
        if not name or name.startswith(PROBE):
            continue
        is_secret = is_secret_name(name) or kinds.get(name) in _SECRET_KINDS
        text = MASK if is_secret else shorten(redact(str(entry.get("value", ""))), limit=_VALUE_LIMIT)
        found.append((shorten(redact(name), limit=_KEY_LIMIT), text))
    return tuple(found)


def cache_of(entries: Sequence[Mapping[str, Any]]) -> CacheProbe | None:
    """Return the cache probe's report, or None when the build has no probe or it says nothing that can be true."""
    said = {str(entry.get("name", "")): str(entry.get("value", "")) for entry in entries}
    result = said.get(f"{PROBE}RESULT", "").strip().lower()
    if result not in _RESULTS:
        return None
    size = _number(said.get(f"{PROBE}BYTES", ""))
    return CacheProbe(
        result=result,
        key=shorten(redact(said.get(f"{PROBE}KEY", "")), limit=_KEY_LIMIT),
        matched_key=shorten(redact(said.get(f"{PROBE}MATCHED_KEY", "")), limit=_KEY_LIMIT),
        size_bytes=None if size is None else round(size),
        seconds=_number(said.get(f"{PROBE}SECONDS", "")),
    )


def _number(text: str) -> float | None:
    """Return a finite number from zero up, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
