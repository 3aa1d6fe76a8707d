"""What a repository's post-receive hook runs: tells the local CodeCommit which refs a push moved.

It runs with the standard library alone, so that a push never waits for imports, and never fails the push: the refs
are already moved when it starts. Arguments: the folder with `hook.json`, and the repository's name.
"""

import getpass
import http.client
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

CONTACT_FILE = "hook.json"
HINT = "buildgate: the local cloud is down; this push will be found when the cloud is up (buildgate local up).\n"
TIMEOUT_SECONDS = 10


def main(arguments: list[str]) -> int:
    """Report the refs on standard input. Always 0."""
    folder, repository = arguments
    lines = [line.split(" ", 2) for line in sys.stdin.buffer.read().decode("utf-8", "surrogateescape").splitlines()]
    changes = [{"old": old, "new": new, "ref": ref} for old, new, ref in lines]
    message = {"repository": repository, "changes": changes, "user": _user()}
    try:
        _post(json.loads((Path(folder) / CONTACT_FILE).read_text()), message)
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        sys.stderr.write(HINT)
    return 0


def _user() -> str:
    """Return who pushes: `BUILDGATE_PUSH_USER`, the local cloud's user that commands act as, or the system's user."""
    try:
        named = os.environ.get("BUILDGATE_PUSH_USER") or os.environ.get("BUILDGATE_LOCAL_USER")
        return named or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _post(contact: dict[str, str], message: Mapping[str, object]) -> None:
    url = urlsplit(contact["url"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT_SECONDS)
    headers = {"Content-Type": "application/json", "X-Buildgate-Token": contact["token"]}
    connection.request("POST", url.path, json.dumps(message), headers)
    if connection.getresponse().status != http.client.OK:
        raise OSError


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
