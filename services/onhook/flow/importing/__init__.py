"""Flows exported from Flow Designer's pages, turned into the form that is run. No I/O."""

from onhook.flow.importing.export import import_flow
from onhook.flow.importing.report import Imported

__all__ = ["Imported", "import_flow"]
