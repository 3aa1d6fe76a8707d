"""Which runtimes CodeBuild's images carry, from a dated data file."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any


@cache
def _data() -> dict[str, Any]:
    text = resources.files("buildgate_cli.buildspecs").joinpath("data", "runtimes.json").read_text("utf-8")
    data: dict[str, Any] = json.loads(text)
    return data


def names() -> frozenset[str]:
    """Return the names that `runtime-versions` may use."""
    return frozenset(_data()["names"])


def images() -> tuple[str, ...]:
    return tuple(image["image"] for image in _data()["images"])


def versions(name: str, image: str | None = None) -> tuple[str, ...] | None:
    """Return a runtime's versions on one image, or on all current ones; None when the image is not CodeBuild's."""
    everything = _data()["images"]
    chosen = [one for one in everything if (one["current"] if image is None else one["image"] == _plain(image))]
    if not chosen:
        return None
    return tuple(dict.fromkeys(version for one in chosen for version in one["runtimes"].get(name, ())))


def takes_other_versions(image: str) -> bool:
    """Whether the image downloads versions that it does not carry."""
    return any(one["custom_versions"] for one in _data()["images"] if one["image"] == _plain(image))


def _plain(image: str) -> str:
    """Return the image without the date of a pinned release: `standard:7.0-24.10.29` is `standard:7.0`."""
    return image.split("-2", maxsplit=1)[0] if ":" in image.split("-2", maxsplit=1)[0] else image
