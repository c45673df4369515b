"""The completion of `delivery` for a shell: `eval "$(delivery completion bash)"` in a shell's start-up file.

The shell asks the command itself for what may come next, so that verbs, options and environments are always those that
there are.
"""

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from scripts.deployment.errors import Exit
from scripts.terminal import console, results
from scripts.terminal.endings import PROJECT

ASK = "--words"  # the hidden option with which a shell asks; the words of the line so far follow
BASH = f"""_delivery() {{
  local IFS=$'\\n'
  COMPREPLY=($(command delivery completion bash {ASK} "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null))
}}
complete -o default -F _delivery delivery"""
ZSH = f"""#compdef delivery
_delivery() {{
  local -a found
  found=("${{(@f)$(command delivery completion zsh {ASK} "${{(@)words[2,CURRENT]}}" 2>/dev/null)}}")
  [[ -n $found ]] && compadd -a found || _files
}}
compdef _delivery delivery"""
FISH = f"""function __delivery
  command delivery completion fish {ASK} (commandline -opc)[2..] (commandline -ct) 2>/dev/null
end
complete -c delivery -a '(__delivery)'"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def arguments(parser: ArgumentParser) -> None:
    """Which shell."""
    parser.add_argument("shell", choices=tuple(SCRIPTS), metavar="SHELL", help=", ".join(SCRIPTS))
    parser.add_argument(ASK, nargs=argparse.REMAINDER, help=argparse.SUPPRESS)


def run(options: Namespace) -> Exit:
    """Prints the script for the shell, or what may come next on the line that it asks about."""
    if options.words is None:
        results.update({"shell": options.shell, "script": SCRIPTS[options.shell]})
        console.document(SCRIPTS[options.shell])
    else:
        console.document("\n".join(candidates(options.words or [""])))
    return Exit.DONE


def candidates(words: Sequence[str]) -> list[str]:
    """What may stand in the place of the last word; nothing where the shell knows better, as for files."""
    from scripts.cli import VERBS, parser

    *before, word = words
    verb = next((text for text in before if not text.startswith("-")), "")
    if not verb:
        names = [*VERBS, "--help"]
    elif verb not in VERBS:
        return []
    else:
        names = _following(parser(verb), before[before.index(verb) + 1 :], word)
    return sorted(text for text in names if text.startswith(word))


def _following(parser: ArgumentParser, before: Sequence[str], word: str) -> list[str]:
    actions = parser._actions
    option = next((action for action in actions if before and before[-1] in action.option_strings), None)
    if option and option.nargs != 0:  # it takes a value
        return [str(choice) for choice in option.choices or ()]
    if word.startswith("-"):
        return [name for action in actions if action.help != argparse.SUPPRESS for name in action.option_strings]
    subject = next((action for action in actions if not action.option_strings), None)
    if subject is None or any(not text.startswith("-") for text in before):
        return []
    if subject.dest == "environment":
        return [file.stem for file in (PROJECT / "params").glob("*.json")]
    return [str(choice) for choice in subject.choices or ()]
