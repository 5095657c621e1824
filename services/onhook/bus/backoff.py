"""How long to wait before trying again what failed: longer each time, never in step with others.

One small state machine; it must not sleep, and must not know what is being tried.
"""

from __future__ import annotations

import random

SHORTEST_S = 0.2
LONGEST_S = 10.0


class Backoff:
    """Waits that double from 0.2 s to 10 s, each shortened at random by up to half.

    The jitter keeps a fleet from returning to a broker in the same instant.
    """

    def __init__(self) -> None:
        self._longest_s = SHORTEST_S

    def next_s(self) -> float:
        """The next wait, in seconds."""
        longest_s = self._longest_s
        self._longest_s = min(LONGEST_S, longest_s * 2)
        return max(SHORTEST_S, longest_s * random.uniform(0.5, 1.0))  # noqa: S311 - no secret

    def reset(self) -> None:
        """Start again at the shortest: it worked."""
        self._longest_s = SHORTEST_S
