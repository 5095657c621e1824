"""The rules of the dialect, one by one and in words."""

from __future__ import annotations

from typing import Any

import pytest

from onhook import jsonpath
from onhook.jsonpath import JsonPathError, PathError, PathMissing

SHOP: dict[str, Any] = {
    "name": "Ada's",
    "open": True,
    "note": None,
    "a.b": {"c": 1},
    "two words": "x",
    "tags": ["new", "used"],
    "numbers": [3, 1, 2],
    "books": [
        {"id": 1, "price": 8.95, "by": "Rees", "in": {"city": "Rome"}, "tags": ["a"]},
        {"id": 2, "price": 12, "by": "Waugh", "tags": []},
        {"id": "3", "price": 9, "by": None, "isbn": "0-553"},
    ],
    "matrix": [[1, 2], [3]],
}


def read(path: str, document: Any = SHOP) -> Any:
    return jsonpath.compile(path).read(document)


def ids(path: str) -> list[Any]:
    return [book["id"] for book in read(f"$.books[?({path})]")]


# Where a path leads.


def test_a_definite_path_gives_the_value_itself() -> None:
    assert read("$.books[0].in.city") == "Rome"
    assert read("$['books'][-1]['id']") == "3"
    assert read("$") is SHOP


def test_a_path_may_leave_out_the_dollar() -> None:
    assert read("books[0].id") == 1


def test_a_member_that_is_null_is_a_value() -> None:
    assert read("$.note") is None


@pytest.mark.parametrize("path", ["$.nope", "$.books[9]", "$.name.first", "$.name[0]", "$.note.x"])
def test_a_definite_path_that_finds_nothing_is_missing(path: str) -> None:
    with pytest.raises(PathMissing):
        read(path)


@pytest.mark.parametrize(
    ("path", "is_definite"),
    [
        ("$.a.b[0]", True),
        ("$['a','b']", True),
        ("$['a','b'].c", False),
        ("$.a[*]", False),
        ("$..a", False),
        ("$.a[0,1]", False),
        ("$.a[0:1]", False),
        ("$.a[?(@.b)]", False),
        ("$..a.sum()", True),
        ("$.a[*].length()", False),
    ],
)
def test_a_path_knows_whether_it_leads_to_one_value(path: str, is_definite: bool) -> None:
    assert jsonpath.compile(path).is_definite is is_definite
    assert jsonpath.compile(path).source == path


def test_a_path_that_may_lead_to_several_values_always_gives_a_list() -> None:
    assert read("$.books[?(@.id == 1)].by") == ["Rees"]
    assert read("$.books[*].nope") == []
    assert read("$..nope") == []


def test_keys_with_dots_and_blanks_stand_in_brackets() -> None:
    assert read("$['a.b'].c") == 1
    assert read('$["two words"]') == "x"
    assert read("$.previous-intent.name", {"previous-intent": {"name": "n"}}) == "n"


def test_a_quote_in_a_key_is_escaped() -> None:
    assert read(r"$['it\'s']", {"it's": 1}) == 1
    assert read(r"$['\u0041\n']", {"A\n": 2}) == 2


def test_several_keys_at_the_end_give_an_object_of_those_that_exist() -> None:
    assert read("$['name','open','nope']") == {"name": "Ada's", "open": True}


def test_several_keys_before_others_are_followed_one_by_one() -> None:
    assert read("$['a.b','books'].c") == [1]


def test_positions_count_from_zero_or_from_the_end() -> None:
    assert read("$.tags[0,1,7]") == ["new", "used"]
    assert read("$.tags[-1]") == "used"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1:", [1, 2, 3]),
        ("-2:", [2, 3]),
        (":2", [0, 1]),
        (":-1", [0, 1, 2]),
        ("1:3", [1, 2]),
        ("1:99", [1, 2, 3]),
        ("3:1", []),
        ("1:-1", []),
        ("-3:-1", [1, 2]),
        ("-1:2", [3, 0, 1]),
        ("-99:1", [0, 1, 2, 3, 0]),
    ],
)
def test_slices_are_javas(text: str, found: list[int]) -> None:
    """Between two ends, negative positions count on through zero."""
    assert read(f"$[{text}]", [0, 1, 2, 3]) == found


def test_a_wildcard_takes_members_and_items() -> None:
    assert read("$.matrix[*][*]") == [1, 2, 3]
    assert read("$.books[0].in.*") == ["Rome"]
    assert read("$.name.*") == []


def test_a_scan_looks_at_every_level_from_the_outside_in() -> None:
    assert read("$..city") == ["Rome"]
    assert read("$..tags[0]") == ["new", "a"]
    assert read("$..[0]")[:3] == ["new", 3, SHOP["books"][0]]


