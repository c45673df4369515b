"""Lines as values, before anybody decides how wide or how coloured they are shown. Standard library only."""

import hashlib
import json
from dataclasses import dataclass
from typing import TypeAlias

from generator.cfn.visible import UNSEEN, visible

RED, GREEN, YELLOW, BOLD, DIM, PLAIN = "red", "green", "yellow", "bold", "dim", ""
STEP = 2  # columns of one step of depth
Part: TypeAlias = "str | tuple[str, str]"


def escaped(text: str) -> str:
    """JSON in which every character can be seen, but for its line breaks; it means the same."""
    return UNSEEN.sub(lambda match: match[0] if match[0] == "\n" else json.dumps(match[0])[1:-1], text)


def short(value: str, longest: int = 100) -> str:
    """A value on one line. One that is longer than `longest` characters is cut, and says how long it is and a digest:
    two that differ never look alike."""
    text = visible(value)
    if len(text) <= longest:
        return text
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{text[: longest - 40]}… ({len(value)} characters, sha256 {digest})"


@dataclass(frozen=True)
class Line:
    """One line: pieces of text, each with a style, indented by `depth` steps. Its text is what somebody without colours
    reads; how it is folded is decided where it is shown."""

    parts: tuple[tuple[str, str], ...]
    depth: int

    def __str__(self) -> str:
        return f"{' ' * (STEP * self.depth)}{''.join(text for text, _ in self.parts)}".rstrip()

    def followed_by(self, *more: "Part") -> "Line":
        """The line with more text at its end."""
        return Line((*self.parts, *map(_part, more)), self.depth)


def line(*parts: Part, depth: int = 0) -> Line:
    """A line of texts, each by itself or with its style. Characters that cannot be seen are spelled out."""
    return Line(tuple(_part(part) for part in parts), depth)


def _part(part: Part) -> tuple[str, str]:
    text, style = (part, PLAIN) if isinstance(part, str) else part
    return visible(text), style


def count(number: int, what: str) -> str:
    """`1 resource`, `2 resources`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
