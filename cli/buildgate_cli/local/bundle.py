"""The repository's own template on the local cloud: code zipped and uploaded, everything else untouched.

What `sam package` does for AWS: `CodeUri`, `ContentUri` and `DefinitionUri` that name local folders or files are
replaced by S3 addresses. Archives are deterministic, so an unchanged function is not deployed again. Layers without
Python packages (third-party wheels for Lambda) stay empty here: handlers find those packages in this environment.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import importlib.util
import io
import json
import marshal
import os
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from buildgate_cli.errors import ExitCode, UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BUCKET: Final = "buildgate-local-code"
REPLACED: Final = frozenset({"CodeUri", "ContentUri", "DefinitionUri"})
DEPLOY_SECONDS: Final = 120.0
MARK: Final = "buildgate:deployed"
"""Tag of the stack that tells what was deployed, so that the same again is left alone."""

_GOOD: Final = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_UNCHECKED_HASH: Final = (1).to_bytes(4, "little")
_IGNORED_FOLDERS: Final = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".git"})
_PROPERTIES: Final = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}


@dataclass(frozen=True)
class Difference:
    """One place where two templates differ, as a path of keys."""

    path: tuple[str, ...]

    @property
    def is_expected(self) -> bool:
        """Tell whether bundling is what made the difference."""
        return len(self.path) == 4 and self.path[0] == "Resources" and self.path[3] in REPLACED


def read_template(path: Path) -> dict[str, Any]:
    """Return a template as SAM reads it. Raises UserError when it is absent or not YAML."""
    try:
        parsed: Any = _sam_loader()(path.read_text(encoding="utf-8")).get_single_data()
    except OSError as error:
        raise UserError(f"The template {path} cannot be read ({error.strerror}).") from error
    except Exception as error:
        raise UserError(f"The template {path} is not valid YAML: {error}") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("Resources"), dict):
        raise UserError(f"The template {path} has no Resources.")
    plain: dict[str, Any] = json.loads(json.dumps(parsed, default=str))
    return plain


def _sam_loader() -> type[yaml.SafeLoader]:
    """Return SAM's loader of templates, but on the parser in C where there is one: six times as fast."""
    from samtranslator.yaml_helper import intrinsics_multi_constructor  # noqa: PLC0415 - slow, needed only to deploy

    class SamLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # which it is, is seen here
        """Reads `!Ref` and its like."""

    SamLoader.add_multi_constructor("!", intrinsics_multi_constructor)
    return SamLoader


def bundle(template: Mapping[str, Any], root: Path, upload: Callable[[str, bytes], str]) -> dict[str, Any]:
    """Return the template with local code replaced by what `upload(name, content)` returns for it.

    Addresses that are not local (`s3://...`, objects) stay as they are. Uploading the same content twice is harmless.
    """
    bundled = copy.deepcopy(dict(template))
    for name, resource in bundled["Resources"].items():
        key = _PROPERTIES.get(resource.get("Type", ""))
        given = resource.get("Properties", {}).get(key) if key else None
        if key is None or not isinstance(given, str) or "://" in given:
            continue
        source = root / given
        if not source.exists():
            raise UserError(f"{name} of the template names {given}, which does not exist.")
        content, ending = _content(key, source)
        digest = hashlib.sha256(content).hexdigest()
        resource["Properties"][key] = upload(f"{name}/{digest}{ending}", content)
    return bundled


