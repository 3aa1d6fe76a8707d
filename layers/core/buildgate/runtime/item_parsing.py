"""Items of the table as they are on the wire: what the SDK would make of them is the same, at half of a Query's time.

botocore walks every value of every item by its model and builds a copy, to turn binary values into bytes. The table holds
no binary, so that the copy equals what ``json.loads`` gave. Everything else in an answer is parsed as ever.
"""

from __future__ import annotations

from typing import Any

from botocore.parsers import JSONParser, ResponseParser, ResponseParserFactory

_ITEM_VALUE = "AttributeValue"
"""How DynamoDB's model calls a value of an item; the services that Buildgate asks have no other shape of that name."""


class ItemParsers(ResponseParserFactory):
    """Gives clients their parsers; a session asks the one registered as ``response_parser_factory``."""

    def create_parser(self, protocol_name: str) -> ResponseParser:
        """Return the parser of a protocol."""
        return _ItemsAsTheyAre() if protocol_name == "json" else super().create_parser(protocol_name)


class _ItemsAsTheyAre(JSONParser):
    def _handle_map(self, shape: Any, value: Any) -> Any:
        if shape.value.name == _ITEM_VALUE:
            return value
        return super()._handle_map(shape, value)  # type: ignore[misc]  # the types of botocore leave it out
