"""The `onhook` command. `main` reads the words and hands over; each command is a module."""

from onhook.cli.main import main

__all__ = ["main"]
