"""XML bodies: a value is a text or a name, and nothing that it is put together with is markup."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from json_values import NASTY, texts
from onhook import pebble
from onhook.flow.bodies import compile_body
from onhook.pebble import PebbleError

MARKUP = st.sampled_from(
    [*NASTY, "]]>", "]", ">", "<b/>", "</a>", "-->", "--", "?>", "&amp;", "&#0;", "' b='", '" b="']
)
anything = texts | MARKUP | st.lists(MARKUP).map("".join)
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def rendered(source: str, **context: Any) -> str:
    return compile_body("XML", pebble.compile(source)).render(context).decode()


def parsed(source: str, **context: Any) -> ET.Element:
    return ET.fromstring(rendered(source, **context))


def failure_of(source: str, **context: Any) -> PebbleError:
    with pytest.raises(PebbleError) as failure:
        rendered(source, **context)
    return failure.value


@given(anything)
def test_a_text_and_an_attribute_hold_the_value_whatever_it_is(value: str) -> None:
    root = parsed(
        "<a b=\"x{{v}}\" c='{{v}}'><!-- {{v}} --><d/>{{v}}<![CDATA[{{v}}]]>y</a>", v=value
    )
    legal = _ILLEGAL.sub("\ufffd", value)
    assert root.attrib == {"b": f"x{legal}", "c": legal}
    assert [child.tag for child in root] == ["d"]
    in_cdata = legal.replace("\r\n", "\n").replace("\r", "\n")
    assert root[0].tail == legal + in_cdata + "y"


@given(anything)
def test_branches_and_loops_keep_every_value_in_its_place(value: str) -> None:
    source = """<a>{% for x in l %}<i{% if loop.first %} n="{{x}}"{% endif %}>{{x}}</i>{% endfor %}
    {%- if v %}<![CDATA[{% if v %}{{v}}{% endif %}]{% if v %}]>{% endif %}{% endif %}</a>"""
    root = parsed(source, l=[value, 1], v=value)
    assert [child.tag for child in root] == ["i", "i"]
    assert root[0].text == (root[0].get("n") or None) == (_ILLEGAL.sub("\ufffd", value) or None)


@given(
    st.lists(
        st.sampled_from(["<", "!--", "![CDATA[", "]]", ">", "--", "a", "/", '"', "=", " ", "?"])
        | st.sampled_from(["{% if y %}", "{% endif %}", "{{v}}", "<a>", "</a>", "{# #}"]),
        max_size=12,
    ).map("".join),
    anything,
)
@example("<a><![CDATA[ ]]{% if y %}>{% endif %}{{v}}</a>", "<evil/>")
@example("<a><{% if y %}!-- {% endif %}{{v}}--></a>", "--><evil/><!--")
@example("<a>{{v}}<{# #}![CDATA[{{v}}]]></a>", "]]><evil/>")
def test_no_value_makes_an_element(source: str, value: str) -> None:
    shapes = []
    for text in ("x", value):
        try:
            root = parsed(f"<r>{source}</r>", v=text, y=True)
        except PebbleError:
            return
        shapes.append([len(each.attrib) for each in root.iter()])
    assert shapes[0] == shapes[1]


def test_a_name_may_stand_in_a_tag_and_nothing_else() -> None:
    assert rendered("<{{n}} {{n}}='1'></{{n}}>", n="a-b.c") == "<a-b.c a-b.c='1'></a-b.c>"
    for value in ("a b", "a/", "", 'a="x"', "a>", "1a", None):
        assert "only a name can stand in a tag" in failure_of("<{{n}}/>", n=value).message


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        ("<a>{{v}}", 1, 9, "no element found"),
        ("<a>{{v}}</b>", 1, 11, "mismatched tag"),
        ("<a>\n&nbsp;{{v}}</a>", 2, 1, "undefined entity"),
        ("{{v}}", 1, 1, "syntax error"),
        ("", 1, 1, "no element found"),
        ("<a/>{{v}}", 1, 5, "junk after document element"),
        ("<?{{v}}?><a/>", 1, 3, "no expression can stand in an instruction"),
        ("<!DOCTYPE a [<!ENTITY b '{{v}}'>]><a/>", 1, 26, "in a declaration"),
        ('<?xml version="1.0" encoding="latin1"?><a>{{v}}</a>', 1, 1, "sent as UTF-8"),
    ],
)
def test_a_text_that_cannot_become_xml_is_refused_with_its_place(
    source: str, line: int, column: int, words: str
) -> None:
    with pytest.raises(PebbleError, match=words) as refusal:
        compile_body("XML", pebble.compile(source))
    assert (refusal.value.line, refusal.value.column) == (line, column)


def test_a_branch_that_ends_in_no_xml_is_an_error_of_the_run() -> None:
    source = '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE a><a>{% if v %}<b>{% endif %}</a>'
    assert rendered(source).endswith("<a></a>")
    failure = failure_of(source, v=1)
    assert (failure.line, failure.column) == (2, 42)
