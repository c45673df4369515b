"""A door to the command `delivery`: `python -m scripts.deploy VERB ENVIRONMENT`, see `scripts/cli.py`."""

from scripts.cli import entry

if __name__ == "__main__":
    entry("python -m scripts.deploy")
