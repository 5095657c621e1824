"""What validation says of a JSON body that is accepted.

An expression that is escaped already, what would break the body on the hosted product, a macro that would have to print JSON, and a way through the template that ends in no JSON.
"""

from __future__ import annotations

from onhook.flow.json_check import Walk, every_node
from onhook.flow.json_places import FIRST_VALUE, STRING, VALUE
from onhook.flow.note import ESCAPED_ONCE, Hosted, IsText, MayHoldQuote, Note
from onhook.flow.prints import paths_of_prints, read_by
from onhook.pebble import Reference, Template
from onhook.pebble.nodes import (
    Autoescape,
    Binary,
    Call,
    Expression,
    Filter,
    FilterBlock,
    Macro,
    Print,
    Test,
    Unary,
)

_QUOTELESS = frozenset(
    {"length", "numberformat", "epoch", "abs", "urlencode", "base64encode", "sha256"}
)


def notes_of(
    template: Template,
    found: Walk,
    doubled: tuple[int, ...],
    quotable: MayHoldQuote,
    is_text: IsText,
) -> tuple[Note, ...]:
    """In the order of their places. `doubled`: what was escaped although its place does it."""
    notes = [ESCAPED_ONCE.at(offset) for offset in doubled]
    notes += [
        Note(
            f"for some values the body is no JSON: {death.message}",
            "print the text around it only where it belongs, as with {% if not loop.last %}",
            death.offset,
        )
        for death in found.deaths[:1]
    ]
    notes += _of_printed_texts(template, found)
    notes += _of_quotes(template, found, quotable)
    notes += _of_bare_texts(template, found, is_text)
    return tuple(sorted(notes, key=lambda note: note.offset))


def _of_printed_texts(template: Template, found: Walk) -> list[Note]:
    """Macros and filter blocks where a value stands: what they print is a text like any other."""
    macros = {node.name for node in template.body if isinstance(node, Macro)} | {"block"}
    return [
        Note(
            "what is printed here goes in as one JSON string, not as JSON",
            "write the JSON out in the body, or stand this in quotes",
            node.offset,
        )
        for node in every_node(template.body)
        if isinstance(node, FilterBlock)
        or (isinstance(node, Print) and _calls(node.expression, macros))
        if any(mode in (VALUE, FIRST_VALUE) for mode, _ in found.places.get(node.offset, ()))
    ]


def _calls(expression: Expression, names: set[str]) -> bool:
    while isinstance(expression, Filter):
        expression = expression.target
    return isinstance(expression, Call) and expression.name in names


def _of_quotes(template: Template, found: Walk, quotable: MayHoldQuote) -> list[Note]:
    """One note, which lists the names."""
    if any(isinstance(node, Autoescape) for node in every_node(template.body)):
        return []
    names: dict[str, int] = {}
    for node in every_node(template.body):
        if not isinstance(node, Print | FilterBlock) or not _may_print_quote(node):
            continue
        if any(mode == STRING for mode, _ in found.places.get(node.offset, ())):
            for reference in read_by(node):
                if quotable(reference):
                    names.setdefault(str(reference), node.offset)
    return _hosted(names, is_bare=False)


def _of_bare_texts(template: Template, found: Walk, is_text: IsText) -> list[Note]:
    names: dict[str, int] = {}
    for offset, path in paths_of_prints(template.body).items():
        if path is None or not is_text(reference := Reference(path, offset)):
            continue
        if any(mode in (VALUE, FIRST_VALUE) for mode, _ in found.places.get(offset, ())):
            names.setdefault(str(reference), offset)
    return _hosted(names, is_bare=True)


def _hosted(names: dict[str, int], *, is_bare: bool) -> list[Note]:
    if not names:
        return []
    hosted = Hosted(tuple(names), is_bare)
    return [Note(hosted.message, hosted.remedy, min(names.values()), hosted=hosted)]


def _may_print_quote(node: Print | FilterBlock) -> bool:
    if isinstance(node, FilterBlock):
        return not (node.filters and node.filters[-1].name in _QUOTELESS | {"escape"})
    outermost = node.expression
    if isinstance(outermost, Test | Unary):
        return False
    if isinstance(outermost, Binary):
        return outermost.operator in ("+", "~")
    if not isinstance(outermost, Filter):
        return True
    return outermost.name not in _QUOTELESS and outermost.name != "escape"
