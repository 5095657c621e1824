"""Names in brackets: `['my name']`, `["a","b"]`.

It knows Jayway's way through the brackets, where only the first kind of quote counts and whatever
else stands between the names is stepped over.
"""

from __future__ import annotations

from onhook.jsonpath.cursor import Cursor
from onhook.jsonpath.escapes import unescaped
from onhook.jsonpath.tokens import Property


def read_quoted_names(cursor: Cursor, quote: str) -> Property:
    """From the opening bracket to behind the closing one. Raises PathError."""
    names: list[str] = []
    index = cursor.position + 1
    end = 0
    is_after_comma = False
    while cursor.has(index) and cursor.at(index) != "]":
        char = cursor.at(index)
        if char == "\\":
            index += 1
        elif char == quote:
            end = cursor.find_unescaped(index, quote)
            if end == -1:
                raise cursor.invalid(f"the quote {quote} is missing", index)
            if cursor.significant_after(end) not in "],":
                raise cursor.invalid('expected "," or "]" behind the name', end + 1)
            names.append(unescaped(cursor.text[index + 1 : end]))
            index = end
            is_after_comma = False
        elif char == ",":
            if is_after_comma:
                raise cursor.invalid("a name is missing", index)
            is_after_comma = True
        index += 1
    if is_after_comma and cursor.has(index):
        raise cursor.invalid("a name is missing", index)
    closing = cursor.find_significant(end, "]")
    if closing == -1 or not names:
        raise cursor.invalid('"]" is missing' if names else "a name is missing", end)
    cursor.position = closing + 1
    return Property(tuple(names))
