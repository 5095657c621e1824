"""Throws templates and contexts at the template language until the time is up.

    python tests/fuzz/pebble_fuzz.py --seconds 60 --seed 1

Whatever comes in, the outcome is a text or a PebbleError with a place inside the source, in bounded
time and memory, with nothing of Python in it. Prints counts, and a reproducer of each failure.
"""

from __future__ import annotations

import argparse
import copy
import json
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from msgspec import Struct

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fuzz.pebble_grammar import Grammar, corpus
from onhook import pebble

CASE_CPU_S = 10.0
"""What one case may take; the default limits of the language allow a second or two."""

CASE_MEMORY_KB = 300_000
ADDRESS_SPACE_BYTES = 2 << 30
NOW = datetime(2026, 2, 6, 21, 9, 2, 712_000, tzinfo=UTC)
SMALL = pebble.Limits(steps=20_000, output_chars=200_000, range_size=5_000)

INTERNALS = (
    "Traceback", " object at 0x", "<class", "<function", "<lambda", "<built-in", "<bound ",
    "<generator", "<re.", "NoneType", "builtin", "'str'", "'int'", "'float'", "'dict'", "'list'",
    "dict_", "datetime.", "Decimal(", "OrderedDict", "frozenset", "positional argument but", "required positional",
    "unhashable", "not subscriptable", "not supported between", "codec can't", "RecursionError",
    "KeyError", "TypeError", "ValueError", "IndexError", "AttributeError", "onhook", "msgspec",
    "__", "None", "self.", "Exceeds the limit", "invalid literal",
)  # fmt: skip
"""Words of Python. One counts only where neither the template nor the data has it."""


class TooSlow(BaseException):
    """A case took longer than CASE_CPU_S. No Exception, so that nothing under test catches it."""


class Failure(Struct, frozen=True):
    what: str
    seed: str
    source: str
    context: Any

    def __str__(self) -> str:
        return (
            f"{self.what}\n  seed     {self.seed}\n  template {json.dumps(self.source)[:2000]}\n"
            f"  context  {json.dumps(self.context)[:2000]}"
        )


class Report(Struct):
    """Counts of outcomes, and what went wrong."""

    outcomes: Counter[str]
    failures: list[Failure]
    slowest_s: float = 0.0


@contextmanager
def cpu_limit(seconds: float) -> Iterator[None]:
    """Raise TooSlow once the block has used that much processor time."""

    def stop(_signal: int, _frame: object) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def leaked(text: str, *inputs: str) -> str | None:
    """The first word of Python in `text` that did not come in with the case."""
    given = "".join(inputs).lower()
    return next((word for word in INTERNALS if word in text and word.lower() not in given), None)


def misplaced(error: pebble.PebbleError, source: str) -> bool:
    lines = source.split("\n")
    is_inside = 1 <= error.line <= len(lines)
    return not is_inside or not 1 <= error.column <= len(lines[error.line - 1]) + 1


def check(source: str, context: dict[str, Any], limits: pebble.Limits) -> tuple[str, str | None]:
    """Compile and render once: the outcome, and what is wrong with it."""
    written = json.dumps(context, ensure_ascii=False)
    before = copy.deepcopy(context)
    try:
        template = pebble.compile(source)
        text = template.render(context, now=NOW, limits=limits)
    except pebble.PebbleError as error:
        str(error).encode()
        if misplaced(error, source):
            return "error", f"the error is beyond the source: {error}"
        word = leaked(str(error), source, written)
        return "error", f"the error says {word!r}: {error}" if word else None
    if context != before:
        return "text", "rendering changed the context"
    text.encode()
    if len(text) > limits.output_chars:
        return "text", f"{len(text)} characters of output"
    if word := leaked(text, source, written):
        return "text", f"the output has {word!r}: {text[:300]!r}"
    if template.render(context, now=NOW, limits=limits) != text:
        return "text", "a second rendering differs"
    return "text", _check_value(template, context, limits)


def _check_value(
    template: pebble.Template, context: dict[str, Any], limits: pebble.Limits
) -> str | None:
    """What the other ways into a template give."""
    try:
        value = template.value(context, now=NOW, limits=limits)
    except pebble.PebbleError as error:
        return f"it renders but has no value: {error}"
    is_plain = _is_plain(value)
    return None if is_plain else f"its value is no plain data: {type(value).__name__}"


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(member) for key, member in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or type(value) in {str, int, float, bool}


def run_case(source: str, context: dict[str, Any], limits: pebble.Limits) -> tuple[str, str | None]:
    """`check`, within the time and memory of one case."""
    peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with cpu_limit(CASE_CPU_S):
            outcome = check(source, context, limits)
    except TooSlow:
        return "slow", f"it took more than {CASE_CPU_S} s"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
        return "crash", f"{type(error).__name__}: {str(error)[:300]}"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before
    if sys.platform == "linux" and grown > CASE_MEMORY_KB:
        return "memory", f"it took {grown // 1000} MB"
    return outcome


def fuzz(seed: int, seconds: float, max_cases: int | None = None) -> Report:
    """Cases `seed`:0, `seed`:1, ... until the time or the number is up."""
    report = Report(Counter(), [])
    templates = corpus()
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end and (max_cases is None or number < max_cases):
        name = f"{seed}:{number}"
        source, context, limits = case(name, templates)
        started = time.process_time()
        outcome, failure = run_case(source, context, limits)
        report.slowest_s = max(report.slowest_s, time.process_time() - started)
        report.outcomes[outcome] += 1
        if failure:
            report.failures.append(Failure(failure, name, source, context))
        number += 1
    return report


def case(name: str, templates: tuple[str, ...]) -> tuple[str, dict[str, Any], pebble.Limits]:
    """The template, context and limits of one case, by its name alone."""
    random = Random(name)
    grammar = Grammar(random, templates)
    limits = pebble.Limits() if random.random() < 0.02 else SMALL
    return grammar.template(), grammar.context(), limits


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", help="run one case alone, by the seed that a failure names")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, resource.RLIM_INFINITY))
    if given.case:
        source, context, limits = case(given.case, corpus())
        outcome, failure = run_case(source, context, limits)
        print(f"{outcome}\n{Failure(failure or 'as it should be', given.case, source, context)}")
        return 1 if failure else 0
    report = fuzz(given.seed, given.seconds)
    for failure in report.failures:
        print(f"{failure}\n")
    counts = ", ".join(f"{count} {outcome}" for outcome, count in report.outcomes.most_common())
    print(f"{report.outcomes.total()} cases: {counts}; slowest {report.slowest_s:.2f} s CPU")
    print(f"{len(report.failures)} failures")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
