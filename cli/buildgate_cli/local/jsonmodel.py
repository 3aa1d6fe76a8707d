"""botocore's service models as the judge of what goes over the wire.

Reading an input drops members the model does not know (as AWS does), decodes blobs and timestamps, and refuses every
value outside the model with AWS's wording. Writing an output does the reverse and fails on a member that the model
does not have: that would be our defect.
"""

import base64
import binascii
import functools
import math
import re
from datetime import UTC, datetime
from typing import Any, ClassVar

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

_MAX_PROBLEMS = 10


class InvalidInputError(Exception):
    """A request that the model refuses; `code` is the exception AWS answers with."""

    def __init__(self, code: str, problems: list[str]) -> None:
        count = len(problems)
        noun = "error" if count == 1 else "errors"
        super().__init__(f"{count} validation {noun} detected: " + "; ".join(problems[:_MAX_PROBLEMS]))
        self.code = code


@functools.lru_cache(maxsize=4)
def service_model(service: str) -> ServiceModel:
    """Return botocore's model of a service, loaded once."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


class WireModel:
    """The operations of one service, as they are spoken."""

    def __init__(self, service: str) -> None:
        self._model = service_model(service)
        self.target_prefix = str(self._model.metadata.get("targetPrefix", ""))
        self._names = frozenset(self._model.operation_names)

    def has(self, operation: str) -> bool:
        return operation in self._names

    def read_input(self, operation: str, value: dict[str, Any]) -> dict[str, Any]:
        """Return the request as Python values. Raises InvalidInputError."""
        model = self._model.operation_model(operation)
        if model.input_shape is None:
            return {}
        reader = _Reader()
        result = reader.read(model.input_shape, value, "")
        if reader.problems:
            raise InvalidInputError(_invalid_code(model), reader.problems)
        return dict(result)

    def read_output(self, operation: str, value: Any) -> dict[str, Any]:
        """Return an answer that another program kept, as Python values; its times may be text, as the AWS CLI prints.

        Raises InvalidInputError.
        """
        reader, shape = _KeptReader(), self._model.operation_model(operation).output_shape
        result = reader.read(shape, value, "") if shape is not None else {}
        if reader.problems:
            raise InvalidInputError("ValidationException", reader.problems)
        return dict(result)

    def write_output(self, operation: str, value: dict[str, Any]) -> dict[str, Any]:
        """Return the answer as JSON values; None members are left out. Raises ValueError for an unknown member."""
        shape = self._model.operation_model(operation).output_shape
        return dict(_write(shape, value, operation)) if shape is not None else {}


def _invalid_code(model: OperationModel) -> str:
    names = {shape.name for shape in model.error_shapes}
    return "InvalidInputException" if "InvalidInputException" in names else "ValidationException"


class _Reader:
    """One walk over a request; collects every problem instead of stopping at the first."""

    _TYPES: ClassVar[dict[str, tuple[type, ...]]] = {
        "string": (str,),
        "character": (str,),
        "boolean": (bool,),
        "integer": (int,),
        "long": (int,),
        "float": (int, float),
        "double": (int, float),
    }

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, shape: Shape, value: Any, path: str) -> Any:
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, value, path)  # type: ignore[arg-type]
        if kind == "list":
            return self._list(shape, value, path)
        if kind == "map":
            return self._map(shape, value, path)
        if kind == "timestamp":
            return self._timestamp(value, path)
        if kind == "blob":
            return self._blob(value, path)
        return self._scalar(shape, value, path)

    def _structure(self, shape: StructureShape, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self._refuse(value, path, "Member must be a structure")
        members = shape.members
        result = {
            name: self.read(members[name], item, f"{path}.{name}".lstrip("."))
            for name, item in value.items()
            if name in members and item is not None
        }
        for name in shape.required_members:
            if name not in result:
                self._refuse(None, f"{path}.{name}".lstrip("."), "Member must not be null")
        return result

    def _list(self, shape: Any, value: Any, path: str) -> Any:
        if not isinstance(value, list):
            return self._refuse(value, path, "Member must be a list")
        self._check_range(shape, len(value), value, path, "length ")
        return [self.read(shape.member, item, f"{path}.{index + 1}.member") for index, item in enumerate(value)]

    def _map(self, shape: Any, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self._refuse(value, path, "Member must be a map")
        self._check_range(shape, len(value), value, path, "length ")
        return {
            self.read(shape.key, key, f"{path}.key"): self.read(shape.value, item, f"{path}.{key}")
            for key, item in value.items()
        }

    def _timestamp(self, value: Any, path: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return self._refuse(value, path, "Member must be a timestamp in seconds")
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, ValueError, OSError):
            return self._refuse(value, path, "Member must be a timestamp in seconds")

    def _blob(self, value: Any, path: str) -> Any:
        try:
            return base64.b64decode(value, validate=True)
        except (TypeError, ValueError, binascii.Error):
            return self._refuse(value, path, "Member must be base64 text")

    def _scalar(self, shape: Shape, value: Any, path: str) -> Any:
        wanted = self._TYPES[shape.type_name]
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            return self._refuse(value, path, f"Member must be of type {shape.type_name}")
        if isinstance(value, str):
            self._check_text(shape, value, path)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            self._check_range(shape, value, value, path, "value ")
        return value

    def _check_text(self, shape: Shape, value: str, path: str) -> None:
        if not value.isascii() and not _is_unicode(value):
            self._refuse("?", path, "Member must be valid Unicode")
            return
        self._check_range(shape, len(value), value, path, "length ")
        enum = getattr(shape, "enum", None)
        if enum and value not in enum:
            self._refuse(value, path, f"Member must satisfy enum value set: [{', '.join(enum)}]")
        pattern = shape.metadata.get("pattern")
        if pattern and not _pattern(pattern).fullmatch(value):
            self._refuse(value, path, f"Member must satisfy regular expression pattern: {pattern}")

    def _check_range(self, shape: Shape, size: float, value: Any, path: str, what: str) -> None:
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if low is not None and size < low:
            self._refuse(value, path, f"Member must have {what}greater than or equal to {low}")
        if high is not None and size > high:
            self._refuse(value, path, f"Member must have {what}less than or equal to {high}")

    def _refuse(self, value: Any, path: str, constraint: str) -> None:
        shown = "null" if value is None else str(value)
        shown = shown if len(shown) <= 200 else shown[:200] + "..."
        self.problems.append(f"Value '{shown}' at '{path}' failed to satisfy constraint: {constraint}")


class _KeptReader(_Reader):
    """Reads answers instead of questions: a time may be text of ISO 8601."""

    def _timestamp(self, value: Any, path: str) -> Any:
        if not isinstance(value, str):
            return super()._timestamp(value, path)
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            return self._refuse(value, path, "Member must be a timestamp")


@functools.lru_cache(maxsize=256)
def _pattern(source: str) -> re.Pattern[str]:
    """Return a model's pattern; the few written for another engine match everything."""
    try:
        return re.compile(source)
    except re.error:
        return re.compile(r"[\s\S]*")


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _write(shape: Shape, value: Any, path: str) -> Any:
    kind = shape.type_name
    if kind == "structure":
        members = shape.members  # type: ignore[attr-defined]
        unknown = value.keys() - members.keys()
        if unknown:
            raise ValueError(f"{path} has no member {', '.join(sorted(unknown))}")
        return {k: _write(members[k], v, f"{path}.{k}") for k, v in value.items() if v is not None}
    if kind == "list":
        return [_write(shape.member, item, path) for item in value]  # type: ignore[attr-defined]
    if kind == "map":
        return {key: _write(shape.value, item, path) for key, item in value.items()}  # type: ignore[attr-defined]
    if kind == "timestamp":
        return value.timestamp() if isinstance(value, datetime) else value
    if kind == "blob":
        return base64.b64encode(value).decode()
    return value
