"""The local cloud: one supervisor that starts every part of it, watches them, and ends them all.

Order: emulator, our own services, deployment of the template, a look at its doors, the front, the inbox, the
console, and last `cloud.json`, which tells other commands that the cloud is there. The way down is the way up in reverse.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from buildgate_cli import cloud_context
from buildgate_cli.console.server import ConsoleServer
from buildgate_cli.errors import ExitCode, UserError

from .bundle import Deployment, read_template
from .call_faults import boundary
from .callers import Callers, authorised
from .clock import clock_of, variables
from .codebuild.fencing import isolation
from .emulator import Emulator
from .events import bus_emitter
from .front import Front
from .inbox import Inbox
from .issuer import AUDIENCE, PATH, LocalIssuer
from .jsonservice import ServicesServer
from .probe import refuse_open_routes, refuse_open_services
from .restarts import tell_of_interrupted
from .services import own_services
from .state import ACCOUNT, REGION, STACK, Home, Keys

if TYPE_CHECKING:
    from collections.abc import Callable

    from .inbox import Notice

LOG = logging.getLogger(__name__)
CHECKOUT: Final = Path(__file__).resolve().parents[3]
OLDEST_PYTHON: Final = (3, 11)


@dataclass(frozen=True)
class Settings:
    """What a cloud is started with. `speed` shortens schedules, approvals and bakes; builds keep their own pace.

    Tokens of `oidc_issuer` for `oidc_audience` are taken; without one those of the cloud's own issuer.
    """

    home: Path
    template: Path = CHECKOUT / "template.yaml"
    speed: float = 1.0
    oidc_issuer: str = ""
    oidc_audience: str = AUDIENCE
    show: Callable[[Notice], None] | None = None
    tell: Callable[[str], None] = field(default=lambda _step: None)


class Cloud:
    """One local cloud. Use it as a context, or call `start` and `stop`; both are safe to repeat."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = Home(settings.home)
        self.stopped = threading.Event()
        self.outputs: dict[str, str] = {}
        self._stack = ExitStack()
        self._ports: dict[str, int] = {}
        self._keys = Keys("", "")
        self._control_secret = secrets.token_urlsafe(24)
        self._emulator: Emulator | None = None
        self._one_client_at_a_time = threading.Lock()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Bring every part up. Raises UserError with the remedy; nothing is left running then."""
        check_machine()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        settings, home, tell = self.settings, self.home, self.settings.tell
        template = read_template(settings.template)
        home.prepare()
        self._stack.enter_context(home.locked())
        home.sweep()
        self._stack.callback(home.sweep)
        self._ports, self._keys = home.ports(), home.keys()
        tell("starting the emulated AWS")
        began = self._emulators_now()
        self._start_emulator()
        self._start_services()
        tell("deploying template.yaml")
        self.outputs = Deployment(self.client, STACK).deploy(settings.template, self._parameters())
        front = self._start_front()
        tell("checking that authorised routes are shut")
        refuse_open_services(port=self._ports["emulator"])
        refuse_open_routes(template, host="127.0.0.1", port=front.port)
        inbox = Inbox(home, self.client, settings.show)
        inbox.start()
        self._stack.callback(inbox.stop)
        self._start_console()
        machine = self.outputs.get("RunMachineArn", "")
        emit = bus_emitter(self.client("events"))
        tell_of_interrupted(self.client("stepfunctions"), emit, machine_arn=machine, since=began)
        home.write("cloud.json", self.description())

    def stop(self) -> None:
        """End every part this cloud started, newest first."""
        self._stack.close()
        self.stopped.set()

    def watch(self, stop: threading.Event) -> None:
        """Wait until `stop` is set. Raises UserError when the emulator ends by itself."""
        while not stop.wait(0.5):
            if self._emulator is not None and self._emulator.has_ended():
                raise UserError(
                    "The emulated AWS ended unexpectedly.",
                    f"Read {self.home.emulator_log}, then start the cloud again.",
                    ExitCode.UNAVAILABLE,
                )

    def client(self, service: str) -> Any:
        """Return a botocore client of this cloud, signed with its own key."""
        from botocore.config import Config  # noqa: PLC0415 - slow to import, and only the supervisor needs it

        own = service in {"codebuild", "codecommit"}
        with self._one_client_at_a_time:
            return self._session.create_client(
                service,
                region_name=REGION,
                endpoint_url=f"http://127.0.0.1:{self._ports['services' if own else 'emulator']}",
                aws_access_key_id=self._keys.access_key_id,
                aws_secret_access_key=self._keys.secret_access_key,
                config=Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, proxies={}),
            )

    @cached_property
    def _session(self) -> Any:
        """The one session: it keeps what it read of the services' models. Making clients of it is not thread-safe."""
        from botocore.session import Session  # noqa: PLC0415

        return Session()

    def description(self) -> dict[str, Any]:
        """Return what `cloud.json` says."""
        services = f"http://127.0.0.1:{self._ports['services']}"
        return {
            "version": 1,
            "pid": os.getpid(),
            "region": REGION,
            "account": ACCOUNT,
            "endpoint": f"http://127.0.0.1:{self._ports['emulator']}",
            "codebuild_endpoint": services,
            "codecommit_endpoint": services,
            "front_url": self.front_url,
            "console_url": self.console_url,
            "access_key_id": self._keys.access_key_id,
            "secret_access_key": self._keys.secret_access_key,
            "stack": STACK,
            "outputs": self.outputs,
            "repositories": str(self.home.repositories),
            "inbox": str(self.home.inbox),
            "speed": self.settings.speed,
            "oidc_issuer": self.oidc_issuer,
            "oidc_audience": self.settings.oidc_audience,
            "issues_tokens": self._issues_tokens,
            "isolation": isolation(),
        }

    @property
    def front_url(self) -> str:
        """The base of every public link."""
        return f"http://127.0.0.1:{self._ports['front']}"

    @property
    def console_url(self) -> str:
        """The link that lets a browser into the console, as the cloud's root user."""
        return f"http://127.0.0.1:{self._ports['console']}/?key={self.home.console_key()}"

    @property
    def oidc_issuer(self) -> str:
        """Whose tokens are taken."""
        return self.settings.oidc_issuer or self.front_url + PATH

    @property
    def _issues_tokens(self) -> bool:
        return not self.settings.oidc_issuer

    def _start_emulator(self) -> None:
        port = self._ports["front"]
        hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        emulator = Emulator(
            self.home,
            self._keys,
            self._ports["emulator"],
            hosts=hosts,
            speed=self.settings.speed,
            control_secret=self._control_secret,
            extra=self._endpoints(),
        )
        self._stack.callback(emulator.stop)
        emulator.start()
        self._emulator = emulator

    def _endpoints(self) -> dict[str, str]:
        """Return the variables by which any AWS SDK or tool finds this cloud."""
        services = f"http://127.0.0.1:{self._ports['services']}"
        return {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._ports['emulator']}",
            "AWS_ENDPOINT_URL_CODEBUILD": services,
            "AWS_ENDPOINT_URL_CODECOMMIT": services,
        }

    def _emulators_now(self) -> datetime:
        follows = bool(variables(self.home.path))
        return clock_of(self.home.path)() if follows else datetime.now(UTC)

    def _start_services(self) -> None:
        callers = Callers(self._ports["emulator"], self._control_secret)
        services = own_services(
            self.home, self.client, lambda role: {**self._endpoints(), **callers.role_variables(role)}
        )
        guarded = [authorised(service, callers) for service in services.all]
        server = ServicesServer(
            guarded,
            self._ports["services"],
            callers.known,
            is_genuine=callers.signed,
            boundary=boundary(self.home.path),
        )
        self._stack.callback(services.stop)
        self._stack.callback(server.stop)
        server.start()
        services.start(server.url)

    def _start_front(self) -> Front:
        documents = LocalIssuer(self.home, self.oidc_issuer).document if self._issues_tokens else lambda _: None
        front = Front(self._ports["front"], self._ports["emulator"], documents=documents)
        self._stack.callback(front.stop)
        front.speak_for(self._api_id())
        front.start()
        return front

    def _start_console(self) -> None:
        """Serve the console beside the cloud: it takes nothing until somebody opens its link."""
        cloud = cloud_context.local_from(self.description())
        server = ConsoleServer(cloud, port=self._ports["console"], key=self.home.console_key())
        thread = threading.Thread(target=server.serve, name="console", daemon=True)
        thread.start()
        self._stack.callback(server.close)

    def _api_id(self) -> str:
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
        apis = [
            resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::ApiGatewayV2::Api"
        ]
        return apis[0] if apis else ""

    def _parameters(self) -> dict[str, str]:
        return {
            "Stage": "local",
            "DeletionProtection": "false",
            "LinkBaseUrl": self.front_url,
            "TimeScale": f"{self.settings.speed:g}",
            "OidcIssuer": self.oidc_issuer,
            "OidcAudience": self.settings.oidc_audience,
        }


def check_machine() -> None:
    """Raise UserError when this machine lacks what the local cloud needs."""
    if sys.version_info < OLDEST_PYTHON:
        found, needed = f"{sys.version_info.major}.{sys.version_info.minor}", ".".join(map(str, OLDEST_PYTHON))
        raise UserError(f"The local cloud needs Python {needed} or newer; this is {found}.", "Install a newer Python.")
    if shutil.which("git") is None:
        raise UserError("The local cloud needs git, which is not on the PATH.", "Install git, then try again.")
