"""Onhook: contact-centre event flows as software you own.

Rooms and floors are described in the README's "The house"; tests/unit/test_house.py keeps them.
"""

__version__ = "0.1.0"
