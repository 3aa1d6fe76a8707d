"""Takes the handlers and the other names of services that this layer does not ship out of botocore.

Every session registers a hundred and more handlers, each looked at for its parameters and held against some hundred other
names of services. Those of services without a model here can never be called.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Collection
from pathlib import Path

HANDLERS = """

_NOT_SHIPPED = frozenset({names})
BUILTIN_HANDLERS = [one for one in BUILTIN_HANDLERS if _NOT_SHIPPED.isdisjoint(one[0].split(".")[1:2])]
"""
ALIASES = """

EVENT_ALIASES = {{old: new for old, new in EVENT_ALIASES.items() if new in frozenset({names})}}
"""
METADATA_CHARACTERS = 4096
ANCHORS = (("handlers.py", "BUILTIN_HANDLERS = ["), ("utils.py", "EVENT_ALIASES = {"))


def trim(botocore: Path, used: Collection[str]) -> None:
    """Leave in `botocore` what concerns the services in `used` (folder names) or every service; call before data is trimmed.

    A handler whose event names no service that botocore knows stays: it may concern all.

    Raises:
        KeyError: A module is not as it was when this was written; look again before shipping it.
    """
    for module, anchor in ANCHORS:
        if f"\n{anchor}" not in (botocore / module).read_text(encoding="utf-8"):
            raise KeyError(f"botocore/{module} has no {anchor.split()[0]} any more")
    names = {folder.name: _names(folder) for folder in sorted((botocore / "data").iterdir()) if folder.is_dir()}
    shipped = set().union(*(names[name] for name in used))
    dropped = sorted(set().union(*names.values()) - shipped)
    _append(botocore / "handlers.py", HANDLERS.format(names=_written(dropped)))
    _append(botocore / "utils.py", ALIASES.format(names=_written(sorted(shipped))))


def _names(folder: Path) -> set[str]:
    """Return what events call the service: its folder's name, its id with hyphens, and its older endpoint prefix."""
    newest = max(path for path in folder.iterdir() if path.is_dir())
    (model,) = newest.glob("service-2.json*")
    with (gzip.open if model.suffix == ".gz" else open)(model, "rt", encoding="utf-8") as text:
        head = text.read(METADATA_CHARACTERS)
    found = {key: re.search(rf'"{key}"\s*:\s*"([^"]+)"', head) for key in ("serviceId", "endpointPrefix")}
    if missing := [key for key, match in found.items() if match is None]:
        raise KeyError(f"botocore/data/{folder.name} has no {missing[0]} in its first lines")
    return {folder.name, *(match[1].lower().replace(" ", "-") for match in found.values() if match)}


def _written(names: Collection[str]) -> str:
    return "(" + " ".join(f'"{name}",' for name in names) + ")"


def _append(module: Path, text: str) -> None:
    module.write_text(module.read_text(encoding="utf-8") + text, encoding="utf-8")
