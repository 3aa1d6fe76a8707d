"""Reads one report in one way, as a process of its own: `report_readers.py WAY FILE`."""

import sys
from pathlib import Path


def expat(path):
    from xml.parsers import expat

    with Path(path).open("rb") as file:
        expat.ParserCreate().ParseFile(file)


def etree(path):
    import xml.etree.ElementTree as ET

    ET.parse(path)  # noqa: S314  # a file this benchmark wrote


def json_load(path):
    import json

    with Path(path).open(encoding="utf-8") as file:
        json.load(file)


def junitparser(path):
    import junitparser

    for suite in junitparser.JUnitXml.fromfile(path):
        for case in suite:
            _ = case.result, case.time


def buildgate(path, *, has_identity=True):
    from buildgate.reports import Options, read

    with Path(path).open("rb") as file:
        read(file, name=path, options=Options(has_identity=has_identity))


def counting(path):
    buildgate(path, has_identity=False)


WAYS = {
    "expat": expat,
    "etree": etree,
    "json": json_load,
    "junitparser": junitparser,
    "buildgate": buildgate,
    "buildgate-counting": counting,
}

if __name__ == "__main__":
    WAYS[sys.argv[1]](sys.argv[2])
