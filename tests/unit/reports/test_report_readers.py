"""What readers promise beyond their samples: recognition, repeated cases, changed lines, sinks, plug-ins."""

import io
import json
from importlib.metadata import EntryPoint

import pytest

from buildgate.domain.measurements import Finding, Report, merge
from buildgate.reports import Options, Refuse, ReportRefused, formats, read, registry
from buildgate.reports.source import Limits
from buildgate.reports.tests.tally import seconds


def read_text(text: str, **options) -> Report:
    return read(io.BytesIO(text.encode()), name="x", **options)


def sarif(*results) -> str:
    return json.dumps({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "t"}}, "results": list(results)}]})


def test_format_is_recognised_from_content_and_not_from_the_name():
    stream = io.BytesIO(b'<testsuite name="s"><testcase name="a"/></testsuite>')

    assert read(stream, name="sarif.json").format == "junit"


def test_content_of_another_format_is_refused_and_named():
    with pytest.raises(ReportRefused, match="looks like junit") as refused:
        read_text('<testsuite name="s"/>', format="cobertura")

    assert refused.value.reason_code == "wrong_format"


def test_unknown_format_is_refused():
    with pytest.raises(ReportRefused) as refused:
        read_text("<testsuite/>", format="tap")

    assert refused.value.reason_code == "unknown_format"


@pytest.mark.parametrize(("name", "wanted"), [("nunit", "nunit3"), ("jmeter", "jmeter-xml")])
def test_a_tool_of_several_formats_may_be_named_by_its_own_name(name, wanted):
    texts = {"nunit3": "<test-run total='0'/>", "jmeter-xml": "<testResults/>"}

    assert read_text(texts[wanted], format=name).format == wanted


class _Twin:
    name, title, reads, kinds = "twin", "Twin", "tests", ("text",)

    def sniff(self, head):
        return 90 if head.text.startswith("twins") else None

    def read(self, document):
        document.contents.measure("custom.twins", sum(1 for _ in document.lines()))


class _Other(_Twin):
    name = "other"


class _Broken(_Twin):
    name = "broken"

    def sniff(self, head):
        return 10 if head.text.startswith("broken") else None

    def read(self, document):
        raise ZeroDivisionError


@pytest.fixture
def plugged(monkeypatch):
    """Readers of users, as their entry points would give them."""
    points = {
        cls.name: EntryPoint(cls.name, f"{__name__}:{cls.__name__}", registry.GROUP) for cls in (_Twin, _Other, _Broken)
    }
    monkeypatch.setattr(registry, "_entry_points", lambda: points)
    monkeypatch.setattr(EntryPoint, "load", lambda self: globals()[self.attr])
    registry._load.cache_clear()
    yield points
    registry._load.cache_clear()


def test_users_add_readers_by_entry_point(plugged):
    del plugged["other"]

    report = read_text("twins\ntwins\n")

    assert "twin" in formats()
    assert (report.format, report.measurements) == ("twin", {"custom.twins": 2.0})


def test_content_that_two_readers_claim_alike_is_ambiguous_and_lists_them(plugged):
    with pytest.raises(ReportRefused, match="other, twin") as refused:
        read_text("twins\n")

    assert refused.value.reason_code == "ambiguous"
    assert read_text("twins\n", format="other").format == "other"


