"""Lets dateutil load its reader of dates when the first date is read: the JSON protocols of AWS send numbers.

Readers of Amazon S3's XML and of credentials from files read dates, and load it then; recording a build reads none.
"""

from __future__ import annotations

from pathlib import Path

WHOLE = "_whole.py"
ASKED = "from ._parser import parse, parser, parserinfo, ParserError\n"
MODULE = '''\
"""Stands for dateutil.parser until the first date is read; `_whole` is the package as published."""

import importlib


def parse(*arguments, **options):
    return importlib.import_module("dateutil.parser._whole").parse(*arguments, **options)


def __getattr__(name):
    return getattr(importlib.import_module("dateutil.parser._whole"), name)
'''


def trim(parser: Path) -> None:
    """Put a stand-in before the package `dateutil/parser`.

    Raises:
        KeyError: The package is not as it was when this was written; look again before shipping it.
    """
    front = parser / "__init__.py"
    if ASKED not in front.read_text(encoding="utf-8") or (parser / WHOLE).exists():
        raise KeyError("dateutil/parser is not as it was: it does not offer its reader of dates first")
    front.rename(parser / WHOLE)
    front.write_text(MODULE, encoding="utf-8")
