"""The web room, by a small API of its own: operations, errors, health, description."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import jsonschema
import pytest
from aiohttp import web
from msgspec import Meta, Struct
from pytest_aiohttp.plugin import AiohttpClient

from onhook import __version__
from onhook.web.app import Api, build_app
from onhook.web.guard import own_hosts
from onhook.web.openapi import HEAD_TOO
from onhook.web.operation import (
    LARGEST_JSON_BYTES,
    Call,
    Empty,
    Operation,
    documented_path,
    path_parameters,
)
from onhook.web.problem import Problem


class NewParcel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    to: str
    grams: Annotated[int, Meta(ge=1)] = 100


class Parcel(Struct, frozen=True, kw_only=True):
    id: str
    to: str
    grams: int


class Speed(Enum):
    SLOW = "slow"
    FAST = "fast"


class ListQuery(Struct, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=50)] = 10
    heavy: bool = False
    speed: Speed | None = None
    colour: list[str] = []


async def send(call: Call) -> Parcel:
    return Parcel(id="p1", to=call.body.to, grams=call.body.grams)


async def listed(call: Call) -> list[Parcel]:
    if call.query.colour:
        return [Parcel(id=colour, to="a", grams=9) for colour in call.query.colour]
    return [Parcel(id=f"p{n}", to="a", grams=9) for n in range(call.query.limit)]


async def shown(call: Call) -> Parcel:
    if call.path["parcel_id"] != "p1":
        raise Problem(404, f"No parcel {call.path['parcel_id']}", possible=["GET /parcels"])
    return Parcel(id="p1", to="a", grams=1)


async def returned(call: Call) -> None:
    assert call.body == Empty()


async def labelled(call: Call) -> int:
    return len(call.body)


async def broken(call: Call) -> None:
    raise RuntimeError("the scales are broken: s3cret")


API = Api(
    title="Parcels",
    summary="Sends parcels",
    operations=(
        Operation(
            method="POST",
            path="/parcels",
            name="send",
            summary="Send a parcel",
            handler=send,
            status=201,
            body=NewParcel,
            response=Parcel,
        ),
        Operation(
            method="GET",
            path="/parcels",
            name="list",
            summary="List parcels",
            handler=listed,
            query=ListQuery,
            response=list[Parcel],
        ),
        Operation(
            method="GET",
            path=r"/parcels/{parcel_id:p\d{1,3}}",
            name="show",
            summary="Show a parcel",
            handler=shown,
            response=Parcel,
            errors={404: "No such parcel"},
        ),
        Operation(
            method="POST",
            path="/parcels/return",
            name="return",
            summary="Return them all",
            handler=returned,
            status=204,
            body=Empty,
            body_is_optional=True,
        ),
        Operation(
            method="POST",
            path="/labels",
            name="label",
            summary="Take any labels",
            handler=labelled,
            body=dict[str, Any],
            response=int,
        ),
        Operation(
            method="POST", path="/broken", name="broken", summary="Never works", handler=broken
        ),
    ),
)


def build(checks: dict[str, Any] | None = None) -> web.Application:
    return build_app(
        API,
        hosts=own_hosts("127.0.0.1", []),
        checks=checks or {},
    )


@pytest.fixture
async def client(aiohttp_client: AiohttpClient) -> Any:
    return await aiohttp_client(build())


async def problem(response: Any) -> dict[str, Any]:
    """The error of an answer, whose shape is the same everywhere."""
    assert response.content_type == "application/json"
    answer = await response.json()
    assert set(answer) == {"error", "success"}
    assert answer["success"] is False
    assert {"message", "id"} <= set(answer["error"]) <= {"message", "id", "possible"}
    return answer["error"]


# --- Operations


async def test_a_body_is_read_checked_and_answered_with_the_row_s_status(client: Any) -> None:
    response = await client.post("/parcels", json={"to": "Ada"})
    assert response.status == 201
    assert response.content_type == "application/json"
    assert await response.json() == {"id": "p1", "to": "Ada", "grams": 100}


async def test_a_body_s_own_content_type_does_not_matter(client: Any) -> None:
    response = await client.post("/parcels", data=b'{"to": "Ada"}')
    assert response.status == 201


async def test_a_query_is_read_from_text_with_defaults(client: Any) -> None:
    assert len(await (await client.get("/parcels")).json()) == 10
    assert len(await (await client.get("/parcels?limit=3&heavy=true")).json()) == 3


async def test_a_query_s_field_may_take_several_values(client: Any) -> None:
    response = await client.get("/parcels?colour=red&limit=1&limit=2&colour=blue")
    assert [parcel["id"] for parcel in await response.json()] == ["red", "blue"]
    assert len(await (await client.get("/parcels?limit=1&limit=2")).json()) == 1


async def test_a_path_part_reaches_the_handler(client: Any) -> None:
    assert (await (await client.get("/parcels/p1")).json())["id"] == "p1"


@pytest.mark.parametrize("body", [b"", b"{}", b" {} \n"])
async def test_an_optional_body_may_be_left_out(client: Any, body: bytes) -> None:
    response = await client.post("/parcels/return", data=body)
    assert (response.status, await response.read()) == (204, b"")


# --- Errors


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "Body: "),
        (b"{", "Body: "),
        (b"\xff", "Body: "),
        (b'"\\ud800"', "Body: "),
        (b"[" * 100_000, "Body: "),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `to`"),
        (b'{"to": 1}', "Expected `str`, got `int` - at `$.to`"),
        (b'{"to": "a", "grams": 0}', "at `$.grams`"),
        (b'{"to": "a", "wings": 2}', "unknown field `wings`"),
    ],
    ids=lambda value: repr(value)[:24],
)
async def test_a_wrong_body_is_400_in_words_that_name_the_fault(
    client: Any, body: bytes, words: str
) -> None:
    response = await client.post("/parcels", data=body)
    assert response.status == 400
    assert words in (await problem(response))["message"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=51", "heavy=perhaps", "speed=7"])
async def test_a_wrong_query_is_400_in_words_that_name_the_fault(client: Any, query: str) -> None:
    response = await client.get(f"/parcels?{query}")
    assert response.status == 400
    assert f"$.{query.partition('=')[0]}" in (await problem(response))["message"]


@pytest.mark.parametrize(
    "value",
    [b"[" * 100_000 + b"]" * 100_000, b"1" * 5_000, b'"\\ud800"', b"1e999"],
    ids=lambda value: repr(value[:12]),
)
async def test_a_value_that_cannot_be_read_is_400_where_any_is_taken(
    client: Any, value: bytes
) -> None:
    response = await client.post("/labels", data=b'{"a": %s}' % value)
    assert response.status == 400
    assert (await problem(response))["message"].startswith("Body: ")


async def test_a_body_over_the_limit_is_413(client: Any) -> None:
    response = await client.post("/parcels", data=b" " * (LARGEST_JSON_BYTES + 1))
    assert response.status == 413
    assert str(LARGEST_JSON_BYTES) in (await problem(response))["message"]


async def test_a_body_at_the_limit_is_read(client: Any) -> None:
    body = b'{"to": "Ada"}'
    response = await client.post("/parcels", data=body + b" " * (LARGEST_JSON_BYTES - len(body)))
    assert response.status == 201


@pytest.mark.parametrize("path", ["/nowhere", "/parcels/x", "/parcels/", "/%ff"])
async def test_an_unknown_path_is_404_and_says_where_the_list_is(client: Any, path: str) -> None:
    response = await client.get(path)
    assert response.status == 404
    assert "GET /openapi.json" in (await problem(response))["message"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
async def test_an_unknown_method_is_405_with_what_is_allowed(client: Any, method: str) -> None:
    response = await client.request(method, "/parcels")
    assert response.status == 405
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(","))
    assert method in (await problem(response))["message"]


async def test_a_problem_is_answered_with_what_is_possible_instead(client: Any) -> None:
    response = await client.get("/parcels/p2")
    assert response.status == 404
    assert await problem(response) == {
        "message": "No parcel p2",
        "id": None,
        "possible": ["GET /parcels"],
    }


async def test_a_fault_of_ours_is_500_and_tells_nothing(client: Any) -> None:
    response = await client.post("/broken")
    assert response.status == 500
    assert "s3cret" not in (await problem(response))["message"]


# --- Health


async def test_a_service_is_ready_when_nothing_is_missing(client: Any) -> None:
    live = await client.get("/livez")
    assert (live.status, await live.json()) == (200, {"live": True})
    ready = await client.get("/readyz")
    assert (ready.status, await ready.json()) == (200, {"ready": True, "troubles": {}})


async def test_a_service_that_misses_something_is_alive_but_not_ready(
    aiohttp_client: AiohttpClient,
) -> None:
    troubles: dict[str, str | None] = {"bus": "the broker does not answer", "disk": None}
    app = build({name: lambda name=name: troubles[name] for name in troubles})
    client = await aiohttp_client(app)
    assert (await client.get("/livez")).status == 200
    ready = await client.get("/readyz")
    assert ready.status == 503
    assert await ready.json() == {
        "ready": False,
        "troubles": {"bus": "the broker does not answer"},
    }
    troubles["bus"] = None
    assert (await client.get("/readyz")).status == 200


# --- The description


async def test_the_service_serves_its_own_description(client: Any) -> None:
    response = await client.get("/openapi.json")
    assert await response.json() == API.document()


def test_the_description_holds_every_row_and_health() -> None:
    document = API.document()
    assert document["openapi"].startswith("3.1")
    assert document["info"] == {
        "title": "Parcels",
        "version": __version__,
        "description": f"Sends parcels\n\n{HEAD_TOO}",
    }
    rows = {(path, method) for path, item in document["paths"].items() for method in item}
    assert rows == {
        ("/parcels", "post"),
        ("/parcels", "get"),
        ("/parcels/{parcel_id}", "get"),
        ("/parcels/return", "post"),
        ("/labels", "post"),
        ("/broken", "post"),
        ("/livez", "get"),
        ("/metrics", "get"),
        ("/readyz", "get"),
    }


def test_a_description_s_row_says_what_is_taken_and_answered() -> None:
    document = API.document()
    send_row = document["paths"]["/parcels"]["post"]
    schema = send_row["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/NewParcel"}
    assert send_row["requestBody"]["required"] is True
    assert set(send_row["responses"]) == {"201", "400", "403", "413", "421", "500"}
    assert document["components"]["schemas"]["NewParcel"]["additionalProperties"] is False
    listing = document["paths"]["/parcels"]["get"]
    assert {(p["name"], p["in"], p["required"]) for p in listing["parameters"]} == {
        ("limit", "query", False),
        ("heavy", "query", False),
        ("speed", "query", False),
        ("colour", "query", False),
    }
    speeds = listing["parameters"][2]["schema"]["anyOf"]
    assert {"$ref": "#/components/schemas/Speed"} in speeds
    assert set(document["components"]["schemas"]) >= {"Speed", "Parcel", "ErrorBody"}
    assert "ListQuery" not in document["components"]["schemas"]
    assert "413" not in listing["responses"]
    show_row = document["paths"]["/parcels/{parcel_id}"]["get"]
    assert show_row["parameters"][0]["required"] is True
    assert show_row["responses"]["404"]["description"] == "No such parcel"
    optional = document["paths"]["/parcels/return"]["post"]["requestBody"]
    assert optional["required"] is False


async def test_answers_are_what_the_description_says(client: Any) -> None:
    document = API.document()
    calls = [
        ("POST", "/parcels", b'{"to": "a"}'),
        ("POST", "/parcels", b"{"),
        ("GET", "/parcels", b""),
    ]
    for method, path, body in calls:
        response = await client.request(method, path, data=body)
        row = document["paths"][path][method.lower()]["responses"][str(response.status)]
        schema = row["content"][response.content_type]["schema"]
        jsonschema.validate(await response.json(), schema | {"components": document["components"]})


def test_a_documented_path_has_names_without_their_patterns() -> None:
    path = r"/a/{one}/b/{two:[0-9a-f]{8}(?:-x)?}/{rest:.*}"
    assert documented_path(path) == "/a/{one}/b/{two}/{rest}"
    assert path_parameters(path) == ["one", "two", "rest"]
