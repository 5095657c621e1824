"""Filters, each with what it gives, what it refuses, and what it makes of null."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from onhook import pebble

NOW = datetime(2025, 2, 6, 21, 9, 2, 712000, tzinfo=UTC)
CONTEXT: dict[str, Any] = {
    "list": ["b", "c", "a"],
    "map": {"k": "v"},
    "wide": "a😀b",
    "nul": None,
    "e": "",
    "at": 1700000000000,
    "ANI": "+14085551234",
    "digits": "1234",
    "email": "ann@example.com",
    "appointment": "2025-03-01",
    "start": 1738876000,
    "Status": "complete",
    "TotalCalls": 4,
    "half": 0.5,
}


def rendered(source: str) -> str:
    return pebble.compile(source).render(CONTEXT, now=NOW)


FILTERS = {
    "abbreviate cuts": ("{{ 'abcdefgh' | abbreviate(6) }}", "abc..."),
    "abbreviate leaves what is short": ("{{ 'abc' | abbreviate(6) }}", "abc"),
    "abbreviate of exactly that length": ("{{ 'abcdef' | abbreviate(6) }}", "abc..."),
    "abbreviate to next to nothing": ("{{ 'abcdef' | abbreviate(2) }}", "ab"),
    "abs": ("{{ -3 | abs }} {{ -2.5 | abs }}", "3 2.5"),
    "base64": ("{{ 'Zoë' | base64encode }} {{ 'Wm/Dqw==' | base64decode }}", "Wm/Dqw== Zoë"),
    "base64 without padding": ("{{ 'Wm/Dqw' | base64decode }}", "Zoë"),
    "capitalize": ("{{ '  ab cd' | capitalize }}", "  Ab cd"),
    "default": ("{{ nul | default(1) }} {{ ' ' | default(2) }} {{ 0 | default(3) }}", "1 2 0"),
    "first and last of a list": ("{{ list | first }}{{ list | last }}", "ba"),
    "first and last of a text": ("{{ 'xyz' | first }}{{ 'xyz' | last }}", "xz"),
    "first of nothing": ("[{{ [] | first }}]", "[]"),
    "format": (
        "{{ '%05d|%-4s|%.1f|%s' | format(42, 'ab', 2.25, list) }}",
        "00042|ab  |2.3|[b, c, a]",
    ),
    "join": (
        "{{ list | join(', ') }} {{ list | join }} {{ [1, nul] | join('-') }}",
        "b, c, a bca 1-null",
    ),
    "length": (
        "{{ list | length }} {{ map | length }} {{ wide | length }} {{ 5 | length }} {{ nul | length }}",
        "3 1 4 0 0",
    ),
    "lower and upper": (
        "{{ 'ÄB' | lower }} {{ 'äß' | upper }} {{ list | upper }}",
        "äb ÄSS [B, C, A]",
    ),
    "merge of lists": ("{{ list | merge(['z']) }}", "[b, c, a, z]"),
    "merge of maps": (
        "{{ map | merge({'a': 1}) }} {{ map | merge(['q']) }}",
        "{a=1, k=v} {k=v, q=q}",
    ),
    "merge with null": ("{{ nul | merge(list) }} {{ list | merge(nul) }}", "[b, c, a] [b, c, a]"),
    "nl2br": ("{{ text | default('a\nb\r\nc\rd') | nl2br }}", "a<br />b<br />c<br />d"),
    "numberformat": (
        "{{ 1234.5 | numberformat('#,##0.00') }} {{ 1234.5678 | numberformat }}",
        "1,234.50 1,234.568",
    ),
    "raw": ("{{ '<' | raw }}", "<"),
    "replace": (
        "{{ ANI | replace({'+': '', '1': 'one'}) }} {{ 5 | replace({'5': 'x'}) }}",
        "one408555one234 x",
    ),
    "reverse": ("{{ list | reverse }}", "[a, c, b]"),
    "sort and rsort": ("{{ list | sort }} {{ list | rsort }}", "[a, b, c] [c, b, a]"),
    "sort of numbers": (
        "{{ [10, 9, 1] | sort }} {{ [1.5, 0.5] | rsort }}",
        "[1, 9, 10] [1.5, 0.5]",
    ),
    "sha256": (
        "{{ '' | sha256 }}",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
    "slice": (
        "{{ 'abcd' | slice(1, 3) }} {{ 'abcd' | slice(2) }} {{ list | slice(0, 1) }}",
        "bc cd [b]",
    ),
    "slice by name": ("{{ 'abcd' | slice(toIndex=2) }}", "ab"),
    "slice through a wide character": (
        "{{ wide | slice(0, 2) }} {{ wide | slice(0, 3) }}",
        "a? a😀",
    ),
    "split": (
        "{{ 'a,b,,c,,' | split(',') | join('|') }} {{ 'a,b,c' | split(',', 2) | join('|') }}",
        "a|b||c a|b,c",
    ),
    "split keeps what is empty for a negative limit": (
        "{{ 'a,,' | split(',', -1) | length }}",
        "3",
    ),
    "split by a regular expression": (
        "{{ 'a1b22c' | split('[0-9]+') | join('|') }} {{ 'a.b' | split('\\.') | join('|') }} {{ 'a b' | split('\\s') | join('|') }}",
        "a|b|c a|b a|b",
    ),
    "split into characters": (
        "{{ digits | split('') | join(', ') }} {{ wide | split('') | join }}",
        "1, 2, 3, 4 a😀b",
    ),
    "title": ("{{ 'red green' | title }}", "Red Green"),
    "trim": ("[{{ '  a b  ' | trim }}]", "[a b]"),
    "urlencode": ("{{ 'a b+c&é~*' | urlencode }}", "a+b%2Bc%26%C3%A9%7E*"),
    "escape": (
        "{{ '<a href=\"x\">&' | escape }} {{ \"'\" | escape('html') }}",
        "&lt;a href=&quot;x&quot;&gt;&amp; &#39;",
    ),
    "escape for JSON": ("{{ '\"é\\</a>&' | escape('json') }}", '\\"\\u00E9\\\\<\\/a>\\u0026'),
    "escape for JavaScript": (
        "{{ \"it's </b>😀\" | escape('js') }}",
        "it\\'s <\\/b>\\uD83D\\uDE00",
    ),
    "escape for CSS": ("{{ '1a b_:-' | escape('css') }}", "\\31 a\\ b_\\3A-"),
    "escape for a URL": ("{{ 'a b&c=é/?' | escape('url_param') }}", "a%20b%26c%3D%C3%A9/?"),
    "an escaped text is escaped once": (
        "{{ '<' | escape | escape }} {{ '<' | raw | escape }}",
        "&lt; <",
    ),
    "null stays null": (
        "[{{ nul | upper }}{{ nul | split(',') }}{{ nul | slice(1) }}{{ nul | sort }}{{ nul | escape }}]",
        "[]",
    ),
    "arguments of filters without any are not looked at": ("{{ 'a' | upper(1, 2) }}", "A"),
}


@pytest.mark.parametrize(("source", "output"), FILTERS.values(), ids=FILTERS)
def test_a_filter_gives_what_the_real_engine_gives(source: str, output: str) -> None:
    assert rendered(source) == output


TIMES = {
    "now": ("{{ now() }}", "2025-02-06T21:09:02.712Z[UTC]"),
    "now is one for the whole template": ("{{ now() == now() }}", "true"),
    "epoch": ("{{ now() | epoch }} {{ now() | epoch(inMillis=true) }}", "1738876142 1738876142712"),
    "epoch of a text": (
        "{{ 'February 6, 2025 10:30' | epoch(format='MMMM d, yyyy HH:mm') }}",
        "1738837800",
    ),
    "date of milliseconds": ("{{ at | date('yyyy-MM-dd HH:mm') }}", "2023-11-14 22:13"),
    "date in another zone": ("{{ at | date('HH:mm', timeZone='Europe/Paris') }}", "23:13"),
    "date by default": ("{{ at | date }}", "2023-11-14T22:13:20+0000"),
    "date of now": ("{{ now() | date('EEEE', timeZone='Asia/Tokyo') }}", "Friday"),
    "date of a text": (
        "{{ appointment | date('MM-dd-yyyy', existingFormat='yyyy-MM-dd') }}",
        "03-01-2025",
    ),
    "a difference of times": ("{{ now() | epoch - start > 100 }}", "true"),
    "a day by arithmetic": (
        "{{ (now() | epoch(inMillis=true) + 86400000) | date('EEEE') }}",
        "Friday",
    ),
    "dice": ("{{ now() | epoch(inMillis=true) % 10 }}", "2"),
    "a share": (
        "{{ ((now() | epoch(inMillis=true) % 1000 / 1000.0) * (180 - 90) + 90) | numberformat('#') }}",
        "154",
    ),
}


@pytest.mark.parametrize(("source", "output"), TIMES.values(), ids=TIMES)
def test_times_are_read_and_printed(source: str, output: str) -> None:
    assert rendered(source) == output


FIELD = {
    "{{ ANI | slice(1) }}": "14085551234",
    '{{ ANI | replace({"+":""}) }}': "14085551234",
    "{{ digits | slice(digits | length - 2) }}": "34",
    '{{ email | split("@") | last }}': "example.com",
    "{{ ANI | urlencode }}": "%2B14085551234",
    '{{ ["+44","+14"] contains (ANI | slice(0,3)) }}': "true",
    "{{Status=='complete'}}": "true",
    "{{TotalCalls + 1}}": "5",
}


@pytest.mark.parametrize(("source", "output"), FIELD.items())
def test_expressions_seen_in_the_field_work(source: str, output: str) -> None:
    assert rendered(source) == output


REFUSED = {
    "a number to trim": ("{{ 5 | trim }}", 'the filter "trim" takes a text, not a number'),
    "two texts to replace": ("{{ 'x' | replace('a', 'b') }}", '"replace" takes 1 argument, not 2'),
    "a text to replace": ("{{ 'x' | replace('a') }}", 'takes one map, such as {"old": "new"}'),
    "a negative slice": (
        "{{ 'abc' | slice(-1) }}",
        "slice begins at -1, which is not within 0 to 3",
    ),
    "a slice beyond the end": (
        "{{ 'abc' | slice(0, 9) }}",
        "slice ends at 9, which is not within 1 to 3",
    ),
    "a backward slice": ("{{ 'abc' | slice(2, 1) }}", "slice ends at 1"),
    "a text to join": ("{{ 'abc' | join }}", 'the filter "join" takes a list, not a text'),
    "a text to reverse": ("{{ 'abc' | reverse }}", 'the filter "reverse" takes a list, not a text'),
    "texts and numbers to sort": ("{{ ['a', 1] | sort }}", "a number and a text have no order"),
    "the first of an empty text": ("{{ '' | first }}", "finds no character in an empty text"),
    "no base64": ("{{ 'a!' | base64decode }}", "the text is not encoded in Base64"),
    "an unknown strategy": (
        "{{ 'a' | escape('sql') }}",
        'no strategy "sql"; it has html, js, css, url_param, json',
    ),
    "a text as a number": (
        "{{ 'a' | numberformat('0') }}",
        'the filter "numberformat" takes a number, not a text',
    ),
    "a broken number format": (
        "{{ 1 | numberformat('0.0.0') }}",
        'the filter "numberformat" fails',
    ),
    "a broken format": ("{{ '%q' | format(1) }}", 'the filter "format" fails'),
    "a date that is none": (
        "{{ 'x' | date('yyyy', existingFormat='yyyy-MM-dd') }}",
        'the filter "date" fails',
    ),
    "an unknown zone": (
        "{{ at | date('HH', timeZone='Mars/Olympus') }}",
        'time zone "Mars/Olympus" is unknown',
    ),
    "a time beyond all years": (
        "{{ 9223372036854775807 | date('yyyy') }}",
        "beyond the years 1 to 9999",
    ),
    "a broken regular expression": (
        "{{ 'a' | split('(') }}",
        'the pattern "(" is no regular expression: a group is never closed',
    ),
    "another dialect's expression": (
        "{{ 'a' | split('(?:a){e<=1}') }}",
        "is no regular expression",
    ),
    "abs of null": ("{{ nul | abs }}", 'the filter "abs" takes a number, not null'),
    "merge of two nulls": ("{{ nul | merge(nul) }}", 'both values of the filter "merge" are null'),
    "a character to title": (
        "{{ 'a' | first | title }}",
        'the filter "title" takes a text, not a character',
    ),
}


@pytest.mark.parametrize(("source", "message"), REFUSED.values(), ids=REFUSED)
def test_a_filter_refuses_what_it_cannot_take(source: str, message: str) -> None:
    with pytest.raises(pebble.PebbleError, match=r"^line 1, column \d+: ") as refusal:
        rendered(source)
    assert message in refusal.value.message
