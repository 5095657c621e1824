"""Mutates the paths of the vectors and reads them over mutated documents, until the time is up.

    python tests/fuzz/jsonpath_fuzz.py --seconds 60 --seed 1

Whatever comes in, the outcome is a value, PathMissing or PathError, in bounded time, with nothing
of Python in the text and the document as it was. Prints counts, the slowest case, and a
reproducer of each failure; exits 1 when there was one.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from onhook import jsonpath

SLOWEST_S = 5.0
PATHS_A_DOCUMENT = 25
VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "jsonpath.jsonl"
MORE = (
    "$.sum($.a, 3)", "$..a.length()", "$.length($..a)", '$.concat($.a, "x", {"a": [1]})',
    "$[?(@.a =~ /(x|y)+[a-z&&[^b]]\\d{1,3}/iU)]", "$[?(@ in ['a', 1, null])]",
    "$[?(@.a subsetof [1] || !(@.b anyof ['x']))]", "$[?(!@.a && @.b size 2)]", "$[-2:1]['a','b']",
    "$.a.append($.b, 1).keys()", "$.a.index(-1)", "$[?(@..a.sum() > $.b)]", "$..[?(@.a == {})][0]",
    "$[?(@.a[?(@.b == 1)] empty false)]", "$['\\u0041\\'','b']", "$.stddev($..*)", "$..[1].id",
)  # fmt: skip
CHARS = "$@.[]()?*,:'\"/\\!=<>~&|{}0123456789-+eE abnruxtf\t\n\x00é😀٣\ud800"
LEAVES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 10**40, 10**4200, 1.5, 1e300, float("nan"), float("inf"), "",
    "a", "$.a", "@", "[1]", "{", "'x'", "\\u12", "1e5", "a" * 5_000, "\ud800", "😀",
)  # fmt: skip
PYTHON = ("Traceback", "Error:", "object at", "NoneType", "<class", "__", "Exception", "<function")


class Fuzz:
    def __init__(self, seed: int) -> None:
        lines = VECTORS.read_text("utf-8").splitlines()
        self._random = Random(seed)
        self._documents = list(json.loads(lines[0])["docs"].values())
        self._paths = [*{json.loads(line)["path"] for line in lines[1:]}, *MORE * 20]
        self.outcomes: Counter[str] = Counter()
        self.slowest = (0.0, "")
        self.failures: list[str] = []

    def run(self, seconds: float, most_cases: int | None = None) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.outcomes.total() != most_cases:
            document = self._document()
            before = repr(document)
            paths = [self._path() for _ in range(PATHS_A_DOCUMENT)]
            for path in paths:
                self.case(path, document, before)
            if repr(document) != before:
                self.failures.append(f"one of {paths!r} changed {before[:2_000]}")

    def case(self, path: str, document: Any, before: str) -> None:
        begin = time.process_time()
        outcome, text = self._outcome(path, document)
        took = time.process_time() - begin
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, (took, path))
        shown = text.removeprefix("JSONPath ").replace(path[:80], "")
        if took > SLOWEST_S:
            outcome = "slow"
        elif outcome == "error" and any(word in shown for word in PYTHON if word not in path):
            outcome = "leaked"
        if outcome not in ("value", "missing", "error"):
            self.failures.append(f"{outcome}: {path!r} over {before[:2_000]}\n{text}")

    def _outcome(self, path: str, document: Any) -> tuple[str, str]:
        try:
            jsonpath.compile(path).read(document)
        except jsonpath.PathMissing as error:
            return "missing", str(error)
        except jsonpath.PathError as error:
            return "error", str(error)
        except BaseException:  # noqa: BLE001  # what the tool looks for
            return "crashed", traceback.format_exc(limit=-6)
        return "value", ""

    def _path(self) -> str:
        random = self._random
        path = random.choice(self._paths)
        for _ in range(random.choice((0, 1, 1, 2, 3, 8))):
            path = self._mutated(path)
        return path

    def _mutated(self, path: str) -> str:
        random = self._random
        other = random.choice(self._paths)
        start, end = sorted(random.randint(0, len(path)) for _ in range(2))
        from_, to = sorted(random.randint(0, len(other)) for _ in range(2))
        match random.randrange(7):
            case 0:
                return path[:start] + random.choice(CHARS) + path[start:]
            case 1:
                return path[:start] + path[start + 1 :]
            case 2:
                return path[:start] + path[end:]
            case 3:
                return path[:start] + other[from_:to] + path[end:]
            case 4:
                return path[:end] + path[start:end] * random.choice((1, 1, 2, 40)) + path[end:]
            case 5:
                return path + other.removeprefix("$")
            case _:
                return f"$[?({path.replace('$', '@', 1)} {random.choice(('==', '>', 'in', '=~'))} {other})]"

    def _document(self) -> Any:
        random = self._random
        document = json.loads(json.dumps(random.choice(self._documents)))
        if random.random() < 0.3:
            document = self._any(4)
        for _ in range(random.randrange(4)):
            document = self._changed(document, 4)
        if random.random() < 0.01:
            for _ in range(random.choice((50, 200))):
                document = [document] if random.random() < 0.5 else {"a": document}
        return document

    def _changed(self, value: Any, depth: int) -> Any:
        random = self._random
        if depth == 0 or random.random() < 0.2:
            return self._any(depth)
        if isinstance(value, dict) and value:
            key = random.choice(list(value))
            return {**value, key: self._changed(value[key], depth - 1)}
        if isinstance(value, list) and value:
            index = random.randrange(len(value))
            return [*value[:index], self._changed(value[index], depth - 1), *value[index + 1 :]]
        return self._any(depth)

    def _any(self, depth: int) -> Any:
        random = self._random
        kind = random.random()
        if depth == 0 or kind < 0.4:
            return random.choice(LEAVES)
        count = random.choice((0, 1, 2, 3, 3, 60)) if depth > 2 else random.randrange(3)
        if kind < 0.7:
            return [self._any(depth - 1) for _ in range(count)]
        keys = ("a", "b", "id", "x y", "'", ")", "$", *map(str, range(200)))
        return {key: self._any(depth - 1) for key in keys[:count]}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    fuzz = Fuzz(options.seed)
    fuzz.run(options.seconds)
    print(f"seed {options.seed}: {fuzz.outcomes.total()} cases, {dict(fuzz.outcomes)}")
    print(f"slowest {fuzz.slowest[0]:.2f} s: {fuzz.slowest[1][:200]!r}")
    for failure in fuzz.failures[:20]:
        print("FAILED", failure)
    print(f"{len(fuzz.failures)} failures")
    return 1 if fuzz.failures else 0


if __name__ == "__main__":
    sys.exit(main())
