"""Whatever a file holds, reading it ends soon, in bounded memory, with a value or a named reason."""

import gzip
import io
import itertools
import json
import tracemalloc
import zipfile

import pytest

from buildgate.domain.errors import Unavailable
from buildgate.reports import Options, ReportRefused, read, read_all
from buildgate.reports.source import Limits

SUITE = b'<testsuite name="s"><testcase classname="c" name="a"/></testsuite>'


class Endless(io.RawIOBase):
    """A stream of pieces, made as they are read."""

    def __init__(self, *pieces):
        super().__init__()
        self.pieces = itertools.chain(*pieces)
        self.served = 0

    def readable(self):
        return True

    def read(self, size=-1):
        piece = next(self.pieces, b"")
        self.served += len(piece)
        return piece


def reason(data: bytes, **options) -> str:
    with pytest.raises(ReportRefused) as refused:
        read(io.BytesIO(data), name="x", **options)
    return refused.value.reason_code


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return buffer.getvalue()


@pytest.mark.parametrize("depth", [257, 100_000])
def test_nested_elements_beyond_the_limit_are_refused(depth):
    assert reason(b"<testsuites>" + b"<testsuite>" * depth) == "too_deep"


def test_nested_cases_and_lines_count_as_depth_too():
    assert reason(b"<testsuite>" + b"<testcase>" * 5000) == "too_deep"
    assert (
        reason(b"<coverage line-rate='1'><packages><class filename='a'>" + b'<line number="1" hits="1">' * 5000)
        == "too_deep"
    )


@pytest.mark.parametrize("depth", [300, 100_000])
def test_nested_json_beyond_the_limit_is_refused(depth):
    skipped = b'{"version":"2.1.0","runs":[],"x":' + b"[" * depth
    decoded = b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[' + b'{"a":' * depth

    assert reason(skipped) in {"too_deep", "truncated"}
    assert reason(decoded) in {"too_deep", "truncated", "malformed"}
    assert reason(skipped + b"]" * depth + b"}") == "too_deep"


def test_giant_attribute_is_refused_before_it_is_held():
    stream = Endless([b'<testsuite name="s"><testcase name="'], (b"x" * 65536 for _ in range(10_000)))

    with pytest.raises(ReportRefused) as refused:
        read(stream, name="x")

    assert refused.value.reason_code == "token_too_large"
    assert stream.served < 8 * 1024 * 1024


def test_giant_json_record_is_refused_before_it_is_held():
    start = b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"ruleId":"'
    stream = Endless([start], (b"x" * 262144 for _ in range(10_000)))

    with pytest.raises(ReportRefused) as refused:
        read(stream, name="x")

    assert refused.value.reason_code == "record_too_large"
    assert stream.served < 64 * 1024 * 1024


def test_a_gigabyte_is_refused_at_the_limit():
    row = b'<testcase classname="c" name="same"/>' * 2000
    stream = Endless([b'<testsuite name="s">'], (row for _ in range(20_000)))

    with pytest.raises(ReportRefused) as refused:
        read(stream, name="x", options=Options(has_identity=False, limits=Limits(unpacked_bytes=20 * 1024 * 1024)))

    assert refused.value.reason_code == "too_large"
    assert stream.served < 24 * 1024 * 1024


def test_gzip_bomb_is_refused_by_its_ratio():
    bomb = gzip.compress(b'<testsuite name="s">' + b" " * 60_000_000 + b"</testsuite>", mtime=0)

    assert reason(bomb) == "compression_ratio"


def test_zip_bomb_is_refused_by_its_ratio():
    assert reason(zipped(junit__xml=SUITE + b" " * 60_000_000)) == "compression_ratio"


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"", "empty"),
        (b" \r\n\t ", "empty"),
        (b"\0\0\0\0", "nul_byte"),
        (gzip.compress(b"", mtime=0), "empty"),
        (gzip.compress(SUITE, mtime=0)[:-9], "truncated"),
        (gzip.compress(SUITE, mtime=0)[:20] + b"garbage!" * 9, "corrupt_archive"),
        (gzip.compress(gzip.compress(SUITE, mtime=0), mtime=0), "nested_archive"),
        (gzip.compress(zipped(a=SUITE), mtime=0), "nested_archive"),
        (zipped(a=zipped(b=SUITE)), "nested_archive"),
        (zipped(), "empty"),
        (zipped(a=SUITE)[:-10], "corrupt_archive"),
        (b"BZh91AY&SY", "unsupported_compression"),
        (b"\xfd7zXZ\x00\x00", "unsupported_compression"),
        (b"\x28\xb5\x2f\xfd\x00\x00", "unsupported_compression"),
        (b"plain words", "not_recognised"),
        (b'{"a": 1}', "not_recognised"),
        (b"<!doctype html><html><body>Log in</body></html>", "html_page"),
        (b"<html><body>Log in</body></html>", "html_page"),
        (b"\xff\xfe\x00", "not_recognised"),
        (b'{"version":"2.1.0","runs":[{"results":[{"a":1}{"b":2}]}]}', "malformed"),
        (b'{"version":"2.1.0","runs":[{"results":[{"message":"\xff"}]}]}', "wrong_encoding"),
        (b'{"version":"2.1.0","runs":[{"results":[{"message":"\x00"}]}]}', "nul_byte"),
        (b'<?xml version="1.0" encoding="klingon"?><testsuite/>', "wrong_encoding"),
        (b'<?xml version="1.0" encoding="zlib"?><testsuite/>', "wrong_encoding"),
    ],
)
def test_unreadable_content_is_refused_by_name(data, wanted):
    assert reason(data) == wanted


