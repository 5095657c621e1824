"""What the store says no to. The HTTP answers for these are `app.py`'s."""

from __future__ import annotations


class TokenGone(Exception):
    """No such token: it was never made, was deleted, or has expired."""


class TokenFull(Exception):
    """The token holds as many captures as its request_limit allows."""


class CaptureGone(Exception):
    """The token has no such capture."""
