"""What is configured but cannot have an effect, told at the start: a line each. Pure look-ups."""

from __future__ import annotations

from importlib.resources import files

from onhook.event_flow.catalogue import Catalogue, MissingVersion
from onhook.event_flow.overrides import Overrides
from onhook.settings.contact_centre import ContactCentre

PACKAGED_FLOW = "Main_Flow"


def _command(flow_name: str) -> str:
    """The packaged flow has a path of its own."""
    packaged = files("onhook.flow").joinpath("main_flow.json")
    return f"onhook flow publish {packaged if flow_name == PACKAGED_FLOW else 'FILE'}"


def without_effect(catalogue: Catalogue, centre: ContactCentre, overrides: Overrides) -> list[str]:
    """Entry points whose flow is not published, and overrides of what no flow has."""
    published = {version.name for version in catalogue.latest()}
    names = ", ".join(sorted(published)) or "none"
    lines = [
        f'entry point "{point.name}" runs {point.flow} ({point.flow_label}), which is not '
        f"published; published: {names}. Publish it ({_command(point.flow)}), or name another in "
        "ONHOOK_CONTACT_CENTRE"
        for point in centre.entry_points
        if catalogue.version(point.flow, point.flow_label) is None
    ]
    for flow_name in overrides.flow_names:
        version = catalogue.version(flow_name)
        if version is None:
            lines.append(f'ONHOOK_OVERRIDES names the flow "{flow_name}", which is not published')
            continue
        try:
            flow = catalogue.flow(version.flow_id, version.number)
        except MissingVersion as missing:
            lines.append(str(missing))
            continue
        declared = {variable.name for variable in flow.variables}
        lines += [
            f'ONHOOK_OVERRIDES: flow "{flow_name}" has no variable "{name}"'
            for name in sorted(overrides.names_for(flow_name) - declared)
        ]
    return lines
