"""The bare loop: raw aiormq consume, build the body, aiohttp POST, single ack. No guarantee at all.

No journal, no retry, no dead letters, no address guard, no ids: what a first script does.
"""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp
import aiormq

PREFETCH = 256


async def main(amqp_url: str, webhook_url: str, queue: str) -> None:
    connection = await aiormq.connect(amqp_url)
    channel = await connection.channel()
    await channel.basic_qos(prefetch_count=PREFETCH)
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def handle(message: aiormq.abc.DeliveredMessage) -> None:
        data = json.loads(message.body)["data"]
        contact = data["NewPhoneContact"]
        body = json.dumps(
            {
                "DNIS": contact["DNIS"],
                "ANI": contact["ANI"],
                "InteractionId": contact["InteractionId"],
                "Language": data["variables"]["Global_Language"],
                "WhoCalls": data["variables"]["WhoIsCalling"],
            }
        )
        headers = {"Content-Type": "application/json"}
        async with session.post(webhook_url, data=body, headers=headers) as response:
            await response.read()
        await channel.basic_ack(message.delivery_tag, wait=False)

    await channel.basic_consume(queue, handle)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(*sys.argv[1:]))