def test_a_scan_through_lists_loses_the_last_key_unless_the_position_is_named() -> None:
    """As in Jayway: `$..*.id` finds nothing once a list was on the way."""
    assert read("$..*.id", {"a": [{"id": 1}], "b": {"c": {"id": 2}}}) == []
    assert read("$..[1].id", {"a": [{"id": 1}, {"id": 2}]}) == [2]


# What cannot be compiled.


@pytest.mark.parametrize(
    ("path", "column"),
    [
        ("", 1),
        ("$.", 2),
        ("$..", 3),
        ("$.a b", 4),
        ("$x", 2),
        ("$.a..b...c", 9),
        ("$['a'", 6),
        ("$['a',]", 7),
        ("$['a' 'b']", 6),
        ("$.a[b]", 4),
        ("$.a[1;2]", 4),
        ("$.a[::2]", 5),
        ("$.a[99999999999]", 5),
        ("$.a[*", 6),
        ("$.a[?]", 4),
        ("$.a.sum(1", 8),
        ("$[?(@.a = 1)]", 9),
        ("$[?(@.a == )]", 12),
        ("$[?(@.a == 1 &&)]", 16),
        ("$[?(1)]", 6),
        ("$[?(@.a =~ /[/)]", 14),
        ("$[?(@.a == 'x)]", 12),
    ],
)
def test_a_path_that_cannot_be_compiled_is_refused_with_its_column(path: str, column: int) -> None:
    with pytest.raises(PathError) as caught:
        jsonpath.compile(path)
    assert caught.value.column == column
    assert f'JSONPath "{path}": column {column}: ' in str(caught.value)


def test_one_character_too_many_at_the_end_is_passed_over() -> None:
    """As in Jayway, which looks for the end with `>=`."""
    assert read("$.tags[0]x") == "new"
    assert read("$.tags[") == SHOP["tags"]


# Filters.


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("@.id == 1", [1]),
        ("@.id == '1'", [1]),
        ("@.id == 3", ["3"]),
        ("@.id === 3", []),
        ("@.id !== 3", [1, 2, "3"]),
        ("@.price == 12.0", [2]),
        ("@.price > 8.95", [2, "3"]),
        ("@.price >= 8.95 && @.price < 12", [1, "3"]),
        ("@.by < 'S'", [1]),
        ("@.by == null", ["3"]),
        ("@.by", [1, 2, "3"]),
        ("@.isbn", ["3"]),
        ("!@.isbn", [1, 2]),
        ("!(@.id == 1)", [2, "3"]),
        ("@.id == 1 || @.id == 2 && @.by == 'x'", [1]),
        ("(@.id == 1 || @.id == 2) && @.by == 'Waugh'", [2]),
        ("@.nope == 1", []),
        ("@.nope != 1", [1, 2, "3"]),
        ("@.nope", []),
        ('@.in.city == "Rome"', [1]),
        ("@['in']['city'] == 'Rome'", [1]),
        ("$.open == true", [1, 2, "3"]),
        ("@.price > $.numbers[0]", [1, 2, "3"]),
        ("@.id in [1, '3']", [1, "3"]),
        ("@.id nin [1, '3']", [2]),
        ("@.tags contains 'a'", [1]),
        ("@.by contains 'aug'", [2]),
        ("@.tags size 1", [1]),
        ("@.by size 4", [1]),
        ("@.tags empty true", [2]),
        ("@.tags empty false", [1]),
        ("@.tags subsetof ['a','b']", [1, 2]),
        ("@.tags anyof ['a','b']", [1]),
        ("@.tags noneof ['a','b']", [2]),
        ("@.tags == ['a']", [1]),
        ("@.tags != ['a']", [2, "3"]),
        ("@.by =~ /re.*/i", [1]),
        ("@.by =~ /(Rees|Waugh)/", [1, 2]),
        ("@.by =~ /ee/", []),
        ("/R.*/ =~ @.by", [1]),
        ("@.tags =~ /a/", [1]),
        ("@.tags.length() > 0", [1]),
        ("@.tags all ['a']", []),
        ("@.id type 'number'", []),
        ("@.id EQ 1", None),
    ],
)
def test_a_filter_takes_the_items_it_is_true_for(condition: str, found: list[Any] | None) -> None:
    if found is None:
        with pytest.raises(PathError, match="no operator of filters"):
            jsonpath.compile(f"$.books[?({condition})]")
    else:
        assert ids(condition) == found


def test_a_filter_takes_an_object_whole_or_not_at_all() -> None:
    assert read("$.books[0].in[?(@.city)]") == [{"city": "Rome"}]
    assert read("$.books[0].in[?(@.nope)]") == []


def test_a_filter_on_neither_list_nor_object_is_an_error() -> None:
    with pytest.raises(PathError, match="a filter wants a list or an object"):
        read("$.name[?(@.a)]")


