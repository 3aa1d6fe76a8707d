"""The agent's side of the conversation with the cloud that started it."""

import json
import os
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from buildgate_cli.local.agent import protocol
from buildgate_cli.local.agent.build import BroughtSource, Collected, CollectedReport, PhaseResult, Used
from buildgate_cli.local.agent.execution import Interrupt, InterruptedBuildError
from buildgate_cli.local.agent.pack import zipped

_END: dict[str, Any] = {"kind": "end"}


class Conversation:
    """Sends what happens, asks questions, and turns `stop` and the end of the stream into an interrupt."""

    def __init__(self, incoming: IO[bytes], outgoing: int, interrupt: Interrupt) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._interrupt = interrupt
        self._answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._questions = 0

    def listen(self) -> None:
        """Begin to read what the cloud says, in a thread of its own."""
        threading.Thread(target=self._listen, name="cloud", daemon=True).start()

    def _listen(self) -> None:
        for line in self._incoming:
            message = json.loads(line)
            if message["kind"] == "stop":
                self._interrupt.request("STOPPED")
            else:
                self._answers.put(message)
        self._interrupt.request("ORPHANED")
        self._answers.put(_END)

    def send(self, message: Mapping[str, Any]) -> None:
        """Write one message; when nobody reads any more, the build ends."""
        data = memoryview(protocol.encode(message))
        try:
            while data:
                data = data[os.write(self._outgoing, data) :]
        except BrokenPipeError:
            self._interrupt.request("ORPHANED")

    def ask(self, what: str, **arguments: Any) -> Any:
        """Return the cloud's answer. Raises the Failure it answers with, InterruptedBuildError when it is gone."""
        self._questions += 1
        self.send({"kind": "ask", "id": self._questions, "what": what, **arguments})
        while True:
            message = self._answers.get()
            if message is _END:
                raise InterruptedBuildError("ORPHANED")
            if message.get("id") == self._questions:
                return protocol.answer_value(message)


class RemoteSink:
    """Tells the cloud what the build does."""

    def __init__(self, conversation: Conversation) -> None:
        self._send = conversation.send

    def log(self, lines: list[str]) -> None:
        self._send({"kind": "log", "lines": lines})

    def phase_started(self, name: str, at: datetime) -> None:
        self._send({"kind": "phase-started", "name": name, "at": at.timestamp()})

    def phase_ended(self, result: PhaseResult) -> None:
        self._send(protocol.phase_message(result))

    def source_resolved(self, commit: str) -> None:
        self._send({"kind": "resolved", "commit": commit})

    def used(self, used: Used) -> None:
        self._send({"kind": "used", **asdict(used)})


class RemoteOutside:
    """Parameters, secrets, artifacts and reports by way of the cloud. ZIP artifacts are packed here."""

    def __init__(self, conversation: Conversation, folder: Path, zipped_artifacts: frozenset[str | None]) -> None:
        self._ask = conversation.ask
        self._folder = folder
        self._zipped = zipped_artifacts

    def parameters(self, names: Mapping[str, str]) -> Mapping[str, str]:
        return self._values("parameters", names)

    def secrets(self, references: Mapping[str, str]) -> Mapping[str, str]:
        return self._values("secrets", references)

    def _values(self, what: str, names: Mapping[str, str]) -> Mapping[str, str]:
        return dict(self._ask(what, names=dict(names))) if names else {}

    def keep_artifact(self, artifact: Collected) -> None:
        asked = {"identifier": artifact.identifier, "name": artifact.name, "s3_prefix": artifact.s3_prefix}
        if artifact.identifier in self._zipped:
            path = self._folder / f"{artifact.identifier or 'primary'}.zip"
            packed = zipped(artifact.files, path, keeps_links=artifact.keeps_links)
            self._ask("artifact", **asked, zip=str(packed.path), sha256=packed.sha256, md5=packed.md5)
        else:
            self._ask(
                "artifact", **asked, files=protocol.files(tuple(file for file in artifact.files if file.path.is_file()))
            )

    def fetch_object(self, location: str, into: Path) -> str | None:
        version: str | None = self._ask("object", location=location, into=str(into))
        return version

    def keep_source(self, brought: BroughtSource) -> None:
        self._ask("keep-source", **asdict(brought) | {"clone": str(brought.clone)})

    def fetch_cache(self, key: str, fallbacks: Sequence[str], into: Path) -> str | None:
        matched: str | None = self._ask("fetch-cache", key=key, fallbacks=list(fallbacks), into=str(into))
        return matched

    def keep_cache(self, key: str, archive: Path, *, is_final: bool) -> None:
        self._ask("keep-cache", key=key, archive=str(archive), is_final=is_final)

    def keep_report(self, report: CollectedReport) -> None:
        self._ask(
            "report", group=report.group, file_format=report.file_format, files=protocol.files(report.files)
        )  # fmt: skip
