"""Hints that a person can type as they stand.

Texts name a command in one way, between backticks: `` `apply --adopt` `` or `` `apply local` ``. Where they are shown,
each is spelled as the person at the keyboard calls it: `make deploy ENV=staging ARGS=--adopt`, `delivery apply staging
--adopt`, or as a module of Python.
"""

import re
from typing import NamedTuple

MAKE, DELIVERY = "make", "delivery"
LOCAL = "local"  # what a Make target means when no environment is named
# Make targets that are not called as their verb is, and the settings that stand for an option.
TARGETS = {"apply": "deploy"}
SETTINGS = {"--set": "SET", "--to": "TO", "--app": "APP", "--fail-at": "FAIL_AT"}


class Spelling(NamedTuple):
    """How somebody came: by `make`, by `delivery` or by the words that start a module (`door`); which environment they
    named; and the verbs that there are, with whether each takes an environment."""

    door: str = DELIVERY
    environment: str = ""
    verbs: tuple[tuple[str, bool], ...] = ()

    def command(self, verb: str, *words: str) -> str:
        """A command line that runs a verb. An environment among the words goes before the one that was named."""
        takes = dict(self.verbs).get(verb, True)
        named = [words[0]] if words and not words[0].startswith("-") else []
        rest = words[len(named) :]
        environment = named or ([self.environment] if self.environment and takes else [])
        if self.door != MAKE:
            return " ".join([self.door, verb, *environment, *rest])
        settings = [f"ENV={environment[0]}"] if environment and environment[0] != LOCAL and takes else []
        more = list[str]()
        words = tuple(rest)
        while words:
            if words[0] in SETTINGS and len(words) > 1:
                settings.append(f"{SETTINGS[words[0]]}={_quoted(words[1])}")
                words = words[2:]
            else:
                more.append(words[0])
                words = words[1:]
        if more:
            settings.append(f"ARGS={_quoted(' '.join(more))}")
        return " ".join([MAKE, TARGETS.get(verb, verb), *settings])

    def spelled(self, text: str) -> str:
        """A text with every command in it as it can be typed. Other words between backticks stay as they are."""
        names = "|".join(re.escape(verb) for verb, _ in self.verbs)
        if not names:
            return text
        text = re.sub(rf"`({names})((?: [^`]*)?)`", self._spell, text)
        return text if self.door == MAKE else re.sub(r"`make ([a-z-]+)((?: [A-Z_]+=[^` ]*)*)`", self._from_make, text)

    def _spell(self, match: re.Match[str]) -> str:
        return f"`{self.command(match[1], *match[2].split())}`"

    def _from_make(self, match: re.Match[str]) -> str:
        """A Make target for somebody who came by another door; one that is no verb stays."""
        verb = next((name for name, target in TARGETS.items() if target == match[1]), match[1])
        takes = dict(self.verbs)
        if verb not in takes:
            return match[0]
        settings = dict(word.split("=", 1) for word in match[2].split())
        environment = [settings.pop("ENV", LOCAL)] if takes[verb] else []
        options = {setting: option for option, setting in SETTINGS.items()}
        words = [word for name, value in settings.items() if name in options for word in (options[name], value)]
        return f"`{' '.join([self.door, verb, *environment, *words, *settings.get('ARGS', '').split()])}`"


def _quoted(text: str) -> str:
    import shlex

    return text if re.fullmatch(r"[\w./:=@%+,-]+", text) else shlex.quote(text)


_current = Spelling()


def use(spelling: Spelling) -> None:
    """Sets how hints are spelled from now on."""
    global _current
    _current = spelling


def spelled(text: str) -> str:
    """A text with every command in it as the person at the keyboard can type it."""
    return _current.spelled(text)
