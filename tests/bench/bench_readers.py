"""Measures reading big reports next to what people use today, and next to the least that any reader could cost.

Run with `python tests/bench/bench_readers.py [--scale 0.1] [--rounds 3]`. Each reading is a process of its own: its
processor time is the least of the rounds, which are interleaved; its memory is the peak of the process. The promises
are ratios of one run, and hold for the full sizes: a million test cases, 100 MB of SARIF, 50 MB of Cobertura.
junitparser and lxml are fetched by uv for this bench alone; without them that row is not measured, and says so.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PEERS = HERE / "peers" / "report_readers.py"
CASES, SARIF_BYTES, COBERTURA_BYTES = 1_000_000, 100_000_000, 50_000_000
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Cost:
    """What one process took."""

    seconds: float
    peak_bytes: int


def write_junit(path: Path, cases: int) -> None:
    """Write `cases` cases as pytest does; one in a hundred fails with half a kilobyte of text."""
    with path.open("w", encoding="utf-8") as file:
        file.write(f'<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" tests="{cases}">\n')
        for number in range(cases):
            place = f"tests.pkg{number % 97}.test_mod{number % 1009}.TestClass"
            start = f'<testcase classname="{place}" name="test_case_{number}" time="{number % 1000 / 1000:.3f}"'
            body = (
                f'><failure message="assert 1 == 2">{"x" * 500}</failure></testcase>\n'
                if number % 100 == 0
                else " />\n"
            )
            file.write(start + body)
        file.write("</testsuite></testsuites>")


def write_cobertura(path: Path, size: int) -> None:
    """Write about `size` bytes of files of 399 lines as coverage.py does; one line in ten is missed."""
    lines = "".join(f'\t\t\t\t<line number="{n}" hits="{int(n % 10 > 0)}"/>\n' for n in range(1, 400))
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0"?><coverage line-rate="0.9"><packages><package name="p"><classes>\n')
        for number in range(max(1, size // len(lines))):
            file.write(
                f'<class name="m{number}.py" filename="src/m{number}.py"><methods/><lines>\n{lines}</lines></class>\n'
            )
        file.write("</classes></package></packages></coverage>")


def write_sarif(path: Path, size: int) -> None:
    """Write about `size` bytes of results as a data flow analyser does."""
    levels = ("error", "warning", "note")
    rules = [{"id": f"R{n}", "defaultConfiguration": {"level": levels[n % 3]}} for n in range(200)]
    with path.open("w", encoding="utf-8") as file:
        file.write(
            '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","rules":' + json.dumps(rules) + '}},"results":['
        )
        written, number = 0, 0
        while written < size:
            written += file.write(("," if number else "") + "\n" + json.dumps(_result(number)))
            number += 1
        file.write("]}]}")


def _result(number: int) -> dict[str, object]:
    file = {"uri": f"src/main/java/com/example/pkg{number % 97}/File{number % 4001}.java", "uriBaseId": "%SRCROOT%"}
    place = {
        "physicalLocation": {"artifactLocation": file, "region": {"startLine": number % 900 + 1, "startColumn": 5}}
    }
    steps = [
        {"location": {"physicalLocation": {"artifactLocation": {"uri": "src/a.java"}, "region": {"startLine": 3}}}}
    ]
    return {
        "ruleId": f"R{number % 200}",
        "ruleIndex": number % 200,
        "level": ("error", "warning", "note")[number % 3],
        "message": {
            "text": f"The value of x{number} reaches a query unchecked; the rule says how to avoid it, and why."
        },
        "locations": [place],
        "partialFingerprints": {"primaryLocationLineHash": f"{number:016x}:1"},
        "codeFlows": [{"threadFlows": [{"locations": steps}]}],
    }


def python_with_peers(folder: Path) -> list[str] | None:
    """Return an interpreter that has junitparser and lxml, made in `folder` if this one has not; None if it cannot be."""
    if (
        subprocess.run([sys.executable, "-c", "import junitparser, lxml"], capture_output=True, check=False).returncode
        == 0
    ):
        return [sys.executable]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        return None
    python = str(folder / "peers" / "bin" / "python")
    steps = ([uv, "venv", "-q", "--python", sys.executable, str(folder / "peers")], [uv, "pip", "install", "-q"])
    commands = (steps[0], [*steps[1], "--python", python, "junitparser", "lxml"])
    is_made = all(subprocess.run(command, capture_output=True, check=False).returncode == 0 for command in commands)
    return [python] if is_made else None


def cost(command: list[str], way: str, file: Path) -> Cost:
    """Run one reading in a process of its own."""
    arguments = [*command, str(PEERS), way, str(file)]
    child = os.posix_spawn(arguments[0], arguments, dict(os.environ))
    _, status, usage = os.wait4(child, 0)
    if status != 0:
        raise RuntimeError(f"{way} failed on {file.name}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def measure(ways: dict[str, tuple[list[str], str, Path]], rounds: int) -> dict[str, Cost]:
    """Return the least of the rounds for each way; the rounds are interleaved."""
    taken: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (command, way, file) in ways.items():
            taken[name].append(cost(command, way, file))
    return {name: Cost(min(c.seconds for c in cs), min(c.peak_bytes for c in cs)) for name, cs in taken.items()}


class Promises:
    """Ratios, printed next to what is promised."""

    def __init__(self, *, is_full: bool) -> None:
        self.is_full = is_full
        self.broken = 0

    def hold(self, what: str, value: float, most: float, *, only_full: bool = False) -> None:
        """Print one ratio; it is held to its promise unless it needs the full sizes and these are not."""
        is_judged = self.is_full or not only_full
        is_kept = value <= most
        self.broken += is_judged and not is_kept
        verdict = "kept" if is_kept else "BROKEN" if is_judged else "not judged at this size"
        print(f"  {what:<52} {value:7.3f}  promised at most {most:.3f}  {verdict}")


def junit(folder: Path, scale: float, rounds: int, promises: Promises) -> None:
    """Measure a JUnit file of a million cases."""
    file, cases, ours = folder / "junit.xml", int(CASES * scale), [sys.executable]
    write_junit(file, cases)
    ways = {
        "least": (ours, "expat", file),
        "identity": (ours, "buildgate", file),
        "counting": (ours, "buildgate-counting", file),
    }
    peer = python_with_peers(folder)
    if peer:
        ways["junitparser"] = (peer, "junitparser", file)
    taken = measure(ways, rounds)
    show(f"JUnit, {cases} cases, {file.stat().st_size / MEGABYTE:.0f} MB", taken)
    if peer:
        theirs = taken["junitparser"]
        promises.hold("CPU with identity / junitparser", taken["identity"].seconds / theirs.seconds, 0.60)
        promises.hold("CPU counting only / junitparser", taken["counting"].seconds / theirs.seconds, 0.45)
        promises.hold("memory / junitparser", taken["identity"].peak_bytes / theirs.peak_bytes, 1 / 25, only_full=True)
    else:
        print("  not measured against junitparser: it is not here and could not be fetched")
    allowed = 20 * MEGABYTE + 16 * cases
    promises.hold("memory / (20 MB + 16 B a case)", taken["identity"].peak_bytes / allowed, 1.0)
    promises.hold(
        "CPU with identity / a parser that does nothing", taken["identity"].seconds / taken["least"].seconds, 3.5
    )


def cobertura(folder: Path, scale: float, rounds: int, promises: Promises) -> None:
    """Measure a Cobertura file of 50 MB."""
    file, ours = folder / "cobertura.xml", [sys.executable]
    write_cobertura(file, int(COBERTURA_BYTES * scale))
    ways = {
        "least": (ours, "expat", file),
        "buildgate": (ours, "buildgate", file),
        "ElementTree": (ours, "etree", file),
    }
    taken = measure(ways, rounds)
    show(f"Cobertura, {file.stat().st_size / MEGABYTE:.0f} MB", taken)
    mine, theirs = taken["buildgate"], taken["ElementTree"]
    promises.hold("CPU / ElementTree.parse", mine.seconds / theirs.seconds, 0.5)
    promises.hold("memory / ElementTree.parse", mine.peak_bytes / theirs.peak_bytes, 1 / 40, only_full=True)
    promises.hold("CPU / a parser that does nothing", mine.seconds / taken["least"].seconds, 3.5)


def sarif(folder: Path, scale: float, rounds: int, promises: Promises) -> None:
    """Measure a SARIF file of 100 MB."""
    file, ours = folder / "report.sarif", [sys.executable]
    write_sarif(file, int(SARIF_BYTES * scale))
    taken = measure({"buildgate": (ours, "buildgate", file), "json.load": (ours, "json", file)}, rounds)
    show(f"SARIF, {file.stat().st_size / MEGABYTE:.0f} MB", taken)
    mine, theirs = taken["buildgate"], taken["json.load"]
    promises.hold("CPU / json.load", mine.seconds / theirs.seconds, 0.9)
    promises.hold("memory / json.load", mine.peak_bytes / theirs.peak_bytes, 1 / 20, only_full=True)


def show(title: str, taken: dict[str, Cost]) -> None:
    """Print what each way took."""
    print(title)
    for name, one in taken.items():
        print(f"  {name:<14} {one.seconds:6.2f} s of CPU  {one.peak_bytes / MEGABYTE:8.1f} MB peak")


def main() -> int:
    """Print the figures; return 1 when a promise is broken."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scale", type=float, default=float(os.environ.get("BENCH_SCALE", "1")))
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    promises = Promises(is_full=asked.scale >= 1)
    with tempfile.TemporaryDirectory() as name:
        for one in (junit, cobertura, sarif):
            one(Path(name), asked.scale, asked.rounds, promises)
    return int(promises.broken > 0)


if __name__ == "__main__":
    sys.exit(main())
