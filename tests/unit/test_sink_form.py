"""Form fields as the API shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onhook.sink.form import MOST_PARTS, Form, FormFile, read_form, read_urlencoded

MULTIPART = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", None),
        ("a=1", {"a": "1"}),
        ("a=1&a=2&b", {"a": ["1", "2"], "b": ""}),
        ("a[]=1", {"a": ["1"]}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a=x&a[]=y", {"a": ["x", "y"]}),
        ("[]=1", {"[]": "1"}),
        ("a=%C3%A9+b&c=%FF", {"a": "é b", "c": "\ufffd"}),
    ],
)
def test_urlencoded_fields_by_name(text: str, fields: object) -> None:
    assert read_urlencoded(text) == fields


def test_only_what_is_declared_a_form_is_read_as_one() -> None:
    assert read_form("text/plain", b"a=1") == Form()
    assert read_form("", b"a=1") == Form()
    declared = "Application/X-WWW-Form-Urlencoded; charset=utf-8"
    assert read_form(declared, b"a=1") == Form({"a": "1"})


def test_multipart_fields_and_files() -> None:
    body = (
        b"preamble\r\n--b \r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
        b'--b\r\ncontent-disposition: form-data; name="f"; filename="\xc3\xa9.bin"\r\n\r\n'
        b"\r\n--bother\r\n\r\n--b--\r\n--b\r\n\r\nepilogue\r\n--b--"
    )
    form = read_form(MULTIPART, body)
    assert form.fields == {"a": "1"}
    content = b"\r\n--bother\r\n"
    assert form.files == (FormFile("f", "é.bin", "text/plain", len(content)),)


def test_files_of_one_field_are_all_shown() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nabc\r\n'
    form = read_form(MULTIPART, part * 3 + b"--b--\r\n")
    assert form == Form(None, (FormFile("f", "x", "text/plain", 3),) * 3)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--b\r\n\r\nx\r\n--b--"),
        (MULTIPART, b""),
        (MULTIPART, b"--b--\r\n"),
        (MULTIPART, b"no boundary at all"),
    ],
)
def test_a_body_that_is_no_multipart_has_no_parts(content_type: str, body: bytes) -> None:
    form = read_form(content_type, body)
    assert (form.fields, form.files) == (None, ())


def test_parts_are_bounded() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n\r\n'
    assert len(read_form(MULTIPART, part * (MOST_PARTS + 50)).files) == MOST_PARTS


@given(st.binary(max_size=300), st.text(max_size=60))
def test_no_body_and_no_type_is_ever_an_error(body: bytes, parameter: str) -> None:
    read_form(f"multipart/form-data; boundary={parameter}", body)
    read_form(MULTIPART, b"--b\r\n" + body + b"\r\n--b--")
    read_form("application/x-www-form-urlencoded", body)


@given(st.binary(max_size=300).filter(lambda content: b"--b" not in content))
def test_a_files_size_is_its_own(content: bytes) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
    form = read_form(MULTIPART, head + content + b"\r\n--b--\r\n")
    assert [file.size for file in form.files] == [len(content)]
