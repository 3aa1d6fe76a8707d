"""The emulator keeps to itself: no Docker, and no start-up scripts from the machine's folders."""

from __future__ import annotations

from .fitting import Function, Seam

_APP = "ministack.app"

SEAM = Seam("the machine")


@SEAM.replaces(_APP, "_docker_socket_present")
def see_no_docker(_original: Function) -> Function:
    """Never look for Docker: containers of other emulators are none of ours."""
    return lambda: False


@SEAM.replaces(_APP, "_collect_scripts")
def run_no_scripts(_original: Function) -> Function:
    """Find no start-up scripts."""
    return lambda *_folders: []
