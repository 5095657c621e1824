"""Responses and texts become data, whatever their notation, or an error with its place."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onhook import jsonpath
from onhook.flow.response import LONGEST, ResponseError, read_as

KINDS = ("JSON", "XML", "TOML", "YAML")


def test_json_is_read_as_it_stands() -> None:
    text = '{"a": [1, 1.0, null, true], "b": {"": "x"}, "é": "\\ud83d\\ude00"}'
    assert json.dumps(read_as("JSON", text)) == json.dumps(json.loads(text))
    assert read_as("json", "\ufeff 7 ") == 7


def test_whole_numbers_keep_their_digits_in_every_notation() -> None:
    number = 10**40 + 1
    assert read_as("JSON", f"[{number}]") == [number]
    assert read_as("YAML", f"a: {number}") == {"a": number}
    assert read_as("TOML", f"a = {number}") == {"a": number}


def test_yaml_is_read_with_dates_as_texts() -> None:
    text = "list:\n  - 1\n  - two\nday: 2026-01-31\nat: 2026-01-31T10:00:00Z\nsame: &a {x: 1}\nagain: *a\n"
    assert read_as("YAML", text) == {
        "list": [1, "two"],
        "day": "2026-01-31",
        "at": "2026-01-31T10:00:00Z",
        "same": {"x": 1},
        "again": {"x": 1},
    }


def test_toml_is_read_with_dates_as_texts() -> None:
    text = 'title = "x"\nday = 2026-01-31\nat = 2026-01-31T10:00:00Z\nhour = 07:32:00\n[[row]]\nn = 1\n'
    assert read_as("TOML", text) == {
        "title": "x",
        "day": "2026-01-31",
        "at": "2026-01-31T10:00:00Z",
        "hour": "07:32:00",
        "row": [{"n": 1}],
    }


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("<root><a>1</a><b>x</b></root>", {"a": "1", "b": "x"}),
        ("<root attr='123'/>", {"attr": "123"}),
        ("<root a='1'>t</root>", {"a": "1", "": "t"}),
        ("<root><a/><b></b></root>", {"a": "", "b": ""}),
        ("<root>text</root>", "text"),
        ("<root/>", ""),
        ("<root><a>1</a><a>2</a><a>3</a></root>", {"a": ["1", "2", "3"]}),
        ("<root><a x='1'/><b/><a x='2'/></root>", {"a": [{"x": "1"}, {"x": "2"}], "b": ""}),
        ("<root>before<a>1</a><b>2</b></root>", {"": "before", "a": "1", "b": "2"}),
        ("<root>1<a>1</a>2<b>2</b>3</root>", {"": ["1", "2", "3"], "a": "1", "b": "2"}),
        ("<root>\n <a> x </a>\n</root>", {"a": " x "}),
        ("<r><a>mixed1 <b>leaf</b> mixed2</a></r>", {"a": {"": ["mixed1 ", " mixed2"], "b": "leaf"}}),
        ("<r><a><![CDATA[<b>&]]>c</a><!-- d --></r>", {"a": "<b>&c"}),
        ("<r><a>&lt;&amp;&#233;</a></r>", {"a": "<&é"}),
        ("<r><a x='1'>1</a><x>1<!-- -->2</x></r>", {"a": {"x": "1", "": "1"}, "x": "12"}),
        (
            '<?xml version="1.0" encoding="ISO-8859-1"?><s:E xmlns:s="urn:s"><s:B n="é"/></s:E>',
            {"B": {"n": "é"}},
        ),
        (
            '<r xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><a i:nil="true"/><b i:nil="false">1</b></r>',
            {"a": None, "b": "1"},
        ),
    ],
)  # fmt: skip
def test_xml_has_the_shape_that_jackson_gives_it(text: str, data: Any) -> None:
    assert read_as("XML", text) == data
    assert json.dumps(read_as("XML", text)) == json.dumps(data)


def test_a_path_into_xml_leaves_the_root_out() -> None:
    data = read_as(
        "XML", "<order id='7'><line><sku>A1</sku></line><line><sku>B2</sku></line></order>"
    )
    assert jsonpath.compile("$.id").read(data) == "7"
    assert jsonpath.compile("$.line[*].sku").read(data) == ["A1", "B2"]
    mixed = read_as("XML", "<price currency='EUR'>10</price>")
    assert jsonpath.compile("$['']").read(mixed) == "10"


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("JSON", '{"a": 1,\n "b": }', "it is no JSON: invalid character at line 2, column 7"),
        ("JSON", '{"é": x}', "column 7"),
        ("JSON", '{"a"', "ends too early"),
        ("JSON", "[1] 2", "trailing characters at line 1, column 5"),
        ("JSON", '"\ud800"', "half a character stands at line 1, column 2"),
        ("JSON", "[" + "9" * 5_000 + "]", "a number in it is too large"),
        ("JSON", "NaN", "no JSON"),
        ("XML", "<a>\n <b></a>", "it is no XML: mismatched tag at line 2, column 7"),
        ("XML", "<a:b/>", "unbound prefix"),
        ("XML", "<a>&nbsp;</a>", "undefined entity"),
        ("XML", "{}", "no XML"),
        ("XML", "<a>\ud800</a>", "half a character"),
        ("TOML", "a = 1\nb = \n", "it is no TOML at line 2, column 5"),
        ("TOML", "a = [", "it is no TOML"),
        ("TOML", "a = " + "9" * 5_000, "cannot be written as JSON"),
        ("YAML", "a: [1\nb: 2", "it is no YAML: .* at line 2, column 2"),
        ("YAML", "a: *b", "an alias of nothing"),
        ("YAML", "a: &a [*a]", "an alias of nothing, or of what holds it"),
        ("YAML", "a: 1\n---\nb: 2", "a second document.* at line 2, column 1"),
        ("YAML", "a: 2025-13-01", "cannot be written as JSON"),
        ("YAML", "a: !!python/object/apply:os.system ['true']", "cannot be written as JSON"),
        ("YAML", "a: \x00", "no YAML"),
        ("YAML", "? [1]\n: 2", "cannot be written as JSON"),
        ("CSV", "a,b", "it cannot be read as CSV; JSON, XML, TOML, YAML can be read"),
    ],
)
def test_a_text_of_another_notation_is_refused_with_its_place(
    kind: str, text: str, message: str
) -> None:
    with pytest.raises(ResponseError, match=message):
        read_as(kind, text)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_text_is_refused(kind: str) -> None:
    for text in ("", " \n", "\ufeff"):
        with pytest.raises(ResponseError, match=f"it is empty, which is no {kind}"):
            read_as(kind, text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_that_is_too_long_is_refused(kind: str) -> None:
    with pytest.raises(ResponseError, match="262145 characters; 262144 are the most"):
        read_as(kind, " " * (LONGEST + 1))


@pytest.mark.parametrize("levels", [201, 900, 20_000])
@pytest.mark.parametrize(
    ("kind", "opening", "closing"),
    [
        ("JSON", "[", "]"),
        ("JSON", '{"a":', "1}"),
        ("XML", "<a>", "</a>"),
        ("TOML", "a=[", "]"),
        ("YAML", "[", "]"),
    ],
)
def test_depth_is_bounded(kind: str, opening: str, closing: str, levels: int) -> None:
    text = opening * levels + closing * levels
    if kind == "TOML":
        text = "a=" + "[" * levels + "]" * levels
    if opening == '{"a":':
        text = opening * levels + "1" + "}" * levels
    with pytest.raises(ResponseError, match="nested more than 200 levels deep"):
        read_as(kind, text)


def test_a_table_of_many_levels_is_too_deep() -> None:
    with pytest.raises(ResponseError, match="nested more than 200 levels deep"):
        read_as("TOML", ".".join("a" * 5_000) + " = 1")


def test_200_levels_are_read() -> None:
    assert read_as("JSON", "[" * 200 + "]" * 200)
    assert read_as("YAML", "[" * 200 + "]" * 200)
    assert read_as("XML", "<a>" * 200 + "</a>" * 200)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 10)}]\n"
            for n in range(8)
        ),
        "a: &a '" + "x" * 100_000 + "'\nb: [" + "*a, " * 30_000 + "]\n",
    ],
)
def test_aliases_cannot_make_a_small_text_large(text: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ResponseError, match="with its aliases written out"):
        read_as("YAML", text)
    assert time.monotonic() - begin < 5


def test_no_entity_is_expanded_and_no_file_is_opened() -> None:
    for declaration in (
        '<!DOCTYPE a [<!ENTITY x "1">]>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ):
        with pytest.raises(ResponseError, match="document type"):
            read_as("XML", f"{declaration}<a>&x;</a>")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("JSON", "[" + "1," * 131_000 + "1]"),
        ("XML", "<a>" + "<b/>" * 65_000 + "</a>"),
        ("XML", "<a " + " ".join(f"b{n}=''" for n in range(25_000)) + "/>"),
        ("XML", "<a>" + "x<b/>" * 52_000 + "</a>"),
        ("YAML", "- a\n" * 65_000),
        ("TOML", "\n".join(f"k{n} = {n}" for n in range(15_000))),
        ("TOML", "[[a]]\n" * 43_000),
    ],
)
def test_a_text_of_full_length_is_read_in_time(kind: str, text: str) -> None:
    begin = time.monotonic()
    assert read_as(kind, text)
    assert time.monotonic() - begin < 10


PYTHON = ("Traceback", "Error", "object at", "codec", "<class", "int()", "dict", "NoneType")
TEXTS = st.text(max_size=40) | st.lists(
    st.sampled_from(
        [*'{}[]<>/:=,"\'&*!?|-#\n\t ', "<a>", "</a>", "<?xml?>", "&a ", "*a", "a: ", "a = ", "- ",
         "[[a]]", "<<: *a", "!!set ", "!!binary ", "1e999", "nan", ".inf", "2026-01-31", "0x1", "~",
         "<![CDATA[", "]]>", "xmlns:a='b'", "\\u0000", "\ud800", "---", "%YAML 9"]
    ),
    max_size=20,
).map("".join)  # fmt: skip


@settings(max_examples=1_500, deadline=None)
@given(st.sampled_from(KINDS), TEXTS)
def test_any_text_gives_plain_data_or_an_error_of_ours(kind: str, text: str) -> None:
    try:
        data = read_as(kind, text)
    except ResponseError as error:
        assert str(error).startswith("it ")
        assert not any(word in str(error) for word in PYTHON)
    else:
        assert json.loads(json.dumps(data)) == data


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
    )
)
def test_what_was_written_as_json_comes_back(data: Any) -> None:
    assert read_as("JSON", json.dumps(data)) == data
