"""Asking a person at the terminal."""


def answer(question: str) -> str:
    """What is typed after `question`, without spaces around it; nothing for the end of the input (Ctrl-D), which agrees
    to nothing."""
    try:
        return input(question).strip()
    except EOFError:
        print()
        return ""
