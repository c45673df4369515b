"""`python -m scripts.review BASE [HEAD]`."""

from scripts.cli import entry

if __name__ == "__main__":
    entry("python -m scripts.deploy", "review")
