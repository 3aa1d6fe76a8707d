"""`python -m layer_build deps|core FOLDER` builds a layer; `python -m layer_build services` lists the API calls in use."""

from __future__ import annotations

import sys
from pathlib import Path

from layer_build import core, deps
from layer_build.bytecode import LayerBuildError

LAYERS = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    match arguments:
        case ["deps", folder]:
            deps.build(LAYERS, Path(folder))
        case ["core", folder]:
            core.build(LAYERS, Path(folder))
        case ["services"]:
            from layer_build.used_services import write  # noqa: PLC0415 - needs botocore, which no build of a layer does

            write(LAYERS)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (LayerBuildError, KeyError) as error:
        sys.exit(f"layers: {error}")
