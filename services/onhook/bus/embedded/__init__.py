"""The bus without a broker, in one SQLite file: `opened` is all that the services use of it."""

from onhook.bus.embedded.bus import opened

__all__ = ["opened"]
