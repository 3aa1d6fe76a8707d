"""`codebuild-glob-search PATTERN...`: prints the files that match, one a line, sorted. Standard library alone."""

import glob
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    found = {name for pattern in arguments for name in glob.glob(pattern, recursive=True) if Path(name).is_file()}  # noqa: PTH207 - patterns may be absolute
    for name in sorted(found):
        print(name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
