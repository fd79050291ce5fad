"""A filter as an expression of Milvus's, over the columns of index/milvus/terms.py.

expression_of(filter, widest) -> Expression: satisfied by every row whose item satisfies the filter,
and else by rows that are marked partial alone, where it `needs_check`. An item satisfies a
condition if one of its values does: equality is asked of all at once, a range of each position up
to the most values that an item of the collection has. `not` is carried down to the conditions.

No value of a filter's can end its literal: quotes and backslashes are escaped.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from index.filtering.filters import METADATA, And, Condition, Filter, Node, Not
from index.filtering.ranges import EVERYTHING, NUMBER, TEXT, Edge, Range
from index.items import Item
from index.milvus.terms import encoded, key_of, ordered, text_of, values_of

INT64 = 2**63
ALL, NONE = "true", "false"
LISTS = {"source": "sources", "path": "paths", "caption": "captions"}
ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})

Bound = Callable[[Edge], str | None]  # as a literal; None where there is no end


@dataclass(frozen=True)
class Expression:
    text: str
    needs_check: bool  # of rows that are marked partial


def expression_of(filter: Filter, widest: Mapping[str, int]) -> Expression:  # noqa: A002
    translated = _Translated(widest)
    text = translated.node(filter.root, negated=False)
    # Milvus takes no constant for an expression
    text = {ALL: 'id != ""', NONE: 'id == ""'}.get(text, text)
    return Expression(text, translated.needs_check)


def satisfies(node: Node, item: Item, added_at: str) -> bool:
    """What an expression says of a whole row, of any item."""
    if isinstance(node, Condition):
        values = values_of(item, added_at, node.field)
        return any(each.holds(value) for value in values for each in node.ranges)
    if isinstance(node, Not):
        return not satisfies(node.part, item, added_at)
    parts = (satisfies(part, item, added_at) for part in node.parts)
    return all(parts) if isinstance(node, And) else any(parts)


def literal(text: str) -> str:
    return f'"{text.translate(ESCAPES)}"'


class _Translated:
    def __init__(self, widest: Mapping[str, int]) -> None:
        self._widest = widest
        self.needs_check = False

    def node(self, node: Node, *, negated: bool) -> str:
        if isinstance(node, Not):
            return self.node(node.part, negated=not negated)
        if isinstance(node, Condition):
            return self._leaf(node, negated)
        parts = [self.node(part, negated=negated) for part in node.parts]
        return _all_of(parts) if isinstance(node, And) != negated else _any_of(parts)

    def _leaf(self, condition: Condition, negated: bool) -> str:
        field, ranges = condition.field, condition.ranges
        if field in ("width", "height", "bytes"):
            said = _any_of(_whole(field, each) for each in ranges)
            return _not(said) if negated else said
        if field in ("latitude", "longitude"):
            said = _any_of(_within(field, each, _real) for each in ranges)
            said = _all_of([f"has_{field} == true", said])
            return _not(said) if negated else said
        self.needs_check = True
        if field in LISTS:
            said = self._listed(LISTS[field], ranges)
        elif field.startswith(METADATA):
            said = self._known(key_of(field.removeprefix(METADATA)), ranges)
        else:
            said = _any_of(_all_of([f'{field} != ""', _within(field, r, _text)]) for r in ranges)
        return _any_of(["partial == true", _not(said) if negated else said])

    def _listed(self, column: str, ranges: Iterable[Range]) -> str:
        points, others = _apart(ranges)
        said = []
        if points:
            values = ",".join(literal(text_of(str(point))) for point in points)
            said.append(f"array_contains_any({column}, [{values}])")
        for each in others:
            if each == EVERYTHING:
                said.append(f"array_length({column}) > 0")
                continue
            said += [
                _all_of([f"array_length({column}) > {at}", _within(f"{column}[{at}]", each, _text)])
                for at in range(self._widest.get(column, 0))
            ]
        return _any_of(said)

    def _known(self, key: str, ranges: Iterable[Range]) -> str:
        points, others = _apart(ranges)
        place = f'facts["{key}"]'
        said = []
        if points:
            values = ",".join(literal(encoded(point)) for point in points)
            there = f'array_contains(names, "{key}")'
            said.append(_all_of([there, f"json_contains_any({place}, [{values}])"]))
        for each in others:
            if each == EVERYTHING:
                said.append(f'array_contains(names, "{key}")')
                continue
            for at in range(self._widest.get("facts", 0)):
                counted = key if at == 0 else f"{key}#{at + 1}"
                there = f'array_contains(names, "{counted}")'
                said.append(_all_of([there, _within(f"{place}[{at}]", each, _encoded)]))
        return _any_of(said)


def _apart(ranges: Iterable[Range]) -> tuple[list[str | int | float], list[Range]]:
    """Those of one value, as that value, and the others."""
    points, others = [], []
    for each in ranges:
        if each.low._replace(after=True) == each.high and not each.low.after:
            points.append(each.low.value)
        else:
            others.append(each)
    return points, others


def _within(place: str, range_: Range, bound: Bound) -> str:
    low, high = bound(range_.low), bound(range_.high)
    parts = []
    if low is not None:
        parts.append(f"{place} {'>' if range_.low.after else '>='} {low}")
    if high is not None:
        parts.append(f"{place} {'<=' if range_.high.after else '<'} {high}")
    return _all_of(parts)


def _text(edge: Edge) -> str | None:
    return literal(text_of(str(edge.value))) if edge.kind == TEXT else None


def _encoded(edge: Edge) -> str | None:
    """Numbers stand before texts."""
    if edge.kind == NUMBER:
        return literal(f"n{ordered(edge.value)}" if isinstance(edge.value, int | float) else "n")
    return literal(encoded(str(edge.value))) if edge.kind == TEXT else None


def _real(edge: Edge) -> str | None:
    if edge.kind != NUMBER or not math.isfinite(edge.value):  # type: ignore[arg-type]
        return None
    return f"{float(edge.value):.17e}"


def _whole(field: str, range_: Range) -> str:
    """Of integers the bounds are integers, whatever was written."""
    low, high = _first(range_.low), _first(range_.high)
    if low >= INT64 or high <= -INT64 or low >= high:
        return NONE
    parts = [f"{field} >= {low}"] if low > -INT64 else []
    parts += [f"{field} < {high}"] if high < INT64 else []
    return _all_of(parts)


def _first(edge: Edge) -> int:
    """The first integer behind an edge."""
    if edge.kind != NUMBER or edge.value == math.inf:
        return INT64
    if edge.value == -math.inf:
        return -INT64
    number = edge.value
    if isinstance(number, str):
        return INT64
    return math.floor(number) + 1 if edge.after else math.ceil(number)


def _all_of(parts: Iterable[str]) -> str:
    wanted = [part for part in parts if part != ALL]
    if NONE in wanted:
        return NONE
    return _joined(wanted, " and ") if wanted else ALL


def _any_of(parts: Iterable[str]) -> str:
    wanted = [part for part in parts if part != NONE]
    if ALL in wanted:
        return ALL
    return _joined(wanted, " or ") if wanted else NONE


def _not(said: str) -> str:
    return {ALL: NONE, NONE: ALL}.get(said) or f"not ({said})"


def _joined(parts: list[str], joint: str) -> str:
    return parts[0] if len(parts) == 1 else "(" + joint.join(parts) + ")"
