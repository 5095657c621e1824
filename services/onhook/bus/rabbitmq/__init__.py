"""The bus on a real RabbitMQ, 3.10 to 4.x: `connect` is all that the services use of it."""

from onhook.bus.rabbitmq.bus import connect

__all__ = ["connect"]
