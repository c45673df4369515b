"""Asks on a terminal: `python -m tests.cli.asking HOW TIMES`. HOW is `answer`, `secret`, or both with a comma."""

from __future__ import annotations

import sys

from scripts.terminal import prompt


def main() -> None:
    for number, how in enumerate(sys.argv[1].split(",") * int(sys.argv[2])):
        ask = prompt.secret if how == "secret" else prompt.answer
        try:
            print(f"{number} was answered in {len(ask(f'question {number}: '))} letters")
        except KeyboardInterrupt:
            print(f"{number} was interrupted")
        except prompt.NobodyAnsweredError:
            print(f"{number} was not answered")


if __name__ == "__main__":
    main()
