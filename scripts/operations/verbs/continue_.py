"""`continue`: a stack that could be neither updated nor restored is brought back to what it was."""

from argparse import ArgumentParser
from collections.abc import Sequence

from scripts.deployment import execute, stacks, who
from scripts.deployment.errors import Exit, UsageError
from scripts.deployment.statuses import Action
from scripts.operations import watching
from scripts.operations.diagnose import recovery
from scripts.operations.diagnose.recovery import Stuck
from scripts.operations.output import outcomes
from scripts.operations.output.stuck import stuck_lines
from scripts.operations.run import Run, confirm, say
from scripts.terminal.text import BOLD, line


def arguments(parser: ArgumentParser) -> None:
    """What may be left as it is."""
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        metavar="CHILD.RESOURCE",
        help="give up on this resource, such as Backend.Service; repeatable",
    )
    parser.add_argument("--yes", action="store_true", help="agree in advance")
    watching.arguments(parser)


def run(run: Run) -> Exit:
    """Every root that needs it. What failed is shown with its reason before anybody is asked."""
    who.acting(run.aws, run.roots, run.wanted)
    worst = Exit.DONE
    for wanted in run.roots.values():
        there = run.of(wanted)
        stack = stacks.read(there.aws, wanted.stack)
        if stack is None or stack.meaning.action is not Action.CONTINUE:
            what = f"{stack.meaning.text} ({stack.status})" if stack else "does not exist"
            say([f"{wanted.stack} {what}: nothing to continue"])
            continue
        failed = recovery.stuck(there.aws, stack)
        say([line((f"{stack.name} {stack.meaning.text} ({stack.status})", BOLD))])
        say(stuck_lines(stack, failed, wanted.root))
        skipped = _skipped(failed, run.given.skip)
        confirm(run, f"Bring {stack.name} back to what it was{_without(skipped)}?")
        restoring = recovery.restore(there.aws, stack, skipped)
        outcome = execute.watch(there.aws, restoring, wanted.root, watching.watcher(there, wanted.root))
        say(outcomes.outcome_lines(outcome))
        worst = max(worst, outcome.exit)
    return worst


def _skipped(failed: Sequence[Stuck], named: Sequence[str]) -> list[Stuck]:
    known = {".".join(one.path): one for one in failed if one.skip}
    for name in named:
        if name not in known:
            there = ", ".join(known) or "none that can be skipped"
            raise UsageError(f"--skip {name}: this resource does not block the rollback.", f"There are: {there}.")
    return [known[name] for name in dict.fromkeys(named)]


def _without(skipped: Sequence[Stuck]) -> str:
    return f", but for {', '.join('.'.join(one.path) for one in skipped)}" if skipped else ""
