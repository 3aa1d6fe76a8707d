"""The emulator as a child process: its environment made from nothing, its life tied to the supervisor's.

The pipe on its standard input is the tie: it closes when the supervisor ends, even when that is killed.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from buildgate_cli.errors import ExitCode, UserError

from .call_faults import variables as call_fault_variables
from .clock import variables as clock_variables
from .emulator_main import CHANGED_EXIT
from .seams.access import variables as access_variables
from .seams.findings import FOLDER_VARIABLE
from .state import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .state import Home, Keys

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0


@dataclass
class Emulator:
    """One emulator. `extra` are variables that the handlers must see, such as the services' endpoints."""

    home: Home
    keys: Keys
    port: int
    hosts: tuple[str, ...] = ()
    speed: float = 1.0
    control_secret: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where the emulated AWS answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process else None

    def environment(self) -> dict[str, str]:
        """Return the child's whole environment: nothing of the caller's but the search path."""
        temporary, state = self.home.folder("tmp"), self.home.folder("emulator", "state")
        own_hosts = (f"127.0.0.1:{self.port}", f"localhost:{self.port}")
        nothing = str(self.home.folder("emulator") / "no-such-file")
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "HOME": str(self.home.folder("emulator", "home")),
            "TMPDIR": str(temporary),
            "PYTHONUNBUFFERED": "1",
            "PYTHONNOUSERSITE": "1",
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.home.folder("emulator", "s3")),
            "AWS_ACCESS_KEY_ID": self.keys.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.keys.secret_access_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            "BUILDGATE_SPEED": str(self.speed),
            FOLDER_VARIABLE: str(self.home.findings),
            "BUILDGATE_CONTROL": self.control_secret,
            "BUILDGATE_ALLOWED_HOSTS": ",".join((*own_hosts, *self.hosts)),
            **clock_variables(self.home.path),
            **access_variables(self.home.path),
            **call_fault_variables(self.home.path),
            **self.extra,
        }

    def start(self) -> None:
        """Start the child and wait until it answers. Raises UserError with the reason when it does not."""
        with self.home.appending(self.home.emulator_log) as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "buildgate_cli.local.emulator_main"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.home.folder("emulator"),
                env=self.environment(),
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                status = self._process.returncode
                self.stop()
                raise self._why_it_ended(status)
            if time.monotonic() > deadline:
                self.stop()
                raise UserError(
                    f"The emulated AWS did not answer within {START_SECONDS:.0f} seconds.",
                    f"Read {self.home.emulator_log}.",
                    ExitCode.UNAVAILABLE,
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask the child to save and leave, and end it when it does not. Safe to repeat."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def has_ended(self) -> bool:
        """Say whether the child ended by itself."""
        return self._process is not None and self._process.poll() is not None

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/_ministack/health")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _why_it_ended(self, status: int) -> UserError:
        if status == CHANGED_EXIT:
            return UserError(
                f"The installed emulator is not the version this local cloud was made for: {self._last_line()}",
                "Restore the pinned packages with `make clean setup`.",
                ExitCode.UNAVAILABLE,
            )
        return UserError(
            f"The emulated AWS ended at once (status {status}): {self._last_line()}",
            f"Read {self.home.emulator_log}.",
            ExitCode.UNAVAILABLE,
        )

    def _last_line(self) -> str:
        lines = self.home.emulator_log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
