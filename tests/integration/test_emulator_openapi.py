"""The published description of the API is what the service does, tried by schemathesis."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from emulated import RecordingBus, served
from onhook.call_emulator.api import describe

CONFIG = """
[checks.positive_data_acceptance]
# A request of the right shape may still be refused: no such number, variable or agent (404, 422),
# or not now (409).
expected-statuses = ["2xx", "404", "409", "422"]

[parameters]
"path.agent" = "ada"
"path.interaction" = "CALL"
"""


async def test_the_service_does_what_its_openapi_says(tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    async with served(tmp_path / "data", RecordingBus()) as (client, _):
        await client.make_available()
        config.write_text(CONFIG.replace("CALL", await client.place()))
        run = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(config),
            "run",
            f"{client.address}/openapi.json",
            "--max-examples=15",
            "--seed=1",
            "--generation-deterministic",
            "--no-color",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await run.communicate()
        assert run.returncode == 0, output.decode()


async def test_the_served_description_is_the_one_that_needs_nothing_open(tmp_path: Path) -> None:
    document = describe().document()
    async with served(tmp_path, RecordingBus()) as (client, _):
        assert (await client.get("/openapi.json")).body == document
    assert "/calls/{interaction}/hang-up" in document["paths"]
