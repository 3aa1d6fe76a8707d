"""What the local CodeBuild remembers over a restart: JSON documents in one SQLite file."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Document = dict[str, Any]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
  kind TEXT NOT NULL, key TEXT NOT NULL, parent TEXT NOT NULL, rank REAL NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_parent ON documents (kind, parent, rank);
"""


class Store:
    """Documents by kind and key; `parent` groups them (a build's project) and `rank` orders them (its start).

    Safe from any thread; each call is one transaction, unless it is made within `whole`.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(_SCHEMA)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Let what is put and deleted meanwhile be written whole or not at all."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def put(self, kind: str, key: str, document: Document, *, parent: str = "", rank: float = 0.0) -> None:
        row = (kind, key, parent, rank, json.dumps(document))
        with self._lock:
            self._database.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)", row)

    def get(self, kind: str, key: str) -> Document | None:
        with self._lock:
            row = self._database.execute(
                "SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()  # fmt: skip
        return dict(json.loads(row[0])) if row else None

    def delete(self, kind: str, key: str) -> bool:
        """Forget a document; False when there was none."""
        with self._lock:
            cursor = self._database.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))
        return cursor.rowcount > 0

    def keys(self, kind: str, *, parent: str | None = None, is_ascending: bool = True) -> list[str]:
        """Return keys by rank, then key."""
        where, values = ("", [kind]) if parent is None else (" AND parent = ?", [kind, parent])
        order = "ASC" if is_ascending else "DESC"
        query = f"SELECT key FROM documents WHERE kind = ?{where} ORDER BY rank {order}, key {order}"  # noqa: S608 - only constants are put in  # nosec B608
        with self._lock:
            return [row[0] for row in self._database.execute(query, values)]

    def count(self, kind: str, name: str) -> int:
        """Count one up and return the new value: 1, 2, 3 ... for each name."""
        with self._lock:
            value = self.counted(kind, name) + 1
            self.put(f"counter:{kind}", name, {"value": value})
        return value

    def counted(self, kind: str, name: str) -> int:
        """Return where the count stands; 0 before the first."""
        return int((self.get(f"counter:{kind}", name) or {"value": 0})["value"])

    def close(self) -> None:
        with self._lock:
            self._database.close()
