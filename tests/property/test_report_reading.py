"""Reading is total: any bytes give a report or a named refusal; and the order of reports never matters."""

import io
import json
import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildgate.domain.measurements import Finding, Report, merge
from buildgate.reports import REASONS, Options, ReportRefused, read_all, registry
from buildgate.reports.source import Limits

SAMPLES = Path(__file__).parents[1] / "samples" / "reports"
MANIFEST = json.loads((SAMPLES / "manifest.json").read_text(encoding="utf-8"))
SMALL = [
    ((SAMPLES / name).read_bytes(), entry.get("format"))
    for name, entry in MANIFEST.items()
    if (SAMPLES / name).stat().st_size < 20_000
]
TIGHT = Options(limits=Limits(unpacked_bytes=1_000_000, record_chars=100_000))
LENIENT = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=300)


def assert_total(data: bytes, format_name: str | None = None) -> None:
    reports, reason = [], None
    try:
        reports = list(read_all(io.BytesIO(data), name="x", format=format_name, options=TIGHT))
    except ReportRefused as refused:
        reason = refused
    assert reason is None or reason.reason_code in REASONS.keys() - {"reader_failed"}, reason
    assert all(math.isfinite(value) for report in reports for value in report.measurements.values())


@LENIENT
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    assert_total(data)


@LENIENT
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=12,
    ),
    st.sampled_from(sorted(registry.BUILT_IN)),
)
def test_any_json_is_read_or_refused_as_any_format(value, format_name):
    assert_total(json.dumps(value).encode(), format_name)


@st.composite
def mutated(draw):
    """A sample with a few bytes changed, cut out, doubled or cut off."""
    data, format_name = draw(st.sampled_from(SMALL))
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        if not data:
            break
        start = draw(st.integers(0, len(data) - 1))
        end = min(len(data), start + draw(st.integers(1, 40)))
        kind = draw(st.sampled_from(["change", "cut", "double", "end"]))
        if kind == "change":
            data[start] = draw(st.integers(0, 255))
        elif kind == "cut":
            del data[start:end]
        elif kind == "double":
            data[end:end] = data[start:end]
        else:
            del data[end:]
    return bytes(data), draw(st.sampled_from([None, format_name]))


@LENIENT
@given(mutated())
def test_mutated_samples_are_read_or_refused(case):
    assert_total(*case)


SCALARS = st.sampled_from([None, True, False, 0, -1, 1.5, 10**30, "", "x", "HIGH", "12", [], {}, [1], {"a": 1}])


@st.composite
def twisted(draw):
    """A JSON sample with some of its values replaced by values of other kinds: what a careless tool writes."""
    data, format_name = draw(st.sampled_from([case for case in SMALL if case[0][:1] in b"{[" and case[1]]))
    try:
        value = json.loads(data)
    except ValueError:
        return data, format_name
    holders = []
    open_values = [value]
    while open_values:
        here = open_values.pop()
        keys = list(here) if isinstance(here, dict) else list(range(len(here))) if isinstance(here, list) else []
        holders += [(here, key) for key in keys]
        open_values += [here[key] for key in keys]
    for _ in range(draw(st.integers(1, 3))):
        if holders:
            here, key = draw(st.sampled_from(holders))
            here[key] = draw(SCALARS)
    return json.dumps(value).encode(), draw(st.sampled_from([None, format_name]))


@LENIENT
@given(twisted())
def test_values_of_the_wrong_kind_are_read_or_refused(case):
    assert_total(*case)


NAMES = st.sampled_from(
    [
        "tests.total",
        "coverage.line_percent",
        "coverage.line.covered",
        "coverage.line.total",
        "performance.p95_ms",
        "performance.rps",
        "model.accuracy",
        "cost.monthly_usd_delta",
    ]
)
REPORTS = st.lists(
    st.builds(
        Report,
        file=st.sampled_from(["a.xml", "b.xml", "c.json"]),
        format=st.just("x"),
        measurements=st.dictionaries(NAMES, st.floats(-1e6, 1e6), max_size=5),
        findings=st.lists(
            st.builds(
                Finding,
                rule=st.sampled_from("rs"),
                severity=st.sampled_from(["high", "low"]),
                fingerprint=st.sampled_from("fg"),
            ),
            max_size=3,
        ).map(tuple),
        warnings=st.just(()),
    ),
    max_size=5,
)


@given(REPORTS, st.randoms(use_true_random=False))
def test_order_of_reports_does_not_matter(reports, random):
    shuffled = list(reports)
    random.shuffle(shuffled)

    first, second = merge(reports), merge(shuffled)

    assert first.measurements == second.measurements
    assert first.findings == second.findings
    assert first.conflicts == second.conflicts
