"""The bus: the port, and its two adapters, rabbitmq (the real one) and embedded (one SQLite file)."""
