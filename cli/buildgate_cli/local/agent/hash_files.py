"""`codebuild-hash-files FILE...`: prints the SHA-256 over the contents of files, in the order of their names.

Patterns in quotes (`'**/package-lock.json'`) are expanded here. Runs with the standard library alone; exits 1 and
names the pattern when nothing matches.
"""

import glob
import hashlib
import sys
from pathlib import Path


def main(arguments: list[str]) -> int:
    digest = hashlib.sha256()
    for argument in arguments:
        names = sorted(name for name in glob.glob(argument, recursive=True) if Path(name).is_file())  # noqa: PTH207 - patterns may be absolute
        if not names:
            sys.stderr.write(f"codebuild-hash-files: no file matches {argument}\n")
            return 1
        for name in names:
            digest.update(Path(name).read_bytes())
    print(digest.hexdigest())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
