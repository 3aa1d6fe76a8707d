"""Tar archives of reports: read as they come, by any writer's names, refused when damaged or beyond the limits."""

import gzip
import io
import tarfile

import pytest

from buildgate.reports import ReportRefused
from buildgate.reports.document import Options
from buildgate.reports.read import read, read_all
from buildgate.reports.source import Limits

SUITE = b'<testsuite name="s" tests="1"><testcase classname="c" name="a"/></testsuite>'
LONG = "reports/" + "deep/" * 60 + "junit.xml"


def tar(members, *, form=tarfile.PAX_FORMAT, extra=()):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for info in extra:
            archive.addfile(info)
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def names(data, **options):
    reports = list(read_all(io.BytesIO(data), name="r.tar", options=Options(**options)))
    assert all(report.measurements["tests.total"] == 1 for report in reports)
    return [report.file for report in reports]


def reason(data, **options):
    with pytest.raises(ReportRefused) as refused:
        names(data, **options)
    return refused.value.reason_code


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("pack", [bytes, lambda data: gzip.compress(data, mtime=0)])
def test_every_report_of_a_tar_archive_is_read_under_its_own_name(form, pack):
    data = tar([("a/junit.xml", SUITE), ("b.xml", SUITE.ljust(600)), ("c.xml", SUITE)], form=form)

    assert names(pack(data)) == ["r.tar!a/junit.xml", "r.tar!b.xml", "r.tar!c.xml"]


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_are_read_and_belong_to_one_file_only(form):
    data = tar([(LONG, SUITE), ("ünïcode.xml", SUITE), ("b.xml", SUITE)], form=form)

    assert names(data) == [f"r.tar!{LONG}", "r.tar!ünïcode.xml", "r.tar!b.xml"]


def test_folders_and_links_are_no_reports():
    folder, link = tarfile.TarInfo("reports"), tarfile.TarInfo("link.xml")
    folder.type, link.type, link.linkname = tarfile.DIRTYPE, tarfile.SYMTYPE, "/etc/passwd"

    assert names(tar([("a.xml", SUITE)], extra=[folder, link])) == ["r.tar!a.xml"]


def test_one_report_in_a_tar_archive_is_read_as_one():
    assert read(io.BytesIO(tar([("a.xml", SUITE)])), name="r.tgz").file == "r.tgz!a.xml"


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (tar([("a.xml", SUITE)])[:540], "truncated"),
        (tar([("a.xml", SUITE), ("b.xml", SUITE)])[:1100], "truncated"),
        (tar([("a.xml", SUITE), ("b.xml", SUITE)]).replace(b"b.xml", b"x.xml"), "corrupt_archive"),
        (tar([("a.xml", SUITE)]).replace(b"00000000114", b"0000000011z"), "corrupt_archive"),
        (tar([("in.tar", tar([("a.xml", SUITE)]))]), "nested_archive"),
        (tar([("in.tgz", gzip.compress(tar([("a.xml", SUITE)]), mtime=0))]), "nested_archive"),
        (tar([("in.zip", b"PK\x03\x04 and so on")]), "nested_archive"),
        (tar([]), "nul_byte"),
        (gzip.compress(tar([("a.xml", SUITE + b" " * 60_000_000)]), mtime=0), "compression_ratio"),
    ],
)
def test_a_tar_archive_that_cannot_be_trusted_is_refused(data, wanted):
    assert reason(data) == wanted


def test_more_files_or_bytes_than_the_limits_are_refused():
    data = tar([(f"{number}.xml", SUITE) for number in range(4)])

    assert reason(data, limits=Limits(archive_members=3)) == "too_many_members"
    assert reason(gzip.compress(data), limits=Limits(unpacked_bytes=1024)) == "too_large"


def test_a_name_without_end_is_not_read():
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 2**33
    data = header.tobuf(tarfile.GNU_FORMAT) + b"n" * 100_000

    assert reason(data) == "corrupt_archive"
