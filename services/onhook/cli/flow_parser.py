"""The words of `onhook flow`, `template` and `override`: their actions and arguments."""

from __future__ import annotations

import argparse

from onhook.cli.setting_flags import CHECKED_AGAINST, RUN_WITH, WORKER_ADDRESS, add_setting_flags

FLOW_FILE = "the flow, JSON or YAML; - reads it from stdin"
A_FLOW = "the flow's name or id"
JSON_OBJECT = "print one JSON object"


def flow_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _working_alone(actions)
    _asking_a_worker(actions)
    for name, action in actions.choices.items():
        add_setting_flags(action, _SETTINGS_OF.get(name, WORKER_ADDRESS))


_SETTINGS_OF = {
    "new": frozenset[str](),
    "import": frozenset[str](),
    "schema": frozenset[str](),
    "validate": CHECKED_AGAINST,
    "run": RUN_WITH,
}
"""Actions that speak to no worker, and the settings that they read."""


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    what: str,
    more: str | None = None,
) -> argparse.ArgumentParser:
    description = f"{what[:1].upper()}{what[1:]}."
    return actions.add_parser(name, help=what, description=description, epilog=more)


def _working_alone(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    new = _action(actions, "new", "print a new flow, ready to be published")
    new.add_argument("name", nargs="?", help="its name; Main_Flow without one")
    new.add_argument(
        "--start",
        action="store_true",
        help="the smallest flow: AgentDisconnect, End Flow; else with the request to a webhook",
    )
    new.add_argument("--yaml", action="store_true", help="print YAML, not JSON")

    _action(actions, "schema", "print the JSON Schema of flow files, for editors")

    imported = _action(
        actions,
        "import",
        "print a flow exported from Flow Designer in our form",
        "What was kept, changed and could not be carried is said on stderr.",
    )
    imported.add_argument("file", help="the exported file; - reads it from stdin")
    imported.add_argument("--yaml", action="store_true", help="print YAML, not JSON")

    validate = _action(
        actions,
        "validate",
        "say what is wrong with flow files, and what to do",
        "Status 0 without errors, also with warnings; 1 with errors; 2 for wrong usage. Several "
        "files know one another: a flow may call the others as subflows.",
    )
    validate.add_argument("file", nargs="+", help=FLOW_FILE)
    validate.add_argument("--json", action="store_true", help=JSON_OBJECT)

    run = _action(
        actions,
        "run",
        "run a flow here, once, and print each step",
        "Requests are really sent, to public addresses and to what ONHOOK_EGRESS_ALLOW opens, "
        "unless --dry-run is given. Status 0: the run finished; 1: it failed.",
    )
    run.add_argument("file", help=FLOW_FILE)
    run.add_argument(
        "--event",
        metavar="EVENT",
        help="a file with the event, - for stdin, or an event's name; else a sample for the flow",
    )
    run.add_argument("--dry-run", action="store_true", help="send nothing; answer 200 with {}")
    run.add_argument(
        "--answer",
        action="append",
        default=[],
        metavar="NODE=STATUS[:FILE]",
        help="in a dry run, what this node's requests are answered; may be repeated",
    )
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="the value of a variable, over the event's and every configured one; may be repeated",
    )
    run.add_argument(
        "--with",
        action="append",
        default=[],
        dest="others",
        metavar="FILE",
        help="a flow that this one may call; may be repeated",
    )
    run.add_argument("--at", metavar="TIME", help="what now() gives, such as 2025-02-06T21:09:02Z")
    run.add_argument("--json", action="store_true", help="print one JSON object at the end")


def _asking_a_worker(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    publish = _action(
        actions, "publish", "publish a flow file as a new version; Latest moves to it"
    )
    publish.add_argument("file", help=FLOW_FILE)
    publish.add_argument(
        "--label",
        action="append",
        default=[],
        help="a label that moves to the version, beside Latest; may be repeated",
    )
    publish.add_argument("--comment", help="kept with the version")
    publish.add_argument("--json", action="store_true", help=JSON_OBJECT)

    listed = _action(actions, "list", "published flows")
    listed.add_argument("--json", action="store_true", help="print a JSON list")

    show = _action(actions, "show", "a published flow")
    show.add_argument("name", help=A_FLOW)
    which = show.add_mutually_exclusive_group()
    which.add_argument("--label", help="the version behind this label; Latest without one")
    which.add_argument("--version", type=version_number, metavar="N", help="this version")
    show.add_argument("--file", action="store_true", help="print the file, as publish accepts it")
    form = show.add_mutually_exclusive_group()
    form.add_argument("--yaml", action="store_true", help="the file as YAML; implies --file")
    form.add_argument("--json", action="store_true", help=JSON_OBJECT)

    versions = _action(actions, "versions", "every version of a flow, newest first")
    versions.add_argument("name", help=A_FLOW)
    versions.add_argument("--json", action="store_true", help="print a JSON list")

    label = _action(actions, "label", "move a label to a version: forward, or back")
    label.add_argument("name", help=A_FLOW)
    label.add_argument("label", help="the label, such as Live")
    label.add_argument("version", type=version_number, nargs="?", metavar="VERSION", help="v3 or 3")
    label.add_argument("--remove", action="store_true", help="take the label away instead")
    label.add_argument("--json", action="store_true", help=JSON_OBJECT)

    unpublish = _action(
        actions,
        "unpublish",
        "withdraw a flow: nothing starts it any more, runs under way go on",
    )
    unpublish.add_argument("name", help=A_FLOW)
    unpublish.add_argument("--yes", action="store_true", help="do not ask")
    unpublish.add_argument("--json", action="store_true", help=JSON_OBJECT)


def version_number(text: str) -> int:
    """`v3` or `3`."""
    digits = text.removeprefix("v")
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:10]) < 2**31):
        raise argparse.ArgumentTypeError(f'"{text}" is no version; write v3 or 3')
    return int(digits)


def template_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", help="such as '{{NewPhoneContact.ANI | slice(1)}}'; - reads stdin")
    parser.add_argument(
        "--context",
        metavar="FILE",
        help="an event, or a map of names to values, as JSON or YAML; - reads stdin; else a sample",
    )
    parser.add_argument(
        "--json-body", action="store_true", help="as the body of a JSON request: values escaped"
    )
    parser.add_argument(
        "--at", metavar="TIME", help="what now() gives, such as 2025-02-06T21:09:02Z"
    )
    parser.add_argument(
        "--json", action="store_true", help="print a JSON object: the output, and the value's type"
    )


def override_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listed = _action(actions, "list", "the values of a flow's variables, and where each comes from")
    listed.add_argument("flow", nargs="?", help=f"{A_FLOW}; every flow's without one")
    listed.add_argument("--json", action="store_true", help="print a JSON list")
    given = _action(actions, "set", "give a variable a value, at once")
    given.add_argument("flow", help=A_FLOW)
    given.add_argument("variable", help="a variable of the flow")
    given.add_argument("value", help="its value; - reads it from stdin")
    unset = _action(actions, "unset", "take the value back; the configured one holds")
    unset.add_argument("flow", help=A_FLOW)
    unset.add_argument("variable", help="a variable with an override")
    for action in actions.choices.values():
        add_setting_flags(action, WORKER_ADDRESS)
