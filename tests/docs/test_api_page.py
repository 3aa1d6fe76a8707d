"""The pages of the HTTP API are what its routing table makes of them."""

from pathlib import Path

import pytest

from buildgate_cli import api_reference

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def pages():
    return api_reference.pages()


@pytest.mark.parametrize("place", [api_reference.PAGE, api_reference.DOCUMENT])
def test_the_published_document_is_current(pages, place):
    assert (ROOT / place).read_text(encoding="utf-8") == pages[place], "run `make docs`"


def test_the_page_names_every_route(pages):
    routes = api_reference.description()["paths"]

    assert [path for path in routes if f" {path}`" not in pages[api_reference.PAGE]] == []
