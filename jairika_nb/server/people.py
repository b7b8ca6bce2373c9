"""Who asks, as the access rules of models name people."""

from __future__ import annotations

import getpass
from typing import Any

from jupyter_server.auth.identity import IdentityProvider, PasswordIdentityProvider

# Jupyter's own providers know one person, by a token or a password, and give each browser of
# theirs a random name. That person can open a terminal, and so is whoever runs the server.
OF_ONE_PERSON = (IdentityProvider, PasswordIdentityProvider)


def principal(handler: Any) -> str:
    """Return the name of the signed-in user; empty where the server lets anybody in."""
    provider = handler.identity_provider
    if type(provider) not in OF_ONE_PERSON:
        return str(handler.current_user.username)
    return runner() if provider.auth_enabled else ""


def runner() -> str:
    """Return the name of the user whose process this is; empty where the system has none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