def differences(original: Any, bundled: Any, path: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Yield each place where the two templates differ."""
    if isinstance(original, dict) and isinstance(bundled, dict):
        for key in sorted({*original, *bundled}):
            if key in original and key in bundled:
                yield from differences(original[key], bundled[key], (*path, str(key)))
            else:
                yield Difference((*path, str(key)))
    elif isinstance(original, list) and isinstance(bundled, list) and len(original) == len(bundled):
        for index, pair in enumerate(zip(original, bundled, strict=True)):
            yield from differences(*pair, (*path, str(index)))
    elif original != bundled:
        yield Difference(path)


def _content(key: str, source: Path) -> tuple[bytes, str]:
    if key == "DefinitionUri":
        return source.read_bytes(), ".json"
    if key == "ContentUri":
        return zipped(_layer_files(source)), ".zip"
    return zipped(_files(source, source)), ".zip"


def _layer_files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the Python packages of a layer's folder under `python/`, with compiled code beside the source."""
    packages = [folder for folder in sorted(source.iterdir()) if (folder / "__init__.py").is_file()]
    if not packages:
        yield "python/README", b"Packages of this layer are those of the local cloud's own environment.\n"
    for package in packages:
        for name, content in _files(package, source):
            yield f"python/{name}", content
            if name.endswith(".py"):
                yield f"python/{importlib.util.cache_from_source(name)}", _compiled(source / name, name)


def _compiled(source: Path, name: str) -> bytes:
    """Return the code of a module, compiled to be used without looking at the source again (PEP 552, unchecked).

    It is kept beside Python's own for the next cloud: compiling the layer takes more than half a second of a processor.
    """
    text = source.read_bytes()
    head = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH + importlib.util.source_hash(text)
    kept = Path(importlib.util.cache_from_source(str(source), optimization="layer"))
    with contextlib.suppress(OSError):
        found = kept.read_bytes()
        if found.startswith(head):
            return found
    made = head + marshal.dumps(compile(text, name, "exec", dont_inherit=True))
    if not sys.dont_write_bytecode:
        _keep(kept, made)
    return made


def _keep(place: Path, content: bytes) -> None:
    """Write a file whole or not at all, where that may be done."""
    with contextlib.suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        beside = place.with_name(f"{place.name}.{os.getpid()}")
        beside.write_bytes(content)
        beside.replace(place)


def _files(folder: Path, base: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not _IGNORED_FOLDERS & set(path.parts) and path.suffix != ".pyc":
            yield path.relative_to(base).as_posix(), path.read_bytes()


def zipped(files: Iterator[tuple[str, bytes]]) -> bytes:
    """Return an archive that depends on names and contents alone."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def _outputs(standing: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in standing.get("Outputs", [])}


@dataclass(frozen=True)
class Deployment:
    """Puts a template onto a cloud through CloudFormation. `client(service)` returns a botocore client of it."""

    client: Callable[[str], Any]
    stack: str

    def deploy(self, template: Path, parameters: Mapping[str, str]) -> dict[str, str]:
        """Create or update the stack and return its outputs. Parameters the template does not have are left out.

        Raises UserError with the first reason CloudFormation gives when the stack does not come up. Safe to repeat.
        """
        original = read_template(template)
        body = json.dumps(bundle(original, template.parent, self._uploader()))
        address = self._uploader()(f"template/{hashlib.sha256(body.encode()).hexdigest()}.json", body.encode())
        declared = original.get("Parameters") or {}
        chosen = {key: value for key, value in parameters.items() if key in declared}
        mark = hashlib.sha256(json.dumps([body, chosen], sort_keys=True).encode()).hexdigest()
        standing = self._standing()
        if standing and standing["StackStatus"] in _GOOD and {"Key": MARK, "Value": mark} in standing.get("Tags", []):
            return _outputs(standing)
        self._apply(
            standing,
            {
                "StackName": self.stack,
                "TemplateURL": address.replace("s3://", "https://s3.amazonaws.com/", 1),
                "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
                "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in chosen.items()],
                "Tags": [{"Key": MARK, "Value": mark}],
            },
        )
        return self._settled()

    def _uploader(self) -> Callable[[str, bytes], str]:
        s3 = self.client("s3")
        known = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
        if BUCKET not in known:
            s3.create_bucket(Bucket=BUCKET)

        def upload(name: str, content: bytes) -> str:
            s3.put_object(Bucket=BUCKET, Key=name, Body=content)
            return f"s3://{BUCKET}/{name}"

        return upload

    def _apply(self, standing: Mapping[str, Any] | None, arguments: Mapping[str, Any]) -> None:
        formation = self.client("cloudformation")
        if standing is not None and standing["StackStatus"] in {"ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"}:
            formation.delete_stack(StackName=self.stack)
            self._wait(lambda: self._standing() is None)
            standing = None
        if standing is None:
            formation.create_stack(**arguments)
            return
        try:
            formation.update_stack(**arguments)
        except formation.exceptions.ClientError as error:
            if "No updates" not in str(error):
                raise

    def _standing(self) -> dict[str, Any] | None:
        formation = self.client("cloudformation")
        try:
            stacks: list[dict[str, Any]] = formation.describe_stacks(StackName=self.stack)["Stacks"]
        except formation.exceptions.ClientError:
            return None
        return stacks[0] if stacks else None

    def _settled(self) -> dict[str, str]:
        def is_settled() -> bool:
            standing = self._standing()
            return standing is not None and not standing["StackStatus"].endswith("_IN_PROGRESS")

        self._wait(is_settled)
        standing = self._standing() or {"StackStatus": "gone"}
        if standing["StackStatus"] not in _GOOD:
            raise UserError(f"The stack {self.stack} did not come up: {self._reason(standing)}")
        return _outputs(standing)

    def _reason(self, standing: Mapping[str, Any]) -> str:
        events = self.client("cloudformation").describe_stack_events(StackName=self.stack)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        told = [
            f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            for event in reversed(failed)
            if event.get("ResourceStatusReason")
        ]
        return told[0] if told else str(standing.get("StackStatusReason") or standing["StackStatus"])

    def _wait(self, is_done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEPLOY_SECONDS
        while not is_done():
            if time.monotonic() > deadline:
                message = f"The stack {self.stack} did not settle within {DEPLOY_SECONDS:.0f} seconds."
                raise UserError(message, "Read the emulator's log in the home folder.", ExitCode.UNAVAILABLE)
            time.sleep(0.05)