def test_an_index_behind_a_filter_counts_inside_each_item() -> None:
    assert read("$.books[?(@.id == 1)][0]") == []
    assert read("$.matrix[?(@.length() > 0)][0]") == [1, 3]


def test_the_kind_on_the_left_decides_how_a_number_meets_a_text() -> None:
    assert read("$[?(@ == '2.0')]", [2]) == [2]
    assert read("$[?('2.0' == @)]", [2]) == []


def test_a_whole_number_in_a_list_never_equals_one_with_a_point() -> None:
    assert read("$[?(@.a == [1])]", [{"a": [1]}, {"a": [1.0]}]) == [{"a": [1]}]


def test_a_missing_value_meets_a_regular_expression_as_an_empty_text() -> None:
    assert read("$[?(@.a =~ /.*/)]", [{}]) == [{}]


def test_lists_of_lists_cannot_be_searched_by_a_filter() -> None:
    with pytest.raises(PathError, match="item by item"):
        read("$[?(@ contains 1)]", [[[1]]])


def test_a_text_in_a_list_that_looks_like_a_path_is_never_found() -> None:
    assert read("$[?(@ contains '$.a')]", [["$.a"], ["a"]]) == []


def test_an_object_cannot_be_asked_whether_it_is_empty() -> None:
    with pytest.raises(PathError, match="cannot be asked of an object"):
        read("$[?(@ empty true)]", [{}])


def test_json_in_a_filter_is_read_kindly() -> None:
    assert read("$[?(@ in [a, 'b', \"c\",,])]", ["a", "b", "c", "d"]) == ["a", "b", "c"]


def test_a_number_compares_by_its_digits_not_by_its_bits() -> None:
    assert read("$[?(@ == 99.9)]", [99.9]) == [99.9]
    assert read("$[?(@ == 100000000000000000000000)]", [1e23]) == [1e23]


# Functions.


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.numbers.sum()", 6.0),
        ("$.numbers.min()", 1.0),
        ("$.numbers.max()", 3.0),
        ("$.numbers.avg()", 2.0),
        ("$.sum($.numbers, 4)", None),
        ("$.min($..price, 3)", 3.0),
        ("$..price.max()", 12.0),
        ("$.tags.length()", 2),
        ("$.length()", 9),
        ("$.name.length()", None),
        ("$.books[0].in.keys()", ["city"]),
        ("$.tags.keys()", None),
        ("$.tags.concat()", "newused"),
        ('$.concat($.name, "-", $.open)', "Ada's-"),
        ("$.concat($.numbers)", "312"),
        ('$.tags.append("x")', ["new", "used", "x"]),
        ("$.numbers.first()", 3),
        ("$.numbers.last()", 2),
        ("$.numbers.index(1)", 1),
        ("$.numbers.index(-1)", 2),
        ("$.books[*].length()", [5, 4, 4]),
    ],
)
def test_a_function_calculates_from_where_the_path_has_come_to(path: str, found: Any) -> None:
    if path.startswith("$.sum("):
        assert read(path) == 10.0
    else:
        assert read(path) == found


def test_the_standard_deviation_is_that_of_the_whole() -> None:
    assert read("$.stddev()", [1, 2, 3, 4]) == pytest.approx(1.118033988749895)


def test_a_function_behind_a_scan_counts_over_all_that_was_found() -> None:
    assert read("$..id.sum()") == 3.0
    assert read("$..books.length()") == 3


@pytest.mark.parametrize("path", ["$.name.sum()", "$.tags.max()", "$.a.first()", "$.one.last()"])
def test_a_function_without_anything_to_work_on_is_an_error(path: str) -> None:
    with pytest.raises(PathError):
        read(path, {"name": "x", "tags": ["a"], "a": {}, "one": [1]})


def test_an_unknown_function_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(PathError, match=r"no function median\(\); known are min, max"):
        read("$.numbers.median()")


def test_nothing_follows_a_function_without_arguments() -> None:
    """As in Jayway, where the closing parenthesis then counts as a key."""
    with pytest.raises(PathMissing):
        read("$.books.first().id")


def test_appending_leaves_the_document_as_it_is() -> None:
    document = {"a": [1]}
    assert read("$.a.append(2)", document) == [1, 2]
    assert document == {"a": [1]}


def test_a_list_prints_as_json_and_an_object_as_java_does() -> None:
    assert (
        read("$.concat($)", [["a/b", 1e10, None], {"k": [True]}])
        == r'["a\/b",1.0E10,null]{k=[true]}'
    )


# Errors.


def test_no_path_reads_a_document_that_is_null() -> None:
    for path in ("$", "$.a", "$..a"):
        with pytest.raises(PathError, match="document is null"):
            read(path, None)


def test_every_error_is_a_json_path_error() -> None:
    assert issubclass(PathMissing, JsonPathError)
    assert issubclass(PathError, JsonPathError)
    assert not issubclass(PathMissing, PathError)
