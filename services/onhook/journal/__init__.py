"""The journal: versions of flows, runs, attempts, dead letters. A port and its SQLite adapter."""
