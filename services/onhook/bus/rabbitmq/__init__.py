"""The bus on a real RabbitMQ, 3.10 to 4.x: `connect` and `reading` are all that services use of it."""

from onhook.bus.rabbitmq.bus import connect
from onhook.bus.rabbitmq.reader import reading

__all__ = ["connect", "reading"]
