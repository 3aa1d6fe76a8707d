"""Takes the writers of documentation out of botocore: its clients carry empty docstrings, made without loading them."""

from __future__ import annotations

from pathlib import Path

MODULE = '''\
"""Stands for botocore.docs.docstring: the models in this layer carry no documentation to show."""


class LazyLoadedDocstring(str):
    def __new__(cls, *args, **kwargs):
        return super().__new__(cls)

    def __init__(self, *args, **kwargs):
        super().__init__()


class ClientMethodDocstring(LazyLoadedDocstring):
    pass


class WaiterDocstring(LazyLoadedDocstring):
    pass


class PaginatorDocstring(LazyLoadedDocstring):
    pass
'''
KEPT = ("__init__.py", "docstring.py", "utils.py")
"""What botocore loads when it runs; the rest of `botocore/docs` only writes the documentation of its web site."""


def trim(docs: Path) -> None:
    """Empty the package `botocore/docs` but for what runs.

    Raises:
        KeyError: The package is not as it was when this was written; look again before shipping it.
    """
    names = {path.name for path in docs.iterdir()}
    if missing := sorted(set(KEPT) - names):
        raise KeyError(f"botocore/docs has no {', '.join(missing)}")
    for path in sorted(docs.rglob("*.py"), reverse=True):
        if path.parent != docs or path.name not in KEPT:
            path.unlink()
    for folder in sorted((path for path in docs.rglob("*") if path.is_dir()), reverse=True):
        folder.rmdir()
    (docs / "__init__.py").write_text("", encoding="utf-8")
    (docs / "docstring.py").write_text(MODULE, encoding="utf-8")
