"""Run with Lambda's Python: import what a start imports, and print what `re` was asked for, compiled."""

from re import _compiler, _parser  # type: ignore[attr-defined] # the engine's own modules: there is no public door

asked: dict[tuple[type, str | bytes, int], None] = {}
compile_pattern = _compiler.compile


def remember(pattern: str | bytes, flags: int = 0) -> object:
    if isinstance(pattern, str | bytes):
        asked[type(pattern), pattern, int(flags)] = None
    return compile_pattern(pattern, flags)


_compiler.compile = remember

import _sre  # type: ignore[import-not-found] # noqa: E402 - from here on everything that is imported is watched
import importlib  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

STARTS = (
    "aws_lambda_powertools.logging",
    "aws_lambda_powertools.metrics",
    "buildgate.inbound.build_event",
    "buildgate.runtime.build_wiring",
    "buildgate.runtime.metrics",
    "buildgate.runtime.observability",
)


def compiled(pattern: str | bytes, flags: int) -> tuple[Any, ...]:
    """Return what `_sre.compile` is given for a pattern, of tuples, texts and numbers alone."""
    parsed = _parser.parse(pattern, flags)
    numbers = parsed.state.groupdict
    names = [None] * parsed.state.groups
    for name, number in numbers.items():
        names[number] = name
    code = tuple(int(number) for number in _compiler._code(parsed, flags))  # noqa: SLF001 - no public door
    return (
        pattern,
        flags,
        flags | parsed.state.flags,
        code,
        parsed.state.groups - 1,
        tuple(numbers.items()),
        tuple(names),
    )


for module in STARTS:
    importlib.import_module(module)
session = importlib.import_module("botocore.session").get_session()
session.set_credentials("none", "none")
for service in json.loads(sys.argv[1]):
    session.create_client(service, region_name="us-east-1")
_compiler.compile = compile_pattern
engine = (_sre.MAGIC, _sre.CODESIZE, *sys.version_info[:2])
print(repr((engine, tuple(compiled(pattern, flags) for _, pattern, flags in asked))))
