"""A request's address: each value encoded for its place, and none that moves the host."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from json_values import texts
from onhook import pebble
from onhook.flow.url import UrlError, UrlTemplate, compile_url
from onhook.flow.url_place import VALUE, Place, place_behind
from onhook.pebble import PebbleError


def compiled(source: str, **query: str) -> UrlTemplate:
    pairs = tuple((name, pebble.compile(text)) for name, text in query.items())
    return compile_url(pebble.compile(source), pairs)


def rendered(source: str, query: dict[str, str] | None = None, **context: Any) -> str:
    return compiled(source, **query or {}).render(context)


def refusal_of(source: str, **context: Any) -> str:
    with pytest.raises(UrlError) as refusal:
        rendered(source, **context)
    return str(refusal.value)


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com",
        "http://127.0.0.1:3000/hook?a=b%20c#part",
        "HTTPS://Example.com/ä?x=%2F",
        "http://[::1]:8080/",
    ],
)
def test_an_address_that_is_one_expression_is_taken_whole(address: str) -> None:
    assert rendered("{{WebhookUrl}}", WebhookUrl=address) == address
    assert rendered("{{WebhookUrl}}", WebhookUrl=f" {address}\n") == address


def test_an_expression_at_the_start_brings_the_host() -> None:
    base = "https://api.example.com:8443/v1"
    assert rendered("{{Base}}/calls/{{Id}}?q={{Q}}", Base=base, Id="a/b", Q="x&y") == (
        "https://api.example.com:8443/v1/calls/a%2Fb?q=x%26y"
    )


@given(texts)
@example("a b+c&d=e#f?g/h%2F\\é😀\r\n")
def test_a_value_in_the_path_stays_one_segment(value: str) -> None:
    path = urlsplit(rendered("https://example.com/a/{{v}}/b", v=value)).path
    first, second, third, fourth = path.split("/")
    assert (first, second, fourth) == ("", "a", "b")
    assert unquote(third) == value


@given(texts)
@example("a b+c&d=e#f?g/h%2F\\é😀\r\n")
def test_a_value_in_the_query_stays_one_value(value: str) -> None:
    url = rendered("https://example.com/a?x={{v}}&y=1#{{v}}", v=value)
    assert parse_qsl(urlsplit(url).query, keep_blank_values=True) == [("x", value), ("y", "1")]
    assert unquote(urlsplit(url).fragment) == value


@given(st.dictionaries(texts.filter(lambda key: "{" not in key), texts, max_size=3), texts)
def test_query_parameters_arrive_as_they_are(fixed: dict[str, str], value: str) -> None:
    assume("v" not in fixed and not any("{" in each for each in fixed.values()))
    url = rendered("https://example.com/?first=1#end", {**fixed, "v": "{{v}}"}, v=value)
    split = urlsplit(url)
    expected = [("first", "1"), *fixed.items(), ("v", value)]
    assert parse_qsl(split.query, keep_blank_values=True) == expected
    assert split.fragment == "end"


def test_a_name_of_the_query_may_be_a_template() -> None:
    pairs = ((pebble.compile("{{n}}-x"), pebble.compile("{{v}}")), ("{{n}}", pebble.compile("1")))
    url = compile_url(pebble.compile("https://h/"), pairs)
    assert url.render({"n": "a&b", "v": None}) == "https://h/?a%26b-x=&%7B%7Bn%7D%7D=1"
    assert [reference.path for reference in url.references] == [("n",), ("v",)]


@given(texts)
def test_a_final_urlencode_is_not_encoded_again(value: str) -> None:
    source = "https://h/{{ v | urlencode }}?x={{ v | urlencode | raw }}"
    split = urlsplit(rendered(source, {"y": "{{ v | urlencode }}"}, v=value))
    assert unquote(split.path) == "/" + value
    assert parse_qsl(split.query, keep_blank_values=True) == [("x", value), ("y", value)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("https://h/{% if a %}{{a}}{% else %}none{% endif %}", "https://h/x%2F"),
        ("{% if a %}https://h{% else %}http://i{% endif %}/{{a}}", "https://h/x%2F"),
        ("https://h/?{% for each in l %}l={{each}}&{% endfor %}", "https://h/?l=1&l=2%263&"),
        ("{% set host = 'h' %}https://{{host}}/", "https://h/"),
        ("{# of the test #}https://h/{{ a | upper }}", "https://h/X%2F"),
        ("https://h/{{ a | default('y') }}-{{ gone | default('y/') }}", "https://h/x%2F-y%2F"),
    ],
)
def test_an_address_takes_the_whole_language(source: str, expected: str) -> None:
    assert rendered(source, a="x/", l=[1, "2&3"]) == expected


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("https://h/{{a}}", []),
        ("https://h/{% if a %}b{% endif %}{{c}}", []),
        ("https://h{% if a %}b{% endif %}/{{c}}", ["a"]),
        ("https://h{% if a %}/{% endif %}{{c}}", ["a", "c"]),
        ("{% if a %}https://h/{% else %}{{b}}{% endif %}{{c}}", ["a", "b", "c"]),
        ("{% set host = a %}https://{{host}}/{{b}}", ["a"]),
        ("https://h/{% set x = a %}{{x}}", []),
        ("{% for x in a %}{{x}}{% endfor %}/{{b}}", ["a", "b"]),
        ("https://{% for x in a %}h/{{b}}{% endfor %}", ["a"]),
        ("https://{% for x in a %}{{b}}/{% endfor %}{{c}}", ["a", "b", "c"]),
        ("https://{% for x in a %}{% if x == d %}h{% endif %}{% endfor %}/{{c}}", ["a", "d"]),
        ("{{ block('b') }}/{% block b %}https://{{a}}{% endblock %}", ["a"]),
        ("{% filter lower %}https://{{a}}{% endfilter %}/{{b}}", ["a"]),
        ("{{ a ? b : c }}/{{d}}", ["a", "b", "c"]),
    ],
)
def test_everything_that_can_decide_the_host_is_known(source: str, names: list[str]) -> None:
    found = {reference.path[0] for reference in compiled(source).origin_references}
    assert sorted(found) == names


@given(
    st.lists(
        st.sampled_from(
            [
                *("https:", "/", "//", "h", "?", "{{a}}", "{{b}}", "{% if b %}", "{% endif %}"),
                *("{% for x in l %}", "{{x}}", "{% endfor %}", "{% set x = b %}", "@", ":", "#"),
            ]
        ),
        max_size=10,
    ).map("".join),
    st.sampled_from(["https://good.test", "https:", "https:/", "https://", "good.test", ""]),
    st.sampled_from(["//evil.test", "evil.test", "@evil.test", ".evil.test", "/evil.test/", ""]),
)
@example("{{a}}/{% if b %}h{% endif %}/", "https:/", "evil.test")
@example("{{a}}//{{b}}/", "https:", "evil.test")
def test_what_does_not_decide_the_host_never_moves_it(source: str, a: str, value: str) -> None:
    try:
        template = compiled(source)
    except (UrlError, PebbleError):
        return
    deciding = {reference.path[0] for reference in template.origin_references}
    found = []
    for b, items in (("x", ["y"]), (value, [value, "/"]), ("", [])):
        try:
            split = urlsplit(template.render({"a": a, "b": b, "l": items}))
        except UrlError:
            continue
        if not deciding & {"b", "l"}:
            found.append((split.scheme, split.netloc))
    assert len(set(found)) <= 1


def test_query_parameters_follow_an_address_without_any() -> None:
    assert rendered("{{u}}", {"a": "{{x}} y"}, u="https://h/p", x="é/") == (
        "https://h/p?a=%C3%A9%2F%20y"
    )


def test_a_map_in_the_address_goes_in_as_its_json() -> None:
    assert rendered("https://h/{{m}}", m={"a": 1}) == "https://h/%7B%22a%22%3A1%7D"


WHOLE, HOST, PATH, QUERY = Place


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("{{a}}", [WHOLE]),
        ("{{a}}/{{b}}", [WHOLE, PATH]),
        ("{{a}}?x={{b}}", [WHOLE, QUERY]),
        ("{{a}}{{b}}", [WHOLE, HOST]),
        ("{{a}}.example.com/{{b}}", [WHOLE, PATH]),
        ("{{a}}://{{b}}/{{c}}", [WHOLE, HOST, PATH]),
        ("{{a}}://x.{{b}}:{{c}}?{{d}}", [WHOLE, HOST, HOST, QUERY]),
        ("{{a}}//{{b}}/{{c}}", [WHOLE, HOST, PATH]),
        ("{{a}}:{{b}}", [WHOLE, HOST]),
        ("{{a}}:/{{b}}", [WHOLE, HOST]),
        ("http{{a}}://h/{{b}}", [HOST, PATH]),
        ("https:{{a}}", [HOST]),
        ("https:/{{a}}", [HOST]),
        ("https://{{a}}", [HOST]),
        ("https://{{a}}.example.com:{{b}}/x", [HOST, HOST]),
        ("https://example.com{{a}}/", [HOST]),
        ("https://example.com\\{{a}}/", [HOST]),
        ("https://example.com/{{a}}//{{b}}", [PATH, PATH]),
        ("https://example.com?{{a}}", [QUERY]),
        ("https://example.com/#{{a}}", [PATH]),
        ("https://example.com/a?b=c/{{a}}", [QUERY]),
    ],
)
def test_each_expression_has_its_place(source: str, places: list[Place]) -> None:
    template = compiled(source)
    texts = re.split(r"\{\{.\}\}", source)[:-1]
    assert [place_behind(VALUE.join(texts[: at + 1])) for at in range(len(texts))] == places
    steering = [place for place in places if place in (WHOLE, HOST)]
    assert len(template.origin_references) == len(steering)
    assert len(template.references) == len(places)


@pytest.mark.parametrize(
    "value", ["a/b", "a@b", "a?b", "a#b", "a\\b", "ä.com", "a b", "a%2Fb", "a\n"]
)
def test_what_no_host_holds_is_refused_in_the_host(value: str) -> None:
    for source in ("https://{{v}}/x", "https://example.com{{v}}", "https://u.{{v}}.com/"):
        assert "{{v}} stands in the host" in refusal_of(source, v=value)


def test_a_name_and_port_may_stand_in_the_host() -> None:
    assert rendered("https://{{h}}:{{p}}/x", h="a-b.example.com", p=8443) == (
        "https://a-b.example.com:8443/x"
    )


@given(
    st.text(alphabet="htps:/?#@.\\a{v", max_size=12),
    st.sampled_from(["https://good.test", "https:", "https:/", "https://", "", "https://u@good"]),
    texts | st.sampled_from(["//evil.test", "evil.test", "@evil.test", ".evil.test", ":81"]),
)
@example("{b}/v", "https:/", "evil.test")
@example("{b}://v/", "https", "evil.test")
def test_no_value_of_path_or_query_moves_the_host(source: str, base: str, value: str) -> None:
    marked = source.replace("{b}", "\0").replace("{", "{{base}}").replace("\0", "{{base}}")
    marked = marked.replace("v", "{{v}}")
    try:
        template = compiled(marked)
        url = urlsplit(template.render({"base": base, "v": value}))
        plain = urlsplit(template.render({"base": base, "v": "x"}))
    except UrlError:
        return
    if "v" not in {reference.path[0] for reference in template.origin_references}:
        assert (url.scheme, url.netloc) == (plain.scheme, plain.netloc)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "url is empty"),
        ("", "url is empty"),
        ("  ", "url is empty"),
        ("example.com/hook", "is no http:// or https:// address"),
        ("ftp://example.com", "is no http:// or https:// address"),
        ("javascript:alert(1)", "is no http:// or https:// address"),
        ("https://", "is no http:// or https:// address"),
        ("https:///path", "is no http:// or https:// address"),
        ("https://exa mple.com", "holds blanks or control characters"),
        ("https://example.com/a\r\nX: 1", "holds blanks or control characters"),
        ("https://example.com:99999/", "is no address"),
        ("https://example.com:a/", "is no address"),
        ("https://[::1/", "is no address"),
        ("https://user@example.com/", "holds a user or password"),
        ("https://:secret@example.com/", "holds a user or password"),
        ("https://@example.com/", "holds a user or password"),
    ],
)
def test_what_is_no_address_is_refused_in_words_that_name_the_fault(
    value: str | None, words: str
) -> None:
    assert words in refusal_of("{{u}}", u=value)


@given(st.text(max_size=400))
def test_any_address_is_rendered_or_refused_quoting_at_most_200_bytes(value: str) -> None:
    try:
        url = rendered("{{u}}", u=value)
    except UrlError as refusal:
        assert len(str(refusal).encode()) < 200 + 100
    else:
        assert url == value.strip()


@pytest.mark.parametrize(
    "source",
    ["example.com/hook", "/hook/{{x}}", "ftp://{{h}}/", "https://", "https://a b/", "x{{u}}"],
)
def test_what_no_value_can_make_an_address_is_refused_at_once(source: str) -> None:
    with pytest.raises(UrlError):
        compiled(source)
