"""The activities by name: what each does, its ports, and the properties that it reads.

One table, for the published schema and for noticing a misspelt property. It must not know how an
activity is run. Properties are fragments of JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Fragment = dict[str, Any]


class Activity(Struct, frozen=True, kw_only=True):
    """One row: `ports` in words, `required` properties, and `rules` that join several."""

    what: str
    ports: str
    properties: Mapping[str, Fragment]
    required: tuple[str, ...] = ()
    rules: tuple[Fragment, ...] = ()


def _text(description: str, **more: Any) -> Fragment:
    return {"type": ["string", "null"], "description": description, **more}


def _choice(description: str, *values: str) -> Fragment:
    return {"enum": [*values, None], "description": description}


def _number(description: str, **more: Any) -> Fragment:
    return {
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": "^ *[0-9]* *$"},
            {"type": "null"},
        ],
        "description": description,
        **more,
    }


def _switch(description: str, *, default: bool) -> Fragment:
    return {"type": ["boolean", "null"], "description": description, "default": default}


def _texts(description: str) -> Fragment:
    return {
        "type": ["object", "null"],
        "additionalProperties": {"type": ["string", "number", "boolean"]},
        "description": description,
    }


def _rows(
    description: str, properties: Mapping[str, Any], required: tuple[str, ...] = ()
) -> Fragment:
    row = {"type": "object", "properties": dict(properties), "required": list(required)}
    return {"type": ["array", "null"], "items": row, "description": description}


def _words(description: str) -> Fragment:
    words = {"type": ["string", "number", "boolean"]}
    return {"type": ["array", "null"], "items": words, "description": description}


_RESPONSE_KINDS = ("JSON", "XML", "TOML", "YAML")
_OUTPUTS = _rows(
    "Variables filled from the response",
    {
        "outputVariable": {"type": "string", "description": "The variable that takes the value"},
        "jsonPathExp": {"type": "string", "description": "A JSONPath, as $.customer.name"},
    },
    ("outputVariable", "jsonPathExp"),
)
_MAPPED = {
    "src": {"type": "string", "description": "The variable here"},
    "target": {"type": "string", "description": "The variable there"},
    "type": {"type": "string"},
}
_EVENT = {
    "event": _text("The event's name, as AgentDisconnect"),
    "eventSpecificationName": _text("The event's specification, as ContactEnded"),
    "eventSourceName": _text("WebexContactCenter"),
    "eventClassificationName": _text("VoiceInteractions"),
}
_HTTP = {
    "authenticated": _switch("Whether a connector authenticates the request", default=True),
    "connectorId": _text("The connector, by id or name; with authenticated"),
    "connectorId_name": _text("The connector's name, where connectorId is a tenant's id"),
    "httpRequestPath": _text("Path and query below the connector's address; a template"),
    "httpRequestUrl": _text(
        "The whole address, without a connector; a template", examples=["{{WebhookUrl}}"]
    ),
    "httpRequestMethod": _choice(
        "The method", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"
    ),
    "httpQueryParameters": _texts("Query parameters; the values are templates"),
    "httpRequestHeaders": _texts("Headers; the values are templates"),
    "httpContentType": _choice(
        "What the body is, and how the values in it are escaped",
        "None",
        "Application/JSON",
        "application/json",
        "Form URL Encoded",
        "XML",
        "TOML",
        "YAML",
        "File",
        "Form Data",
        "GraphQL",
        "Other",
    ),
    "httpRequestBody": _text(
        "The body; a template", examples=['{"ANI": "{{NewPhoneContact.ANI}}"}']
    ),
    "httpRequestBodyGQL": {"description": "A GraphQL body: query and variables"},
    "httpRequestBodyFormData": {"description": "The fields of a Form Data body"},
    "httpRequestBodyFiles": {"description": "The files of a File body"},
    "contentType": _choice("What the response is", *_RESPONSE_KINDS),
    "outputVariableArray": _OUTPUTS,
    "httpResponseTimeout": _number("Milliseconds to wait for the answer", examples=[2000]),
    "retryAttempts": _number("Further attempts at once, of a request that continues", default=1),
    "onFailure": _choice(
        "deliver: retried on the durable schedule until a 2xx. continue: goes on whatever the "
        "answer. Left out: continue where a later node reads httpStatusCode, else deliver",
        "deliver",
        "continue",
    ),
}
_HTTP_ADDRESS = {
    "if": {"properties": {"authenticated": {"const": False}}, "required": ["authenticated"]},
    "then": {"required": ["httpRequestUrl"]},
    "else": {"anyOf": [{"required": ["connectorId"]}, {"required": ["connectorId_name"]}]},
}
_ASSIGNMENT = {
    "srcVariable": _text("The variable that is set"),
    "srcVariableType": _text("Its type"),
    "setTo": _text("set-to-literal or set-to-variable"),
    "literal": {
        "type": ["string", "number", "boolean", "null"],
        "description": "The value; a template",
    },
    "expr": {
        "type": ["string", "number", "boolean", "null"],
        "description": "The value as an expression; wins over literal",
    },
}

_START = Activity(what="Starts the main flow when the contact arrives", ports="out", properties={
    "flowType": {"type": ["object", "null"], "properties": _EVENT}, **_EVENT,
})  # fmt: skip
_HTTP_REQUEST = Activity(
    what="Sends an HTTP request; outputs httpStatusCode, httpResponseBody, httpResponseHeaders",
    ports="default, error",
    properties=_HTTP,
    rules=(_HTTP_ADDRESS,),
)

ACTIVITIES: dict[str, Activity] = {
    "start": _START,
    "NewPhoneContact": _START,
    "NewContact": _START,
    "NewSubFlowStart": Activity(what="Starts a subflow", ports="out", properties={}),
    "event": Activity(
        what="Begins the handler of an event; onEvents names it", ports="out", properties=_EVENT
    ),
    "end": Activity(what="Ends the flow, not the call", ports="none", properties={}),
    "end-subflow": Activity(what="Returns to the flow that called", ports="none", properties={}),
    "http-request-v2": _HTTP_REQUEST,
    "http-request": _HTTP_REQUEST,
    "parse-activity": Activity(
        what="Reads values out of a text into variables",
        ports="default, error",
        properties={
            "inputVariable": _text("The variable or expression that holds the text"),
            "contentType": _choice("What the text is", *_RESPONSE_KINDS),
            "outputVariableArray": _OUTPUTS,
        },
        required=("inputVariable",),
    ),
    "set-variable": Activity(
        what="Sets one variable, or up to ten by setVariablesArray",
        ports="out, error",
        properties=_ASSIGNMENT
        | {"setVariablesArray": _rows("Up to ten assignments, in order", _ASSIGNMENT)},
        rules=({"anyOf": [{"required": ["srcVariable"]}, {"required": ["setVariablesArray"]}]},),
    ),
    "condition-activity": Activity(
        what="Goes on by true or false",
        ports="true, false, error",
        properties={
            "expression": _text(
                "The whole expression inside the braces",
                pattern=r"\{\{",
                examples=["{{GetCustomer.httpStatusCode == 404}}"],
            )
        },
        required=("expression",),
    ),
    "case-statement": Activity(
        what="Goes on by the value that is equal, compared as text",
        ports="those of menuLinks, default, error",
        properties={
            "expression": _text("The value to compare; a template"),
            "menuLinks": _words("The ports, in order"),
            "menuLinks_input": _words("Their values, in order"),
        },
        required=("expression",),
    ),
    "percent-allocation": Activity(
        what="Goes on by chance; outputs percentage and description",
        ports="each desc, error",
        properties={
            "allocations": {
                "type": "array",
                "description": "2 to 10 whole percentages, 100 together; desc is the port",
                "items": {
                    "anyOf": [
                        {"type": "string"},
                        {
                            "type": "object",
                            "properties": {
                                "percent": _number("A whole number"),
                                "desc": {"type": "string", "description": "The port"},
                            },
                            "required": ["percent", "desc"],
                        },
                    ]
                },
            },
            "allocations_input": {
                "type": ["array", "null"],
                "description": "As the product stores them: texts of JSON",
            },
        },
        required=("allocations",),
    ),
    "business-hours": Activity(
        what="Goes on by a schedule; outputs Status, WorkingHoursShift_name, Holidays_Name, "
        "Overrides_Name",
        ports="workingHours, holidays, override, default, error",
        properties={
            "businessHoursId": _text("The schedule, by id or name"),
            "businessHoursId_name": _text("Its name, where businessHoursId is a tenant's id"),
            "businessHoursVariable": _text("An expression that gives it instead"),
            "businessHoursRadioGroup": _text("staticBusinessHours or variableBusinessHours"),
        },
    ),
    "wait-activity": Activity(
        what="Waits",
        ports="out, error",
        properties={
            "duration": {
                "type": ["string", "number", "null"],
                "description": "HH:MM:SS, from 10 seconds to 72 hours",
                "examples": ["00:01:30"],
            }
        },
        required=("duration",),
    ),
    "screen-pop": Activity(
        what="Shows a page to the agent",
        ports="default (or out), error",
        properties={
            "screenPopUrl": _text("The page's address; a template"),
            "queryParameters": _texts("Query parameters; the values are templates"),
            "screenPopDesktopLabel": _text("Its title on the desktop"),
            "target": _text("insideDesktop or outsideDesktop (a new browser tab)"),
        },
        required=("screenPopUrl",),
    ),
    "subflow-handoff": Activity(
        what="Calls a subflow, which returns",
        ports="default, error",
        properties={
            "subflowId": _text("The subflow, by id or name"),
            "subflowName": _text("Its name"),
            "subflowVersion": {
                "type": ["object", "null"],
                "description": "id: the subflow by id or name; tag: a version label",
            },
            "automaticUpdates": _switch("Whether the label's newest is called", default=True),
            "subflowInputVariables": _rows("Handed to the subflow", _MAPPED),
            "subflowOutputVariables": _rows(
                "Taken from it", {"outputVariable": {"type": "string"}} | _MAPPED
            ),
        },
    ),
    "hand-off": Activity(
        what="Goes to another flow and does not return",
        ports="error",
        properties={
            "handOffFlow": {
                "type": ["object", "string"],
                "description": "handOffTo: a flow or entry point by id or name; flowTagName: a version "
                "label; mappedVariableArray: rows of src and target",
            }
        },
        required=("handOffFlow",),
    ),
}

COMMON: dict[str, Fragment] = {
    "name": _text("The node's name again"),
    "description": _text("What the node is for"),
    "displayName": _text("An event's name on the canvas"),
    "activityId": _text("The product's own id"),
    "activityType": _text("The product's own kind"),
    "activityVersionNumber": {},
    "flowDecryptAccess": {},
    "iconDiagram": {},
    "eventSourceId": {},
    "eventClassificationId": {},
    "eventSpecificationId": {},
}
"""What any node's properties may hold besides; nothing here reads it."""

OTHER_ACTIVITIES = [
    "disconnect-contact",
    "play-message",
    "play-music",
    "ivr-menu",
    "ivr-collectdigits",
    "queue-contact",
    "queue-lookup",
    "queue-to-agent",
    "set-contact-priority",
    "callback",
    "scheduled-callback",
    "blind-transfer",
    "bridged-transfer",
    "ivr-virtualassistantvoice",
    "record",
    "Feedback-V2",
    "bre-request",
    "fn-activity",
    "send-digits",
    "set-announcement",
    "SetCallerID",
    "generate-otp",
    "cryptographic-hash",
]
"""Known by name; their properties come along as they are."""
