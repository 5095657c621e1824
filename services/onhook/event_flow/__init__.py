"""The event-flow worker: consumes events, runs flows, delivers requests, retries, dead letters."""
