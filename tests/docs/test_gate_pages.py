"""The pages about gates say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from buildgate.domain.gates import model, presets
from buildgate.domain.gates.parse import GATE_KEYS
from buildgate.domain.gates.parse_objective import OBJECTIVE_KEYS
from buildgate.inbound.gate_file import parse_file
from buildgate_cli.gate_reference import pages

ROOT = Path(__file__).parents[2]
GATES = (ROOT / "docs/reference/gates.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^( *)```yaml\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("place", sorted(pages()))
def test_generated_page_is_current(place: str):
    assert (ROOT / place).read_text(encoding="utf-8") == pages()[place], "run `make docs`"


def test_no_page_is_left_of_a_preset_that_is_gone():
    written = {path.stem for path in (ROOT / "docs/reference/presets").glob("*.md")} - {"README"}

    assert written == set(presets.names())


@pytest.mark.parametrize("page", ["docs/reference/gates.md", "docs/how-to/choose-thresholds.md", *sorted(pages())])
def test_every_gate_shown_is_a_gate(page: str):
    for _, block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        assert parse_file(yaml.safe_load(block)).gates


def test_every_key_of_a_gate_is_documented():
    for key in (*GATE_KEYS, *OBJECTIVE_KEYS):
        if key not in {"title", "from_preset"}:
            assert f"`{key}`" in GATES, key


@pytest.mark.parametrize(
    "words", [model.MODES, model.ON_ERROR, model.ON_MISSING, model.ON_NO_BASELINE, model.AGGREGATES, model.INCLUDES]
)
def test_every_choice_is_documented(words: tuple[str, ...]):
    for word in words:
        assert f"`{word}`" in GATES, word


def test_links_lead_somewhere():
    for page in ("docs/reference/gates.md", "docs/how-to/choose-thresholds.md", *pages()):
        folder = (ROOT / page).parent
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text(encoding="utf-8")):
            assert (folder / target).exists(), f"{page}: {target}"
