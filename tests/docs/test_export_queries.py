"""The queries of the page about exports are run against files that the command wrote."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from buildgate.adapters.memory.cloud import MemoryAws
from buildgate.domain.builds import BuildHead, BuildStatus, CacheProbe, Owner, SlotRef
from buildgate.web.metric_views import listed
from buildgate_cli.metric_export import COLUMNS, export_rows

PAGE = (Path(__file__).parents[2] / "docs/how-to/query-exports.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def head(number: int) -> BuildHead:
    start = NOON + timedelta(hours=5 * number)
    result = "miss" if number % 3 == 0 else "hit"
    seconds = 300.0 if result == "miss" else 100.0
    return BuildHead(
        build_id=f"shop:{number}",
        project="shop",
        status=BuildStatus.FAILED if number == 4 else BuildStatus.SUCCEEDED,
        started_at=start,
        ended_at=start + timedelta(seconds=seconds),
        duration_seconds=seconds,
        queue_seconds=1.5,
        cost_micro_usd=None if number == 7 else 20_000,
        commit="c4" if number in {4, 5} else f"c{number}",
        branch="main" if number % 2 else "next",
        slot=SlotRef("01jd8x3k5v9m2q4r6t8w0y1z3b", 0, 1, "unit"),
        pipeline="shop",
        stage="test",
        cache=CacheProbe(result, "deps", "", 10, 2.0) if number else None,
        owner=Owner("web", "cc-1"),
    )


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    rows = [json.loads(json.dumps(listed(head(number)))) for number in range(10)]
    for name in ("builds.ndjson", "builds.parquet"):
        assert export_rows(iter(rows), str(folder / name), s3=None) == 10
    return folder


@pytest.fixture
def engine(exported, monkeypatch):
    monkeypatch.chdir(exported)
    with duckdb.connect() as engine:
        yield engine


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
@pytest.mark.parametrize("kind", ["as written", "read_json('builds.ndjson')", "read_parquet('builds.parquet')"])
def test_a_query_of_the_page_answers_from_either_file(engine, query, kind):
    asked = query if kind == "as written" else re.sub(r"read_\w+\('[^']+'\)", kind, query)

    engine.execute(asked)
    rows = engine.execute("SELECT * FROM 'teams.csv'").fetchall() if "teams.csv" in query else engine.fetchall()

    assert rows


def test_answers_are_what_was_built(engine):
    by_branch, by_day, by_chance, by_key, _ = (
        [*engine.execute(query).fetchall()] for query in [*QUERIES[:4], QUERIES[0]]
    )

    assert by_branch == [("next", 5, 0.1), ("main", 5, 0.08)]
    assert [str(row[0]) for row in by_day] == ["2026-11-20", "2026-11-21", "2026-11-22"]
    assert by_chance == [("shop", "c4", 2)]
    assert by_key == [("deps", pytest.approx(2 / 3), 100.0, 300.0)]


def test_the_pages_columns_are_the_files(engine):
    described = {row[0] for row in engine.execute("DESCRIBE SELECT * FROM 'builds.parquet'").fetchall()}
    table = PAGE.split("| column | type |", 1)[1].split("\n\n", 1)[0]
    athena = set(
        re.findall(r"`?(\w+)`? (?:string|timestamp|double|bigint|struct)", PAGE.split("CREATE EXTERNAL TABLE")[1])
    )

    assert described == set(COLUMNS)
    assert described <= set(re.findall(r"`(\w+)`", table))
    assert described <= athena


@pytest.mark.parametrize("name", ["builds.ndjson", "builds.parquet"])
def test_an_export_to_s3_is_the_same_file(exported, name):
    s3 = MemoryAws().client("s3")
    s3.create_bucket(Bucket="exports")
    rows = [json.loads(line) for line in (exported / "builds.ndjson").read_text().splitlines()]

    assert export_rows(iter(rows), f"s3://exports/november/{name}", s3=s3) == 10

    stored = s3.get_object(Bucket="exports", Key=f"november/{name}")["Body"].read()
    if name.endswith("ndjson"):
        assert stored == (exported / name).read_bytes()
    else:
        assert stored[:4] == stored[-4:] == b"PAR1"
