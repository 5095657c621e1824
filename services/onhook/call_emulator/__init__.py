"""The call emulator: contacts, agents and queues that stand in for the contact centre.

The pure core (`contact`, `agent`, `queue`, `arrival`, `variables`, `lifecycle`) decides; the rest
stores, publishes and answers. `app.running` wires it. It meets the other services only at the bus
and over HTTP.
"""
