from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from onhook.java.date import format_date, parse_date, zone

NOW = datetime(2026, 11, 25, tzinfo=UTC)
AT = datetime(2025, 11, 25, 14, 5, 9, 712345, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd'T'HH:mm:ssZ", "2025-11-25T09:05:09-0500"),
        ("EEEE", "Tuesday"),
        ("EEE, MMM d, ''yy", "Tue, Nov 25, '25"),
        ("h:mm a, zzzz", "9:05 AM, Eastern Standard Time"),
        ("hh 'o''clock' z", "09 o'clock EST"),
        ("yyyy.MM.dd G", "2025.11.25 AD"),
        ("SSS X XX XXX", "712 -05 -0500 -05:00"),
        ("VV O v QQQ", "America/New_York GMT-5 ET Q4"),
    ],
)
def test_a_pattern_says_how_a_time_prints(pattern, text):
    assert format_date(pattern, AT.astimezone(zone("America/New_York"))) == text


def test_letters_that_java_reads_two_ways_follow_the_style():
    assert format_date("u SSSSSS", AT) == "2 000712"
    assert format_date("u SSSSSS", AT, style="temporal") == "2025 712345"


def test_the_last_days_of_the_calendar_print():
    at = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    assert format_date("YYYY ww yyyy D", at) == "10000 01 9999 365"


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        ("yyyy-MM-ddThh", 'the letter "T" means nothing; quote it'),
        ("yyyy 'at", "a quote is not closed"),
        ("yyyy]", '"]" closes nothing'),
        ("XXXX", '"XXXX" is no field'),
        ("y" * 20, 'too many "y"'),
        ("-" * 1001, "at most 1000 characters"),
        ("[" * 30, "nested too deeply"),
    ],
)
def test_a_malformed_pattern_is_refused_with_a_reason(pattern, what):
    with pytest.raises(ValueError, match=what.replace("]", r"\]")):
        format_date(pattern, AT)


@pytest.mark.parametrize(
    ("pattern", "text", "iso"),
    [
        ("yyyy-MM-dd", "2025-02-03", "2025-02-03T00:00:00+00:00"),
        ("yyyyMMdd", "20250203", "2025-02-03T00:00:00+00:00"),
        ("MMMM d, yyyy HH:mm", "february 6, 2025 21:09", "2025-02-06T21:09:00+00:00"),
        (
            "yyyy-MM-dd'T'HH:mm:ss.SSSX",
            "2025-02-06T21:09:02.712Z",
            "2025-02-06T21:09:02.712000+00:00",
        ),
        ("HH:mm z", "10:00 PST", "1970-01-01T10:00:00-08:00"),
        ("MM/dd/yy", "01/15/85", "1985-01-15T00:00:00+00:00"),
        ("yyyy-MM-dd", "2025-02-30", "2025-03-02T00:00:00+00:00"),
        ("yyyy-MM-dd", "2025-02-03 and more", "2025-02-03T00:00:00+00:00"),
        ("yyyy-MM-dd[ HH:mm]", "2025-02-03", "2025-02-03T00:00:00+00:00"),
        ("yyyy-MM-dd[ HH:mm]", "2025-02-03 10:30", "2025-02-03T10:30:00+00:00"),
        ("QQQ yyyy", "Q3 2025", "2025-07-01T00:00:00+00:00"),
    ],
)
def test_a_text_is_read_as_leniently_as_java_reads_it(pattern, text, iso):
    assert parse_date(pattern, text, UTC, now=NOW).isoformat() == iso


@pytest.mark.parametrize("text", ["2025-02-30 x", "2025-13-01", "2025-1-1 ", "x"])
def test_the_temporal_style_is_strict(text):
    with pytest.raises(ValueError, match="is no date of the form"):
        parse_date("uuuu-MM-dd", text, UTC, style="temporal")


def test_the_temporal_style_reads_years_and_fractions():
    time = parse_date("uuuu-MM-dd HH:mm:ss.SS", "2025-02-03 10:00:00.25", UTC, style="temporal")
    assert time == datetime(2025, 2, 3, 10, 0, 0, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tomorrow", '"tomorrow" is no date of the form "yyyy-MM-dd"'),
        ("99999-01-01", '"99999-01-01" is beyond the years 1 to 9999'),
        ("2025-999999999999-01", '"2025-999999999999-01" is beyond the years 1 to 9999'),
        (
            "2025-" + "9" * 500 + "-01",
            '"2025-' + "9" * 95 + '" is no date of the form "yyyy-MM-dd"',
        ),
    ],
)
def test_a_text_that_is_no_date_is_refused(text, message):
    with pytest.raises(ValueError) as caught:
        parse_date("yyyy-MM-dd", text, UTC)
    assert str(caught.value) == message


def test_an_hour_that_a_clock_change_skips_is_the_one_behind_it():
    new_york = zone("America/New_York")
    skipped = parse_date("yyyy-MM-dd HH:mm", "2025-03-09 02:30", new_york)
    assert format_date("HH:mm z", skipped) == "03:30 EDT"


def test_an_hour_that_a_clock_change_repeats_is_in_winter_time():
    new_york = zone("America/New_York")
    repeated = parse_date("yyyy-MM-dd HH:mm", "2025-11-02 01:30", new_york)
    assert format_date("HH:mm z", repeated) == "01:30 EST"


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        ("UTC", 0),
        ("GMT", 0),
        ("Z", 0),
        ("GMT+2", 2),
        ("GMT-03:30", -3.5),
        ("UTC+0530", 5.5),
        ("+05:30", 5.5),
        ("EST", -5),
        ("PST", -8),
        ("IST", 5.5),
        ("Asia/Tokyo", 9),
    ],
)
def test_a_zone_has_the_offset_that_java_gives_its_id(name, hours):
    winter = datetime(2025, 1, 1, tzinfo=zone(name))
    assert winter.utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "GMT+25",
        "GMT+2:99",
        "../etc/passwd",
        "/etc/localtime",
        "localtime",
        "right/UTC",
        "posix/UTC",
        "America",
        "a\x00b",
        "x" * 500,
        "Ж",
    ],
)
def test_an_unknown_zone_is_refused_with_an_example(name):
    with pytest.raises(ValueError, match="is unknown; write one such as Europe/Paris"):
        zone(name)


def test_the_zone_of_the_machine_changes_nothing(monkeypatch):
    before = format_date("yyyy-MM-dd HH:mm z", AT), parse_date("HH:mm", "10:00", UTC)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert (format_date("yyyy-MM-dd HH:mm z", AT), parse_date("HH:mm", "10:00", UTC)) == before
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "TZ" not in os.environ or os.environ["TZ"] != "Asia/Tokyo"
