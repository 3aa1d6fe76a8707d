"""`sources:` in a gate file: what each kind takes, and every mistake with its place and a fix."""

import pytest

from buildgate.domain.gates import GateFileError, gate_from_data, gate_to_data, parse
from buildgate.domain.gates.sources import Source

OBJECTIVES = [{"measurement": "tests.failed", "pass": ["<= 0"]}]
ALL = [
    {"from": "artifacts", "paths": ["reports/*.xml"], "build": "unit"},
    {"from": "ecr", "image": "shop"},
    {"from": "inspector", "image": "shop", "tag": "{branch}"},
    {"from": "sonarqube", "url": "https://sonar.example.com", "project": "shop", "token": "sonar", "metrics": ["bugs"]},
    {
        "from": "cloudwatch",
        "measurement": "performance.p95_ms",
        "namespace": "Shop",
        "metric": "Latency",
        "dimensions": {"Service-Name": "web"},
        "statistic": "p95",
        "over": "1h",
        "scale": 1000,
    },
    {"from": "endpoint", "url": "https://checks.example.com/gate"},
]


def gate(*sources):
    return parse({"name": "quality", "objectives": OBJECTIVES, "sources": list(sources)})


def test_every_kind_of_source_is_stored_and_read_back():
    known = gate(*ALL)

    assert gate_from_data(gate_to_data(known)) == known
    assert [source.kind for source in known.sources] == [one["from"] for one in ALL]
    assert known.sources[4].get("dimensions") == (("Service-Name", "web"),)
    assert known.sources[4].get("over_minutes") == 60.0


def test_an_image_is_by_default_the_one_of_the_commit():
    [source] = gate(ALL[1]).sources

    assert source.filled({"commit": "abc"}).text("tag") == "abc"


def test_placeholders_are_filled_in_texts_and_lists():
    source = Source("artifacts", (("build", "{branch}"), ("paths", ("{commit}/*.xml", "{unknown}"))))

    filled = source.filled({"commit": "abc", "branch": "main"})

    assert filled.options == (("build", "main"), ("paths", ("abc/*.xml", "{unknown}")))


@pytest.mark.parametrize(
    ("source", "place", "said"),
    [
        ({"from": "sonar"}, "sources[0].from", "did you mean sonarqube?"),
        ("zzz", "sources[0].from", "write one of: artifacts"),
        ({"from": "artifacts"}, "sources[0].paths", 'write paths: ["reports/*"]'),
        ({"from": "ecr"}, "sources[0].image", "add image: ..."),
        ({"from": "ecr", "image": "a", "tag": "1", "digest": "sha256:1"}, "sources[0].digest", "drop one"),
        ({"from": "ecr", "image": "a", "tag": "{sha}"}, "sources[0].tag", "there are {branch}, {commit}"),
        ({"from": "inspector"}, "sources[0].image", "write one of image and resource"),
        ({"from": "endpoint", "url": "http://a.example.com"}, "sources[0].url", "write https://host/path"),
        ({"from": "endpoint", "url": "https://u:p@a.example.com"}, "sources[0].url", "write https://host/path"),
        (
            {"from": "endpoint", "url": "https://a.example.com", "token": "a b"},
            "sources[0].token",
            "write token: sonarqube",
        ),
        ({**ALL[4], "statistic": "median"}, "sources[0].statistic", "write Average"),
        ({**ALL[4], "measurement": "performance.p95"}, "sources[0].measurement", "did you mean performance.p95_ms?"),
        ({**ALL[4], "dimension": {}}, "sources[0].dimension", "did you mean dimensions?"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_fix(source, place, said):
    with pytest.raises(GateFileError) as caught:
        gate(source)

    [problem] = caught.value.problems
    assert problem.place == place
    assert said in problem.fix
