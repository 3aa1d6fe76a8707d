"""All cases, and the gaps that emulators are known to have: what they answer instead."""

from __future__ import annotations

from contract.dynamodb_read_cases import ANSWERS, READS, TRANSACTIONS
from contract.dynamodb_write_cases import CONDITIONS, PUTS, UPDATES

CASES = [*CONDITIONS, *UPDATES, *PUTS, *READS, *ANSWERS, *TRANSACTIONS]


GAPS: dict[str, dict[str, str]] = {
    "moto": {
        "kinds do not order": "breaks with TypeError",
        "between refuses crossed bounds": "answers ConditionalCheckFailedException",
        "begins_with refuses numbers": "answers ConditionalCheckFailedException",
        "size of an absent attribute compares to nothing": "breaks with ValueError",
        "attribute_type refuses unknown types": "answers ConditionalCheckFailedException",
        "an operand against itself is refused": "accepts it",
        "an undefined value is refused": "breaks with KeyError",
        "an unused value is refused": "accepts it",
        "a wrong number of operands is refused": "breaks with ValueError",
        "ordering by a boolean is refused": "answers ConditionalCheckFailedException",
        "a trailing word is refused": "breaks with ValueError",
        "an empty expression is refused": "breaks with ValueError",
        "a function on a value is refused": "breaks with ValueError",
        "set below a scalar is refused": "accepts it",
        "three operands are refused": "accepts it",
        "an undefined name is refused": "breaks with KeyError",
        "an index key of another kind": "accepts it",
        "a set with repeats": "accepts it",
        "a number set with repeats in two spellings": "accepts it",
        "a number of 39 digits": "accepts it",
        "a number too large": "accepts it",
        "an attribute of two kinds": "accepts it",
        "values without expression": "accepts it",
        "an item of 399 KB": "answers ValidationException",
        "a full page says go on even at the end": "answers otherwise",
        "an attribute that the index does not project": "accepts it",
        "an unknown index": "answers ResourceNotFoundException",
        "two conditions on one key": "accepts it",
        "an or between keys": "breaks with AssertionError",
        "a filter on the key": "accepts it",
        "crossed bounds": "accepts it",
        "a start key of too few parts": "breaks with TypeError",
        "a start key of another partition": "accepts it",
        "nested parts of items": "answers otherwise",
        "overlapping projections": "accepts it",
        "update without expression creates the key": "breaks with AttributeError",
        "an update that cannot apply cancels": "answers ValidationException",
        "an unused value refuses the whole": "accepts it",
        "a batch write of 26": "accepts it",
        "a batch that puts and deletes one item": "accepts it",
    },
    "local cloud": {
        "attribute_type refuses unknown types": "answers ConditionalCheckFailedException",
        "an operand against itself is refused": "accepts it",
        "ordering by a boolean is refused": "answers ConditionalCheckFailedException",
        "arithmetic on text is refused": "accepts it",
        "arithmetic with text is refused": "accepts it",
        "list_append of a scalar is refused": "accepts it",
        "list_append to a scalar is refused": "accepts it",
        "three operands are refused": "accepts it",
        "remove of list elements means the old positions": "answers otherwise",
        "remove below an absent parent is refused": "accepts it",
        "add below an absent parent is refused": "accepts it",
        "a section given twice is refused": "accepts it",
        "overlapping paths are refused": "accepts it",
        "the same path twice is refused": "accepts it",
        "an attribute that the index does not project": "accepts it",
        "an or between keys": "accepts it",
        "a filter on the key": "accepts it",
        "a bad expression refuses the whole": "answers ['None', 'ValidationException']",
    },
}
