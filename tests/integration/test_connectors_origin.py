"""SEMANTICS 20: a connector's joined URL keeps the connector's origin, whatever an event holds."""

from __future__ import annotations

from endpoint import Endpoint, serving_endpoint
from flows import a_flow, a_request, an_event
from workplace import Workplace, run_of, until

SECRET = "correct-horse-battery"


async def test_no_path_that_an_event_brings_takes_credentials_elsewhere(
    workplace: Workplace, endpoint: Endpoint
) -> None:
    async with serving_endpoint() as foreign:
        there = f"127.0.0.1:{foreign.port}"
        paths = [
            f"http://{there}/steal",
            f"HTTP://{there}/steal",
            f"//{there}/steal",
            f"///{there}/steal",
            f"\\\\{there}/steal",
            f"@{there}/steal",
            f":pass@{there}/steal",
            f".{there}/steal",
            f"../../..//{there}/steal",
            f"..;@{there}/steal",
            f"/x?u=@{there}/steal",
            f"/x#@{there}/steal",
            f"http:{there}/steal",
            f"\t//{there}/steal",
            f"%2f%2f{there}/steal",
        ]
        (workplace.folder / "connectors.yaml").write_text(
            f"crm: {{url: '{endpoint.url('/api')}', bearer: {SECRET}}}\n"
            f"bare: {{url: '{endpoint.url('')}', bearer: {SECRET}}}\n"
        )
        given = {"authenticated": True, "onFailure": "deliver"}
        flows = [
            a_flow(
                f"{connector}-{number}",
                a_request("Tell", "", **given, connectorId=connector, httpRequestPath=path),
            )
            for connector in ("crm", "bare")
            for number, path in enumerate(
                ("{{NewPhoneContact.ANI}}", "x{{NewPhoneContact.ANI}}", "{{NewPhoneContact.ANI}}/x")
            )
        ]
        flags = {
            "flows": workplace.flow_folder(*flows),
            "connectors": str(workplace.folder / "connectors.yaml"),
            "egress_allow": "127.0.0.1",
        }
        runs = []
        async with workplace.working(**flags) as working:
            for flow in flows:
                for path in paths:
                    event = an_event(flow=flow["name"], contact={"ANI": path})
                    runs.append(run_of(event, flow["name"]))
                    await working.publish(event)
            states = [
                (await until(lambda run=run: working.api.run(run), _is_over))["state"]
                for run in runs
            ]
        assert foreign.requests == []
    assert "done" in states
    assert "dead" in states
    assert {each.header("authorization") for each in endpoint.requests} == {f"Bearer {SECRET}"}
    assert {each.header("host") for each in endpoint.requests} == {f"127.0.0.1:{endpoint.port}"}


def _is_over(run: dict[str, object]) -> bool:
    return run["state"] in ("done", "dead")
