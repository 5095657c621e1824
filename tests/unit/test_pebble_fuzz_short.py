"""A short run of tests/fuzz/pebble_fuzz.py, and whether that tool sees what it looks for."""

from __future__ import annotations

import pytest

from fuzz.pebble_fuzz import CASE_CPU_S, TooSlow, case, cpu_limit, fuzz, leaked
from fuzz.pebble_grammar import SEEDS

CASES = 800


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_comes_in_is_a_text_or_an_error_with_a_place(seed):
    report = fuzz(seed, seconds=60, max_cases=CASES)
    assert [str(failure) for failure in report.failures] == []
    assert report.outcomes.total() == CASES
    assert report.outcomes["text"] > CASES / 10
    assert report.slowest_s < CASE_CPU_S


def test_a_seed_names_a_case():
    assert case("7:42", SEEDS) == case("7:42", SEEDS)
    assert case("7:42", SEEDS) != case("7:43", SEEDS)


def test_words_of_python_are_found_unless_they_came_in_with_the_case():
    assert leaked("<function f at 0x7f>", "{{ f }}") == "<function"
    assert leaked("it is None", "{{ x }}") == "None"
    assert leaked("None", '{{ "none" | title }}') is None


def test_a_case_that_hangs_is_stopped():
    with pytest.raises(TooSlow), cpu_limit(0.05):
        while True:
            pass
