"""The egress port on aiohttp: a second reader of HTTP, for the contract test and the benchmark."""
