"""A question that only a person can answer: whether something is to be thrown away."""

from __future__ import annotations

import sys


def is_agreed(question: str) -> bool:
    """Whether the answer is yes; where nobody answers, it is no. Asks on stderr."""
    sys.stderr.write(question)
    sys.stderr.flush()
    answer = sys.stdin.readline()
    if not (answer.endswith("\n") and sys.stdin.isatty()):  # no terminal has echoed a line break
        sys.stderr.write("\n")
    return answer.strip().lower() in ("y", "yes")
