"""Hostile forms: reading one takes no longer than its size explains."""

from __future__ import annotations

import time

import pytest

from onhook.sink.form import (
    LARGEST_HEAD,
    LARGEST_HEADS,
    MOST_PARTS,
    Form,
    FormFile,
    read_form,
)

MULTIPART = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
AMPLE_S = 2.0
"""Each of these took from half a minute to many hours when heads were read whole."""


@pytest.mark.parametrize(
    "head",
    [
        b'name="' + b";" * 400_000,
        b"name=x" + b';"' * 200_000,
        b'name="' + b";" * (LARGEST_HEAD - 100),
    ],
)
def test_a_part_with_a_hostile_head_is_left_out_at_once(head: bytes) -> None:
    hostile = b"--b\r\nContent-Disposition: form-data; %b\r\n\r\nx\r\n" % head
    began = time.perf_counter()
    form = read_form(MULTIPART, hostile + PART % (b"a", b"1") + b"--b--\r\n")
    assert form == Form({"a": "1"})
    assert time.perf_counter() - began < AMPLE_S


def test_many_hostile_heads_are_no_worse_than_one() -> None:
    head = b"name=x" + b";" * 30 + b"a" * (LARGEST_HEAD - 100) + b"\r\n" + b"a:\r\n" * 10
    part = b"--b\r\nContent-Disposition: form-data; %b\r\n\r\nx\r\n" % head
    began = time.perf_counter()
    read_form(MULTIPART, part * MOST_PARTS + b"--b--\r\n")
    assert time.perf_counter() - began < AMPLE_S


def test_heads_are_read_up_to_a_bound_together() -> None:
    name = b"n" * (LARGEST_HEAD // 2)
    fields = read_form(MULTIPART, PART % (name, b"1") * MOST_PARTS + b"--b--\r\n").fields
    assert fields is not None
    assert LARGEST_HEADS // LARGEST_HEAD < len(fields[name.decode()]) <= 2 * LARGEST_HEADS // 4_096


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/form-data; x="' + ";" * 60_000,
        'multipart/form-data; x="' + ";" * 4_000,
        f"{MULTIPART}; x={'x' * LARGEST_HEAD}",
    ],
)
def test_a_hostile_content_type_is_no_form(content_type: str) -> None:
    began = time.perf_counter()
    assert read_form(content_type, PART % (b"a", b"1") + b"--b--\r\n") == Form()
    assert time.perf_counter() - began < AMPLE_S


def test_the_longest_heads_that_people_send_are_read() -> None:
    name = "ä" * 1_000 + ".bin"
    head = f'Content-Disposition: form-data; name="f"; filename="{name}"'.encode()
    form = read_form(MULTIPART, b"--b\r\n" + head + b"\r\n\r\nabc\r\n--b--\r\n")
    assert form.files == (FormFile("f", name, "text/plain", 3),)
