"""The gate's verdict, `.cache/gate.json`: what passed, to the byte. Its form stands here and nowhere else:

    {
      "inputs": "<SHA-256>",                        all that the last pass depended on: sources, tools, templates, pages
      "linted": {"storage.json": "<SHA-256>"},      all that cfn-lint judged a template by when it found nothing in it
      "params": {"staging.json": "<SHA-256>"},      the bytes of each parameter file that passed with that set
      "searched": "<SHA-256>",                      all that the search for who can reach what depended on when it found
                                                    no new way, with the page that it wrote
      "templates": {"storage.json": "<SHA-256>"},   the bytes of each template of the last set that passed the gate
      "refused": {                                  the last set that did not pass, empty once it does
        "params": {}, "templates": {},              as above
        "findings": ["storage.json Logs: ..."]      what is wrong with it, without remedies
      }
    }

The gate writes it. `GateVerdict` of the deploy script reads it: only bytes that passed may leave this machine.
Standard library only, and quick to import: the gate asks at every start.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

FILE = Path(".cache/gate.json")  # below the repository's root


def read_record(file: Path) -> dict[str, Any]:
    """The record, with what of it has the right form; a file that is missing or cannot be read holds nothing."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    forms = {"inputs": str, "linted": dict, "params": dict, "searched": str, "templates": dict, "refused": dict}
    entries = record.items() if isinstance(record, dict) else ()
    return {name: value for name, value in entries if name in forms and isinstance(value, forms[name])}


def write_record(file: Path, **entries: Any) -> None:
    """Puts entries in the place of those of the same name; the others stay. What can be written only in part is not
    written. Raises `OSError`."""
    file.parent.mkdir(exist_ok=True)
    new = file.with_suffix(f".{os.getpid()}.new")
    try:
        new.write_text(json.dumps(read_record(file) | entries) + "\n", encoding="utf-8")
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def template_digests(templates: Path) -> dict[str, str]:
    """SHA-256 of the bytes of each template, or parameter file, in a folder, by the file's name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(templates.glob("*.json"))}
