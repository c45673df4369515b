"""What setup.cfg says, for tools that cannot read it: pip (without a build file) and ruff.

    python scripts/setup_cfg.py requirements [EXTRA ...]   one requirement a line, for `pip install -r`
    python scripts/setup_cfg.py ruff                       one `--config` argument a line

Standard library only: it runs before anything is installed.
"""

import configparser
import sys
from pathlib import Path

SETUP_CFG = Path(__file__).resolve().parent.parent / "setup.cfg"


def lines(section: str, key: str, path: Path = SETUP_CFG) -> list[str]:
    """The non-empty lines of one multi-line value.

    Raises `KeyError` with the section and key when setup.cfg has no such value.
    """
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(path, encoding="utf-8")
    if not settings.has_option(section, key):
        raise KeyError(f"{path.name} has no value {key!r} in [{section}]")
    return [line.strip() for line in settings.get(section, key).splitlines() if line.strip()]


def requirements(extras: list[str]) -> list[str]:
    """What a user needs, or with extras what those extras name, as requirement lines."""
    if not extras:
        return lines("options", "install_requires")
    return [line for extra in extras for line in lines("options.extras_require", extra)]


def ruff_arguments() -> list[str]:
    """ruff reads only TOML files, and the top level has none: its settings as arguments."""
    return [word for line in lines("ruff", "config") for word in ("--config", line)]


def main(words: list[str]) -> int:
    match words:
        case ["requirements", *extras]:
            print("\n".join(requirements(extras)))
        case ["ruff"]:
            print("\n".join(ruff_arguments()))
        case _:
            print(__doc__, file=sys.stderr)
            return 64
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
