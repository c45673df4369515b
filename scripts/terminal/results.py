"""What a command gives to programs: with `--format json` one JSON document on standard output, however it ends.

    {"schema": "delivery/status/1", "verb": "status", "environment": "staging",
     "exit": {"status": 0, "meaning": "done or nothing to do"}, "error": null, "result": ...}

`result` is the verb's own: `docs/schemas/VERB.json`. It is what is known so far when `error` (`reason`, `remedy`) says
why the command ended early, and null when nothing is. A version of a schema only gains keys; what changes its meaning
gets the next number. What people read goes to standard error meanwhile. A line that cannot be read gives none.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from typing import Any

from scripts.deployment.errors import DeployError, Exit

JSON = "json"
VERSION = 1


class Document:
    """The document of one command while it runs."""

    def __init__(self) -> None:
        self.exit = Exit.INTERNAL
        self.result: Any = None

    def append(self, name: str, value: Any) -> None:
        """Adds a value to a list of the result."""
        self.result = {} if self.result is None else self.result
        self.result.setdefault(name, []).append(value)


_open = list[Document]()  # the document of the command that runs now, if a program reads it


@contextmanager
def document(verb: str, environment: str | None, interrupted: DeployError) -> Iterator[Document]:
    """Writes the document of a command when it ends; `interrupted` is what Ctrl-C means for it."""
    out, current, error = sys.stdout, Document(), None
    _open.append(current)
    try:
        with redirect_stdout(sys.stderr):
            yield current
    except DeployError as problem:
        current.exit, error = problem.status, {"reason": problem.reason, "remedy": problem.remedy}
        raise
    except KeyboardInterrupt:
        current.exit, error = interrupted.status, {"reason": interrupted.reason, "remedy": interrupted.remedy}
        raise
    except Exception as problem:
        error = {"reason": f"{type(problem).__name__}: {problem}", "remedy": ""}
        raise
    finally:
        _open.remove(current)
        from scripts.terminal import console

        end = {"status": int(current.exit), "meaning": current.exit.meaning}
        body = {"schema": f"delivery/{verb}/{VERSION}", "verb": verb, "environment": environment, "exit": end}
        console.document(console.json_text({**body, "error": error, "result": current.result}), out)


def begin(**lists: Any) -> None:
    """The lists of the result that `append` fills: they are there also when nothing is added."""
    for current in _open:
        current.result = {name: list(values) for name, values in lists.items()}


def append(name: str, value: Any) -> None:
    """Adds to a list of the result, when a program reads it."""
    for current in _open:
        current.append(name, value)


def update(values: Mapping[str, Any]) -> None:
    """Sets values of the result, when a program reads it."""
    for current in _open:
        current.result = {**(current.result or {}), **values}


def show(value: Any) -> None:
    """The whole result. Without a document around it, it is printed as it is."""
    if _open:
        _open[-1].result = value
        return
    from scripts.terminal import console

    console.document(console.json_text(value))
