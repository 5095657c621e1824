"""XML as plain data, in the shape that Jackson's XmlMapper.readTree gives it.

The root element's name is dropped; every value is a text; an attribute is a member like a child;
what stands twice becomes a list; text beside members is the member `""`; an empty element is
`""`; `xsi:nil="true"` is null; prefixes and namespaces are dropped. Source: jackson-dataformat-xml
2.12 and later (JsonNodeBasicDeserTest, JsonNodeMixedContent403Test); why this shape is in
docs/decisions/0006-xml-as-json.md. A document type is refused, so that no entity is ever expanded.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat  # no document type gets past it

from onhook.flow.response_error import DEEPEST, ResponseError, place

_BETWEEN = "\n"
"""Between a namespace and a name; neither can hold it."""
_NIL = f"http://www.w3.org/2001/XMLSchema-instance{_BETWEEN}nil"
_TEXT = ""


class _Element:
    __slots__ = ("is_nil", "members", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[str, Any] = {}
        self.text: list[str] = []
        self.is_nil = False

    def add(self, name: str, value: Any) -> None:
        """A name that stands already becomes a list of all its values, in order."""
        if name not in self.members:
            self.members[name] = value
        elif isinstance(self.members[name], list):
            self.members[name].append(value)
        else:
            self.members[name] = [self.members[name], value]

    def end_text(self, *, is_last: bool) -> None:
        """The text since the last child becomes a member, unless it is the element's only value."""
        text = "".join(self.text)
        if is_last and not self.members:
            return
        self.text.clear()
        if text.strip():
            self.add(_TEXT, text)

    def value(self) -> Any:
        if self.is_nil:
            return None
        self.end_text(is_last=True)
        return self.members or "".join(self.text)


def read_xml(text: str) -> Any:
    """Raises ResponseError with line and column."""
    reader = _Reader()
    parser = expat.ParserCreate("utf-8", _BETWEEN)
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as problem:
        reason = expat.ErrorString(problem.code)
        where = place(problem.lineno, problem.offset + 1)
        raise ResponseError(f"it is no XML: {reason}{where}") from None
    except UnicodeEncodeError:
        raise ResponseError("it is no XML: half a character stands in it") from None
    return reader.root


class _Reader:
    def __init__(self) -> None:
        self.root: Any = None
        self._open: list[_Element] = []

    def doctype(self, *_: object) -> None:
        raise ResponseError("it has a document type (<!DOCTYPE), which is not read; leave it out")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= DEEPEST:
            raise ResponseError(f"it is nested more than {DEEPEST} levels deep")
        if self._open:
            self._open[-1].end_text(is_last=False)
        element = _Element(_local(name))
        for attribute, value in attributes.items():
            if attribute == _NIL:
                element.is_nil = value.strip() in ("true", "1")
            else:
                element.add(_local(attribute), value)
        self._open.append(element)

    def end(self, _: str) -> None:
        element = self._open.pop()
        if self._open:
            self._open[-1].add(element.name, element.value())
        else:
            self.root = element.value()

    def characters(self, text: str) -> None:
        self._open[-1].text.append(text)


def _local(name: str) -> str:
    return name.rpartition(_BETWEEN)[2]
