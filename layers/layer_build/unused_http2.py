"""Takes HTTP/2 out of urllib3: its package asks for the version of a library that this layer does not ship.

The question loads what reads installed packages, and with it zip files, temporary files and two compressors: a twentieth
of a start. What remains is `probe`, which urllib3 loads with every connection, and which needs none of that.
"""

from __future__ import annotations

from pathlib import Path

MODULE = '"""Stands for urllib3.http2: this layer ships no HTTP/2, and botocore asks for none."""\n'
KEPT = ("__init__.py", "probe.py")


def trim(http2: Path) -> None:
    """Leave only `probe` in the package `urllib3/http2`.

    Raises:
        KeyError: The package is not as it was when this was written; look again before shipping it.
    """
    names = {path.name for path in http2.glob("*.py")}
    if names != {*KEPT, "connection.py"}:
        raise KeyError(f"urllib3/http2 is not as it was: it has {', '.join(sorted(names))}")
    if "importlib.metadata" not in (http2 / "__init__.py").read_text(encoding="utf-8"):
        raise KeyError("urllib3/http2 asks for no installed package any more: trim it no longer")
    (http2 / "connection.py").unlink()
    (http2 / "__init__.py").write_text(MODULE, encoding="utf-8")
