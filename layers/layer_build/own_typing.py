"""Lets Powertools take from Python itself what it takes from `typing_extensions` for the sake of older versions.

What is asked for is one decorator; what was loaded for it is the whole of typing's future, at every start.
"""

from __future__ import annotations

from pathlib import Path

MODULE = "utilities/jmespath_utils/__init__.py"
ASKED = "from typing_extensions import deprecated\n"
OWN = "from warnings import deprecated\n"


def trim(powertools: Path) -> None:
    """Rewrite the one line in the package `aws_lambda_powertools`.

    Raises:
        KeyError: The line is not there any more; look again before shipping it.
    """
    module = powertools / MODULE
    text = module.read_text(encoding="utf-8")
    if text.count(ASKED) != 1:
        raise KeyError(f"aws_lambda_powertools/{MODULE} imports no decorator from typing_extensions any more")
    module.write_text(text.replace(ASKED, OWN), encoding="utf-8")
