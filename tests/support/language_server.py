"""Talk to yaml-language-server, the program behind most editors' YAML, over its standard streams. Downloads nothing.

The protocol: https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAME = "yaml-language-server"
BESIDE = pathlib.Path(__file__).resolve().parents[2] / ".venv" / "node_modules" / ".bin" / NAME
MISSING = "no yaml-language-server here: npm install --prefix .venv yaml-language-server"
PATIENCE = 60.0
"""Seconds until a server that says nothing is ended."""

_SETTINGS = {
    "yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}, "schemas": {}},
    "http": {},
}
"""Without the schema store the server asks nobody on the network."""


def program() -> str:
    """Return where the server is on this machine, empty where it is not."""
    places = (os.environ.get("RECONCILER_YAML_LANGUAGE_SERVER"), shutil.which(NAME), str(BESIDE))
    runs = (place for place in places if place and pathlib.Path(place).is_file())
    return next(runs, "") if shutil.which("node") else ""


class Server:
    """One running server. Lines and columns count from 0, as the protocol has it."""

    def __init__(self, process: subprocess.Popen[bytes], folder: pathlib.Path) -> None:
        self._process = process
        self._number = 0
        self._told: list[dict[str, Any]] = []
        root = folder.as_uri()
        started: dict[str, Any] = {"processId": None, "rootUri": root, "capabilities": {"textDocument": {"hover": {}}}}
        self._ask("initialize", started | {"workspaceFolders": [{"uri": root, "name": "stack"}]})
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": _SETTINGS})

    def open(self, path: pathlib.Path) -> list[dict[str, Any]]:
        """Open a file as an editor does, and return its diagnostics."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": path.read_text(encoding="utf-8")}
        self._tell("textDocument/didOpen", {"textDocument": document})
        while True:
            for message in self._told:
                if message["method"] == "textDocument/publishDiagnostics" and message["params"]["uri"] == path.as_uri():
                    self._told.remove(message)
                    found: list[dict[str, Any]] = message["params"]["diagnostics"]
                    return found
            self._take()

    def completions(self, path: pathlib.Path, line: int, column: int) -> list[str]:
        """Return what the server offers at a place, in order."""
        offered = self._ask("textDocument/completion", _at(path, line, column))
        return sorted(item["label"] for item in offered["items"])

    def hover(self, path: pathlib.Path, line: int, column: int) -> str:
        """Return the text that shows over a place."""
        shown = self._ask("textDocument/hover", _at(path, line, column))
        return str(shown["contents"]["value"]) if shown else ""

    def _ask(self, method: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": parameters})
        while True:
            answer = self._take()
            if answer.get("id") == self._number and "method" not in answer:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def _tell(self, method: str, parameters: dict[str, Any]) -> None:
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _take(self) -> dict[str, Any]:
        """Read the next message; answer what the server asks of an editor, keep what it tells."""
        stream = self._process.stdout
        assert stream
        length = 0
        while line := stream.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            raise RuntimeError("the language server ended")
        message: dict[str, Any] = json.loads(stream.read(length))
        if "method" in message and "id" in message:
            asked = message.get("params", {}).get("items", ())
            answer = [_SETTINGS.get(item.get("section")) for item in asked] or None
            self._send({"id": message["id"], "result": answer})
        elif "method" in message:
            self._told.append(message)
        return message


def _at(path: pathlib.Path, line: int, column: int) -> dict[str, Any]:
    return {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}}


@contextmanager
def server(folder: pathlib.Path) -> Iterator[Server]:
    """Run a server for a folder, for a while."""
    pipes = subprocess.PIPE
    with subprocess.Popen([program(), "--stdio"], stdin=pipes, stdout=pipes, stderr=subprocess.DEVNULL) as process:
        watch = threading.Timer(PATIENCE, process.kill)
        watch.start()
        try:
            yield Server(process, folder)
        finally:
            watch.cancel()
            process.kill()
