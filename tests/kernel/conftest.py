"""A live kernel, driven as JupyterLab drives one."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel


@dataclass
class Reply:
    """What one cell gave back."""

    status: str
    bundles: list[dict[str, str]] = field(default_factory=list)
    printed: str = ""
    error: dict[str, Any] = field(default_factory=dict)


class Kernel:
    """The few requests that the tests need."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def run(self, code: str) -> Reply:
        reply = Reply("")

        def gather(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] in ("execute_result", "display_data"):
                reply.bundles.append(content["data"])
            elif message["msg_type"] == "stream":
                reply.printed += content["text"]
            elif message["msg_type"] == "error":
                reply.error = content

        answer = self.client.execute_interactive(code, output_hook=gather, timeout=120)
        reply.status = answer["content"]["status"]
        return reply

    def complete(self, code: str) -> list[str]:
        return self.client.complete(code, reply=True, timeout=30)["content"]["matches"]

    def replaced(self, code: str, choice: str) -> str:
        """The line after the user has taken ``choice``."""
        content = self.client.complete(code, reply=True, timeout=30)["content"]
        assert choice in content["matches"]
        return code[: content["cursor_start"]] + choice + code[content["cursor_end"] :]

    def inspect(self, code: str) -> dict[str, Any]:
        return self.client.inspect(code, reply=True, timeout=30)["content"]


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory):
    """A kernel in an empty folder, with the extension loaded and a small net in ``net``."""
    folder = tmp_path_factory.mktemp("kernel")
    environment = os.environ | {"IPYTHONDIR": str(folder / ".ipython")}
    manager, client = start_new_kernel(cwd=str(folder), env=environment)
    try:
        kernel = Kernel(client)
        assert kernel.run("%load_ext jairika_nb").status == "ok"
        assert kernel.run(NET).status == "ok"
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


NET = """
import numpy as np
net = {"0.weight": np.ones((2, 3), np.float32), "0.bias": np.zeros(2, np.float32)}
"""
