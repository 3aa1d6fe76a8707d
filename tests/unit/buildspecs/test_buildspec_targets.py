"""Which files a folder's name means to the linter."""

from pathlib import Path

from buildgate_cli.buildspecs.targets import sources

SPEC = 'version: 0.2\nphases: {build: {commands: ["true"]}}\n'


def test_a_folder_means_its_buildspecs_by_name_by_folder_and_by_what_they_say(tmp_path: Path) -> None:
    files = {
        "buildspec.yml": "not: one",
        "app/my-buildspec-prod.yaml": SPEC,
        "buildspecs/release.yml": "anything: here",
        "ci/release.yml": SPEC.replace("0.2", '"0.1"'),
        "ci/batch.yml": "batch: {build-list: [{identifier: a}]}\nversion: 0.2\n",
        "compose.yml": "version: 3.8\nservices: {}\n",
        "deep.yml": "spec:\n  version: 0.2\n  phases: {}\n",
        "text.md": SPEC,
        "node_modules/x/buildspec.yml": SPEC,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    found = [Path(one.name).relative_to(tmp_path).as_posix() for one in sources([str(tmp_path)])]

    assert found == [
        "app/my-buildspec-prod.yaml",
        "buildspec.yml",
        "buildspecs/release.yml",
        "ci/batch.yml",
        "ci/release.yml",
    ]
