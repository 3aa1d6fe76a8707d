"""Builds of a window as files that other programs read: NDJSON anywhere, Parquet where its library is installed."""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from buildgate_cli import cloud_context
from buildgate_cli.api_client import connect
from buildgate_cli.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from buildgate_cli.metric_questions import Question

Row = dict[str, Any]
_PAGE: Final = 500
_S3: Final = "s3://"
_TYPES: Final = {"ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet"}


def export_builds(question: Question, output: str, *, limit: int | None = None) -> int:
    """Write a window's builds to a file, to ``s3://bucket/key`` or to standard output (``-``), and return how many.

    All of them, read page by page; with a limit the newest so many.
    """
    s3 = cloud_context.current().client("s3") if output.startswith(_S3) else None
    return export_rows(itertools.islice(_builds(question), limit), output, s3=s3)


def export_rows(rows: Iterator[Row], output: str, *, s3: Any) -> int:
    """Write rows: a name that ends in ``.parquet`` gets Parquet, any other NDJSON. Doing it again writes the same.

    Args:
        rows: The builds, as the API lists them.
        output: A file's name, ``s3://bucket/key``, or ``-`` for standard output.
        s3: The client for a name in S3.
    """
    kind = "parquet" if output.endswith(".parquet") else "ndjson"
    if output.startswith(_S3):
        return _to_s3(s3, output, kind, list(rows))
    if kind == "parquet":
        found = list(rows)
        Path(output).write_bytes(_parquet(found))
        return len(found)
    if output == "-":
        return _write(sys.stdout, rows)
    with Path(output).open("w", encoding="utf-8") as target:
        return _write(target, rows)


def _to_s3(s3: Any, output: str, kind: str, rows: list[Row]) -> int:
    bucket, _, key = output.removeprefix(_S3).partition("/")
    if not bucket or not key:
        raise UserError(f"{output} names no object.", "Write s3://bucket/key.ndjson.")
    body = _parquet(rows) if kind == "parquet" else "".join(map(_line, rows)).encode()
    s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=_TYPES[kind])
    return len(rows)


def _write(target: Any, rows: Iterator[Row]) -> int:
    count = 0
    for row in rows:
        target.write(_line(row))
        count += 1
    return count


def _line(row: Row) -> str:
    return json.dumps(row, separators=(",", ":")) + "\n"


def _builds(question: Question) -> Iterator[Row]:
    api, following = connect(), None
    while True:
        asked = question.query | {"limit": _PAGE, "next": following}
        page = api.get("metrics", *question.whose.path, "builds", **asked)
        yield from page["builds"]
        following = page["next"]
        if following is None:
            return


COLUMNS: Final = {
    **dict.fromkeys(
        (
            "build_id",
            "project",
            "status",
            "reason",
            "commit",
            "branch",
            "pipeline",
            "run_id",
            "stage",
            "compute_type",
            "environment_type",
            "image",
            "initiator",
            "retry_of",
            "team",
            "cost_centre",
        ),
        "VARCHAR",
    ),
    **dict.fromkeys(("started_at", "finished_at"), "TIMESTAMPTZ"),
    **dict.fromkeys(("duration_seconds", "queue_seconds"), "DOUBLE"),
    "cost_micro_usd": "BIGINT",
    "cache": "STRUCT(result VARCHAR, key VARCHAR, matched_key VARCHAR, size_bytes BIGINT, seconds DOUBLE)",
}
"""Fixed, so that files of different windows can be read as one."""


def _parquet(rows: Iterable[Row]) -> bytes:
    """Return builds as one Parquet file.

    Raises:
        UserError: The library that writes it is not installed.
    """
    try:
        import duckdb  # noqa: PLC0415  # an extra: large, and only for this
    except ImportError as error:
        raise UserError("Parquet needs DuckDB.", "pip install 'buildgate[parquet]'") from error
    with tempfile.TemporaryDirectory(prefix="buildgate-") as folder:
        lines, target = Path(folder, "builds.ndjson"), Path(folder, "builds.parquet")
        lines.write_text("".join(map(_line, rows)), encoding="utf-8")
        with duckdb.connect() as engine:
            builds = engine.read_json(str(lines), columns=COLUMNS, format="newline_delimited")
            builds.write_parquet(str(target), compression="zstd")
        return target.read_bytes()