def test_a_reader_that_breaks_is_an_error_and_never_a_pass(plugged):
    with pytest.raises(ReportRefused, match="ZeroDivisionError") as refused:
        read_text("broken\n")

    assert refused.value.reason_code == "reader_failed"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1.5", 1.5),
        ("1,234.5", 1234.5),
        ("0,25", 0.25),
        ("2s", 2.0),
        ("00:01:02.5", 62.5),
        ("1.01:00:00", 90_000.0),
        ("-1", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_durations_are_read_as_tools_write_them(text, wanted):
    assert seconds(text) == wanted


def test_fast_lane_and_ordinary_way_count_the_same_case_as_one():
    passed = "".join(f'<testcase classname="c" name="n{n}" time="0.5"/>' for n in range(50))
    again = '<testcase classname="c" name="n7" time="0.5"><failure message="first try"/></testcase>'

    report = read_text(f'<testsuite name="s">{again}{passed}</testsuite>')

    assert report.measurements["tests.total"] == 50
    assert report.measurements["tests.flaky"] == 1
    assert report.measurements["tests.failed"] == 1
    assert report.measurements["tests.duration_seconds"] == 25.5


def test_fast_lane_takes_no_case_from_a_comment_or_from_cdata():
    run = "".join(f'<testcase name="n{n}"/>\n' for n in range(20))

    report = read_text(
        f'<testsuite name="s"><testcase name="a"/><!-- {run} --><system-out><![CDATA[{run}]]></system-out></testsuite>'
    )

    assert report.measurements["tests.total"] == 1


def test_stand_in_of_the_fast_lane_cannot_be_written_by_hand():
    with pytest.raises(ReportRefused) as refused:
        read_text('<testsuite name="s"><testcase name="a"/><buildgate-run n="1"/></testsuite>')

    assert refused.value.reason_code == "malformed"


def test_cases_are_found_the_same_at_every_place_where_a_chunk_may_end():
    body = "".join(f'<testcase classname="c" name="{n} &amp; &#65;" time="0.1"/>\n' for n in range(30))
    data = f'<?xml version="1.0"?><testsuites><testsuite name="s">{body}</testsuite></testsuites>'.encode()

    class Pieces(io.BytesIO):
        def __init__(self, size):
            super().__init__(data)
            self.size = size

        def read(self, size=-1):
            return super().read(self.size)

    wanted = read(io.BytesIO(data), name="x")
    for size in (1, 2, 3, 7, 50, 64, 65, 511):
        assert read(Pieces(size), name="x") == wanted


def test_same_case_in_two_suites_is_two_cases():
    case = '<testcase classname="c" name="n"/>'
    failed = '<testcase classname="c" name="n"><failure/></testcase>'

    report = read_text(
        f'<testsuites><testsuite name="chrome">{case}</testsuite><testsuite name="firefox">{failed}</testsuite></testsuites>'
    )

    assert (report.measurements["tests.total"], report.measurements["tests.flaky"]) == (2, 0)


def test_counting_only_keeps_no_identity_and_counts_rows():
    text = '<testsuite name="s"><testcase name="n"/><testcase name="n"><failure/></testcase></testsuite>'

    report = read_text(text, options=Options(has_identity=False))

    assert (report.measurements["tests.total"], report.measurements["tests.flaky"]) == (2, 0)


def test_every_case_and_finding_can_be_had_as_it_is_read():
    cases, findings = [], []
    options = Options(on_case=cases.append, on_finding=findings.append, limits=Limits(cases_kept=1, findings_kept=1))
    suite = (
        '<testsuite name="s">' + '<testcase name="n"><failure/></testcase>' * 3 + '<testcase name="ok"/></testsuite>'
    )

    junit = read_text(suite, options=options)
    found = read_text(sarif(*({"ruleId": f"r{n}", "message": {"text": "m"}} for n in range(3))), options=options)

    assert [case.status for case in cases] == ["failed", "failed", "failed", "passed"]
    assert len(junit.cases) == 1
    assert (len(findings), len(found.findings), found.measurements["findings.total"]) == (3, 1, 3)


def test_worst_findings_are_kept_when_not_all_can_be():
    levels = ["note"] * 5 + ["error"] * 3 + ["warning"] * 4

    report = read_text(
        sarif(*({"ruleId": f"r{n}", "level": level, "message": {"text": "m"}} for n, level in enumerate(levels))),
        options=Options(limits=Limits(findings_kept=4)),
    )

    assert [finding.severity for finding in report.findings] == ["high", "high", "high", "medium"]
    assert report.measurements["findings.low"] == 5


def test_fingerprint_outlives_lines_added_above():
    def at(line):
        place = [{"physicalLocation": {"artifactLocation": {"uri": "a.py"}, "region": {"startLine": line}}}]
        return sarif({"ruleId": "r", "message": {"text": "m"}, "locations": place})

    before, after = (read_text(at(line)).findings[0] for line in (3, 30))

    assert before.line != after.line
    assert before.fingerprint == after.fingerprint


@pytest.mark.parametrize("path", ["src/shop/cart.py", "shop/cart.py", "./src/shop/cart.py", "src\\shop\\cart.py"])
def test_coverage_of_changed_lines_matches_paths_by_their_end(path):
    lines = "".join(f'<line number="{n}" hits="{n % 2}"/>' for n in range(1, 11))
    text = f'<coverage line-rate="0.5"><packages><package><classes><class name="c" filename="shop/cart.py"><lines>{lines}</lines></class></classes></package></packages></coverage>'

    report = read_text(text, options=Options(changed_lines={path: [1, 2, 3, 99], "src/other/cart.py": [4]}))

    assert report.measurements["coverage.changed.line.total"] == 3
    assert report.measurements["coverage.changed.line.covered"] == 2
    assert report.measurements["coverage.changed.line_percent"] == pytest.approx(66.6667, abs=1e-3)


def test_coverage_is_listed_by_file():
    report = read_text(
        "SF:a.c\nDA:1,1\nDA:2,0\nBRDA:1,0,0,1\nBRDA:1,0,1,-\nend_of_record\nSF:b.c\nDA:1,1\nend_of_record\n"
    )

    assert [(f.file, f.lines_covered, f.lines_total, f.branches_covered) for f in report.files] == [
        ("a.c", 1, 2, 1),
        ("b.c", 1, 1, 0),
    ]


def test_licences_are_counted_by_name():
    bom = {
        "bomFormat": "CycloneDX",
        "components": [{"name": n, "licenses": [{"license": {"id": "MIT"}}]} for n in "ab"],
    }

    assert read_text(json.dumps(bom)).licences == {"MIT": 2}


def test_refusals_of_readers_carry_the_file_and_the_reason():
    error = ReportRefused("a.xml", "truncated", "the XML ends in the middle")

    assert str(error) == "a.xml: the XML ends in the middle (truncated)"
    assert str(Refuse("empty")) == "the file holds nothing"


def report_of(file, findings=(), **measured) -> Report:
    return Report(file, "x", {name.replace("__", "."): value for name, value in measured.items()}, tuple(findings))


def test_merging_adds_counts_and_works_percentages_out_again():
    merged = merge(
        [
            report_of(
                "a", tests__total=3, coverage__line__covered=1, coverage__line__total=2, coverage__line_percent=50
            ),
            report_of(
                "b", tests__total=4, coverage__line__covered=8, coverage__line__total=8, coverage__line_percent=100
            ),
        ]
    )

    assert merged.measurements["tests.total"].value == 7
    assert merged.measurements["coverage.line_percent"].value == 90
    assert merged.measurements["tests.total"].source_file == "a, b"


def test_merging_takes_the_worst_of_what_cannot_be_added():
    merged = merge(
        [
            report_of("a", performance__p95_ms=100, performance__rps=9),
            report_of("b", performance__p95_ms=80, performance__rps=5),
        ]
    )

    assert merged.measurements["performance.p95_ms"].value == 100
    assert merged.measurements["performance.rps"].value == 5


def test_merging_gives_no_value_where_reports_contradict_each_other():
    merged = merge([report_of("a", model__accuracy=0.9), report_of("b", model__accuracy=0.8)])

    assert "model.accuracy" not in merged.measurements
    assert merged.conflicts == ("model.accuracy",)


def test_merged_findings_are_sorted_from_the_worst():
    low, high = Finding("r", "low", fingerprint="1"), Finding("r", "high", fingerprint="2")

    assert merge([report_of("a", [low]), report_of("b", [high])]).findings == (high, low)


@pytest.mark.parametrize(
    ("name", "value"),
    [("quality__changed__hotspots_reviewed_percent", 50), ("quality__changed__duplicated_percent", 3)],
)
def test_merging_takes_the_worst_share_of_new_code(name, value):
    better = 100 if "hotspots" in name else 0

    merged = merge([report_of("a", **{name: value}), report_of("b", **{name: better})])

    assert merged.measurements[name.replace("__", ".")].value == value


def test_merging_counts_once_what_sonarqubes_status_says_again_of_its_measures():
    measures = Report("m", "sonar-measures", {"quality.changed.issues": 3})
    again, other = (Report("s", "sonar-status", {"quality.changed.issues": issues}) for issues in (3, 4))

    assert merge([again, measures]).measurements["quality.changed.issues"].value == 3
    assert merge([other, measures]).measurements["quality.changed.issues"].value == 7
    assert merge([again]).measurements["quality.changed.issues"].value == 3
