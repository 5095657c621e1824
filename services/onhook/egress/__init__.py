"""The HTTP client that delivers: the port, its adapters and the address guard."""