def test_entities_are_refused_inside_and_outside():
    internal = b'<!DOCTYPE t [<!ENTITY a "b">]><testsuite/>'
    external = b'<!DOCTYPE t [<!ENTITY a SYSTEM "http://example.com/x">]><testsuite><testcase name="&a;"/></testsuite>'
    parameter = b'<!DOCTYPE t [<!ENTITY % a SYSTEM "http://example.com/x"> %a;]><testsuite/>'

    assert {reason(document) for document in (internal, external, parameter)} == {"entity_declaration"}


def test_default_attributes_of_a_document_type_change_nothing():
    document = b'<!DOCTYPE t [<!ATTLIST testcase status CDATA "failed">]><testsuite><testcase name="a"/></testsuite>'

    assert read(io.BytesIO(document), name="x").measurements["tests.passed"] == 1


def test_archive_of_several_reports_is_read_one_by_one():
    data = zipped(a__xml=SUITE, b__json=b'{"version":"2.1.0","runs":[]}')

    reports = list(read_all(io.BytesIO(data), name="all.zip"))

    assert [(report.file, report.format) for report in reports] == [
        ("all.zip!a.xml", "junit"),
        ("all.zip!b.json", "sarif"),
    ]
    assert reason(data) == "ambiguous"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "data",
    [
        b'<testsuite name="s"><testcase name="a"/>' + b" " * 2_000_000 + b"</testsuite>",
        b'<testsuite name="s"><testcase name="a"/>' + b'<testcase name="a">' * 200 + b" " * 2_000_000,
        b'{"' + b'\\"' * 500_000,
        b'{"a":"' + b"\\" * 500_000,
        b"<!-- -->" * 8000 + b"<x/>",
        b"<!-- " * 12_000,
        b"[" * 60_000 + b'"',
        b"TN:\n" * 200_000,
        b"SF:a\n" + b"DA:1,1\n" * 100_000,
        b'timeStamp,elapsed,success\n1,1,"' + b'a"",' * 300_000,
    ],
)
def test_text_made_to_slow_recognition_down_does_not(data):
    try:
        read(io.BytesIO(data), name="x")
    except ReportRefused as refused:
        assert refused.reason_code != "reader_failed"  # noqa: PT017  # either end is right, if it comes soon


def test_members_of_an_archive_share_one_limit():
    data = zipped(**{f"m{index}__xml": SUITE + b" " * 40_000 for index in range(5)})

    with pytest.raises(ReportRefused, match="archive unpacks") as refused:
        list(read_all(io.BytesIO(data), name="x", options=Options(limits=Limits(unpacked_bytes=100_000))))

    assert refused.value.reason_code == "too_large"


def test_too_many_members_are_refused():
    data = zipped(**{f"m{index}__xml": SUITE for index in range(5)})

    assert reason(data, options=Options(limits=Limits(archive_members=4))) == "too_many_members"


def test_gzip_of_several_parts_is_one_report():
    data = gzip.compress(SUITE[:20], mtime=0) + gzip.compress(SUITE[20:], mtime=0)

    assert read(io.BytesIO(data), name="x").measurements["tests.total"] == 1


def test_a_stream_that_breaks_is_refused():
    class Broken(io.RawIOBase):
        def read(self, size=-1):
            raise OSError(5, "Input/output error")

    with pytest.raises(ReportRefused) as refused:
        read(Broken(), name="x")

    assert refused.value.reason_code == "unreadable"


def test_what_the_stream_says_of_itself_is_passed_on():
    class Away(io.RawIOBase):
        served = 0

        def read(self, size=-1):
            self.served += 1
            if self.served > 2:
                raise Unavailable("S3 GetObject did not finish")
            return b'<testsuite name="s">'

    with pytest.raises(Unavailable):
        read(Away(), name="x")


def test_a_stream_that_fails_in_its_own_way_is_refused():
    class Odd(io.RawIOBase):
        def read(self, size=-1):
            raise LookupError("gone")

    with pytest.raises(ReportRefused, match="LookupError") as refused:
        read(Odd(), name="x")

    assert refused.value.reason_code == "unreadable"


def peak_bytes(stream, **options) -> int:
    tracemalloc.start()
    try:
        read(stream, name="x", options=Options(**options))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def cases(count: int):
    yield b'<testsuites><testsuite name="s">'
    for start in range(0, count, 500):
        yield b"".join(b'<testcase classname="c" name="n%d" time="0.1"/>\n' % n for n in range(start, start + 500))
    yield b"</testsuite></testsuites>"


def results(count: int):
    yield b'{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":['
    for start in range(0, count, 100):
        rows = (
            json.dumps({"ruleId": f"R{n % 7}", "level": "note", "message": {"text": f"m{n}"}}).encode()
            for n in range(start, start + 100)
        )
        yield (b"," if start else b"") + b",".join(rows)
    yield b"]}]}"


def test_memory_of_test_cases_is_a_few_bytes_a_case():
    small, large = (peak_bytes(Endless(cases(count))) for count in (5_000, 65_000))

    assert (large - small) / 60_000 <= 16


def test_memory_does_not_grow_when_cases_are_only_counted():
    small, large = (peak_bytes(Endless(cases(count)), has_identity=False) for count in (5_000, 65_000))

    assert large - small < 200_000


def test_memory_does_not_grow_with_findings_beyond_those_kept():
    limits = Limits(findings_kept=100)
    small, large = (peak_bytes(Endless(results(count)), limits=limits) for count in (4_000, 24_000))

    assert large - small < 400_000
