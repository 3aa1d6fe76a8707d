"""SPDX as YAML: read by lines as its tools write it, and refused where lines are not enough."""

import io

import pytest

from buildgate.reports import ReportRefused, read

START = "spdxVersion: SPDX-2.3\n"


def counted(text):
    measured = read(io.BytesIO((START + text).encode()), name="bom.yaml").measurements
    return measured["components.total"], measured["components.licensed"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("packages:\n- name: a\n  licenseConcluded: MIT\n- name: b\nfiles:\n- licenseConcluded: MIT\n", (2, 1)),
        ("packages:\n  - name: a\n    licenseDeclared: 'MIT'\n  - licenseConcluded: \"NONE\"\n", (2, 1)),
        ("packages:\n-   name: a\n    licenseConcluded: A AND\n      B\n", (1, 1)),
        ("packages:   # two\n\n- name: a\n  licenseConcluded: NOASSERTION # nobody knows\n-\n  name: b\n", (2, 0)),
        ("packages:\n- name: a\n  checksums:\n  - algorithm: SHA1\n  text: |\n    licenseConcluded: MIT\n", (1, 0)),
        ("packages: []\nname: x\n", (0, 0)),
    ],
)
def test_packages_and_their_licences_are_counted(text, wanted):
    assert counted(text) == wanted


@pytest.mark.parametrize("text", ["packages: [{name: a}]\n", "packages:\n- name: a\n  licenseConcluded: *other\n"])
def test_what_lines_cannot_tell_is_refused(text):
    with pytest.raises(ReportRefused) as refused:
        counted(text)

    assert refused.value.reason_code == "malformed"
