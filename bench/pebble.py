"""The template language beside Jinja2: time per render and per compile, in one process, one run.

Rounds are interleaved and their order alternates, so that whatever else the machine does meets all
contenders alike; a figure is the median of its rounds, in CPU time of this process. A contender
must print what the others print, else the run stops.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import jinja2.sandbox
from msgspec import Struct

from onhook import pebble

FLOW = Path(__file__).resolve().parent.parent / "services/onhook/flow/main_flow.json"
BATCH_S = 0.02
"""How long one contender works at a stretch."""

PEBBLE, JINJA, SANDBOX = "pebble", "jinja2", "sandboxed"
CONTEXT: dict[str, Any] = {
    "NewPhoneContact": {
        "ANI": "+14085551234",
        "DNIS": "+18005550100",
        "InteractionId": "8a7f6d1e-0c2b-4f7e-9d53-0a1b2c3d4e5f",
    },
    "Global_Language": "en-US",
    "WhoIsCalling": "Alice",
    "Status": "complete",
    "TotalCalls": 41,
    "digits": "4085551234",
    "email": "ann.lee@example.com",
    "appointment": "2025-02-03",
    "start": 1_700_000_000,
    "limit": 60,
    "lines": [{"name": f"line {number}", "count": number} for number in range(20)],
}
IN_BOTH = (
    "{{Status=='complete'}}",
    "{{TotalCalls + 1}}",
    "{{ WhoIsCalling | upper }}",
    "{% if TotalCalls > 40 %}many{% else %}few{% endif %}",
    "{% for line in lines %}{{ line.name }}: {{ line.count * 2 }}, {% endfor %}",
)
IN_PEBBLE_ONLY = (
    "{{ NewPhoneContact.ANI | slice(1) }}",
    '{{ NewPhoneContact.ANI | replace({"+":""}) }}',
    "{{ digits | slice(digits | length - 4) }}",
    '{{ digits | split("") | join(", ") }}',
    '{{ email | split("@") | last }}',
    '{{ ["+44","+31"] contains NewPhoneContact.ANI | slice(0,3) }}',
    "{{ now() | epoch - start > limit }}",
    '{{ (now() | epoch(inMillis=true) + 86400000) | date("EEEE") }}',
    '{{ appointment | date("MM-dd-yyyy", existingFormat="yyyy-MM-dd") }}',
    '{{ (TotalCalls * 1.5) | numberformat("#,##0.00") }}',
)


class Case(Struct, frozen=True):
    """`context` has no more in it than a flow would give: Jinja2 copies it at every render."""

    name: str
    source: str
    context: dict[str, Any]
    is_shared: bool = True


Work = Callable[[], object]


def canonical_body() -> str:
    """httpRequestBody of the packaged flow."""

    def bodies(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["httpRequestBody"]] if "httpRequestBody" in node else []
            return own + [body for member in node.values() for body in bodies(member)]
        return (
            [body for member in node for body in bodies(member)] if isinstance(node, list) else []
        )

    (body,) = bodies(json.loads(FLOW.read_text(encoding="utf-8")))
    return body


def body_of(fields: int) -> str:
    lines = (f'"Field{number}": "{{{{Field{number}}}}}"' for number in range(fields))
    return "{\n" + ",\n".join(lines) + "\n}"


def fields_of(fields: int) -> dict[str, Any]:
    return {f"Field{number}": f"value {number}" for number in range(fields)}


def cases() -> list[Case]:
    bodies = [
        Case(f"body of {fields} fields", body_of(fields), fields_of(fields))
        for fields in (10, 100, 1000)
    ]
    return [
        Case("canonical body", canonical_body(), CONTEXT),
        *bodies,
        *(Case(source, source, CONTEXT) for source in IN_BOTH),
        *(Case(source, source, CONTEXT, is_shared=False) for source in IN_PEBBLE_ONLY),
    ]


def contenders(case: Case) -> dict[str, tuple[Work, Work]]:
    """For each contender, how it renders the case and how it compiles it."""
    source, context = case.source, case.context
    template = pebble.compile(source)
    found: dict[str, tuple[Work, Work]] = {
        PEBBLE: (lambda: template.render(context), lambda: pebble.compile(source))
    }
    if not case.is_shared:
        return found
    environments = {
        # cache_size=0: its cache of sources would answer instead of its compiler.
        JINJA: jinja2.Environment(autoescape=False, cache_size=0),
        SANDBOX: jinja2.sandbox.SandboxedEnvironment(autoescape=False, cache_size=0),
    }
    for name, environment in environments.items():
        rendered = environment.from_string(source)
        found[name] = (
            lambda rendered=rendered: rendered.render(context),
            lambda environment=environment: environment.from_string(source),
        )
    # In lower case, because one prints true and the other True.
    texts = {name: str(render()).lower() for name, (render, _) in found.items()}
    if len(set(texts.values())) > 1:
        raise SystemExit(f"{case.name}: the contenders print different texts: {texts}")
    return found


def seconds(work: Work, times: int) -> float:
    """CPU time of one call, over `times` of them."""
    started = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - started) / times


def medians(works: dict[str, Work], rounds: int) -> dict[str, float]:
    """Seconds per call of each contender, the rounds interleaved."""
    times = {}
    for name, work in works.items():
        work()
        times[name] = max(1, int(BATCH_S / max(seconds(work, 3), 1e-7)))
    taken: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds):
        order = list(works)
        for name in order if number % 2 == 0 else reversed(order):
            taken[name].append(seconds(works[name], times[name]))
    return {name: statistics.median(values) for name, values in taken.items()}


def row(label: str, found: dict[str, float]) -> str:
    """Microseconds of ours, and how many times longer each other takes."""
    ours = found[PEBBLE]
    ratios = [
        f"{found[name] / ours:10.2f}" if name in found else f"{'-':>10}"
        for name in (JINJA, SANDBOX)
    ]
    return f"{label[:58]:<58} {ours * 1e6:10.1f} {''.join(ratios)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    for part, title in enumerate(("render", "compile")):
        print(f"{title:<58} {'us':>10} {JINJA:>9} {SANDBOX:>9}", flush=True)
        for case in cases():
            works = {name: parts[part] for name, parts in contenders(case).items()}
            print(row(case.name, medians(works, given.rounds)), flush=True)
        print()
    print(f"median of {given.rounds} rounds; {JINJA} and {SANDBOX}: times of pebble's")


if __name__ == "__main__":
    main()
