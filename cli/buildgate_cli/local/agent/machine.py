"""What a build finds on this machine: tools, folders of its own, and the way to the network."""

import os
from collections.abc import Mapping
from pathlib import Path

from buildgate_cli.local.agent.tools import install_tools

REGION = "us-east-1"
PASSED_THROUGH = (
    "LANG", "LC_ALL", "TZ", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CERT",
    "UV_INDEX_URL", "NPM_CONFIG_REGISTRY", "GOPROXY",
)  # fmt: skip
"""What a build gets of this machine's environment, so that it reaches the network as the person does."""


def base_variables(folder: Path, interpreter: str, cloud: Mapping[str, str]) -> dict[str, str]:
    """Return what a container would hold, with this machine's tools; `cloud` says how to reach the local AWS."""
    passed = {name: os.environ[name] for name in PASSED_THROUGH if name in os.environ}
    inherited = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    tools = install_tools(folder / "tools", interpreter)
    path = os.pathsep.join([str(Path(interpreter).parent), inherited, str(tools)])
    home, scratch = folder / "home", folder / "tmp"
    for each in (home, scratch):
        each.mkdir(parents=True, exist_ok=True)
    region = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    own = {"PATH": path, "HOME": str(home), "TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"}
    return {"LANG": "C.UTF-8", **passed, **own, **region, **cloud}
