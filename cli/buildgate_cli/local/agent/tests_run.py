"""`codebuild-tests-run`: runs the tests of this build's share of a fan-out. Standard library alone.

`--files-search` is a command that prints test files; this build takes its share of them and hands it to
`--test-command`, in CODEBUILD_CURRENT_SHARD_FILES (one a line), and as arguments when the command does not name that
variable. Outside of a fan-out the share is everything. An empty share runs nothing and succeeds.
"""

import argparse
import hashlib
import os
import shlex
import subprocess
import sys

SHARE_INDEX = "CODEBUILD_BATCH_SHARE_INDEX"
SHARE_TOTAL = "CODEBUILD_BATCH_SHARE_TOTAL"
FILES = "CODEBUILD_CURRENT_SHARD_FILES"


def share_of(files: list[str], index: int, total: int, strategy: str) -> list[str]:
    """Return one share of the files: every total-th, or by a hash of the name, which stays when files come and go."""
    if strategy == "stability":
        return [name for name in files if int(hashlib.sha256(name.encode()).hexdigest(), 16) % total == index]
    return files[index::total]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="codebuild-tests-run")
    parser.add_argument("--test-command", required=True)
    parser.add_argument("--files-search", required=True)
    parser.add_argument(
        "--sharding-strategy", choices=("equal-distribution", "stability"), default="equal-distribution"
    )
    options = parser.parse_args(arguments)
    search = subprocess.run(["sh", "-c", options.files_search], stdout=subprocess.PIPE, text=True, check=False)
    if search.returncode != 0:
        return search.returncode
    files = sorted(filter(None, search.stdout.splitlines()))
    index, total = int(os.environ.get(SHARE_INDEX, "0")), int(os.environ.get(SHARE_TOTAL, "1"))
    share = share_of(files, index, total, options.sharding_strategy)
    if not share:
        print("codebuild-tests-run: no test files in this share")
        return 0
    command = options.test_command
    if FILES not in command:
        command = f"{command} {shlex.join(share)}"
    return subprocess.run(["sh", "-c", command], env={**os.environ, FILES: "\n".join(share)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
