"""Every setting: its variable, default, check and meaning. Reads the environment and flags only.

A setting `amqp_url` is the variable `ONHOOK_AMQP_URL` and the flag `--amqp-url`; a secret is also
read from the file that `ONHOOK_..._FILE` names. Nothing here opens a connection or a store.
"""

from onhook.settings.settings import (
    SETTINGS,
    Setting,
    SettingError,
    Settings,
    load,
    shown_value,
    unknown_variables,
)

__all__ = [
    "SETTINGS",
    "Setting",
    "SettingError",
    "Settings",
    "load",
    "shown_value",
    "unknown_variables",
]
