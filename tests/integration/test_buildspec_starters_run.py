"""Starters whose tools are on this machine, and a generated buildspec, run green in the local CodeBuild."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from buildgate_cli.main import main

PYTHON_PROJECT = {"tests/test_sum.py": "def test_sum():\n    assert 1 + 1 == 2\n"}
NODE_PROJECT = {
    "package.json": json.dumps(
        {
            "name": "shop",
            "version": "1.0.0",
            "scripts": {
                "test": "node --test --test-reporter=junit --test-reporter-destination=reports/junit.xml",
                "build": "mkdir -p dist && echo done > dist/index.js",
            },
        }
    ),
    "package-lock.json": json.dumps(
        {
            "name": "shop",
            "version": "1.0.0",
            "lockfileVersion": 3,
            "packages": {"": {"name": "shop", "version": "1.0.0"}},
        }
    ),
    "test/sum.test.js": 'const test = require("node:test");\ntest("sum", () => {});\n',
}
PROJECTS = {"python": PYTHON_PROJECT} | ({"node": NODE_PROJECT} if shutil.which("npm") else {})


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture(autouse=True)
def _tools(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path_factory.mktemp("bin")
    (tools / "python").symlink_to(sys.executable)  # the one that has pytest
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("builds")))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{tools}:/usr/local/bin:/usr/bin:/bin")


@pytest.mark.parametrize("name", PROJECTS)
def test_starter_runs_green_and_leaves_its_report(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = written(tmp_path / "source", PROJECTS[name])
    assert main(["buildspec", "new", "--template", name, "-o", str(source / "buildspec.yml")]) == 0

    code = main(["local", "build", str(source), "--allow-host-runtimes", "--artifacts", str(tmp_path / "kept")])

    assert code == 0, capsys.readouterr().out
    assert (tmp_path / "kept" / "reports" / "junit.xml").exists()


def test_generated_buildspec_runs_green_and_records_the_cache(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = tmp_path / "short.yml"
    short.write_text(
        "build: mkdir -p reports && echo '<testsuite/>' > reports/junit.xml\nreports: {unit: reports/junit.xml}\n"
        "cache: {lock: lock.txt, paths: ['deps/**/*']}\n"
    )
    source = written(tmp_path / "source", {"lock.txt": "a==1\n"})
    assert main(["buildspec", "generate", str(short), "-o", str(source / "buildspec.yml")]) == 0

    assert (
        main(["local", "build", str(source), "--allow-host-runtimes", "-e", "BUILD_TIMESTAMP=2026-01-01T00:00:00Z"])
        == 0
    )

    out = capsys.readouterr().out
    assert "exported BUILDGATE_CACHE_RESULT=miss" in out
    assert "exported BUILDGATE_CACHE_KEY=deps-" in out
    assert "exported BUILDGATE_CACHE_BYTES=0" in out
    assert "exported BUILD_TIMESTAMP=2026-01-01T00:00:00Z" in out
