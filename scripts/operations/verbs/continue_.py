"""`continue`: a stack that could be neither updated nor restored is brought back to what it was."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from generator.cfn.environments import ACCESS
from generator.cfn.statuses import Action
from scripts.deployment import stacks
from scripts.deployment.errors import Exit, UsageError
from scripts.operations import service_role
from scripts.operations.diagnose import recovery
from scripts.operations.diagnose.recovery import Stuck
from scripts.operations.options import WatchOptions, watch_arguments
from scripts.operations.output import outcomes
from scripts.operations.output.stuck import stuck_lines
from scripts.operations.run import Run, confirm, say
from scripts.operations.watching import Audience
from scripts.terminal import results
from scripts.terminal.text import BOLD, line


@dataclass(frozen=True)
class Options:
    """What may be left as it is."""

    skip: tuple[str, ...] = ()
    yes: bool = False
    watch: WatchOptions = field(default_factory=WatchOptions)


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
    watch_arguments(parser)


def run(run: Run, options: Options) -> Exit:
    """Every root that needs it. What failed is shown with its reason before anybody is asked."""
    run.check_deployer()
    worst = Exit.DONE
    access = stacks.read(run.aws, run.roots[ACCESS].stack) if ACCESS in run.roots else None
    results.begin(stuck=[], operations=[])
    for root in run.roots.values():
        aws = run.at(root).aws
        stack = stacks.read(aws, root.stack)
        if stack is None or stack.meaning.action is not Action.CONTINUE:
            what = f"{stack.meaning.text} ({stack.status})" if stack else "does not exist"
            say([f"{root.stack} {what}: nothing to continue"])
            continue
        role = service_role.replacement(aws, stack, access, run.environment.name)
        failed = recovery.stuck_resources(aws, stack)
        say([line((f"{stack.name} {stack.meaning.text} ({stack.status})", BOLD))])
        for resource in failed:
            results.append("stuck", {"stack": stack.name, **asdict(resource)})
        say(stuck_lines(stack, failed, root.root))
        skipped = _skipped(failed, options.skip)
        confirm(run, f"Bring {stack.name} back to what it was{_without(skipped)}?", options.yes)
        restoring = recovery.restore(aws, stack, skipped, role)
        outcome, diagnosis = Audience(aws, options.watch).watch(restoring, root.root)
        results.append("operations", outcomes.outcome_document(outcome, diagnosis))
        say(outcomes.outcome_lines(outcome, diagnosis))
        worst = max(worst, outcome.exit)
    return worst


def _skipped(failed: Sequence[Stuck], names_given: Sequence[str]) -> list[Stuck]:
    skippable = {".".join(resource.path): resource for resource in failed if resource.skip}
    for name in names_given:
        if name not in skippable:
            names = ", ".join(skippable) or "none that can be skipped"
            raise UsageError(f"--skip {name}: this resource does not block the rollback.", f"There are: {names}.")
    return [skippable[name] for name in dict.fromkeys(names_given)]


def _without(skipped: Sequence[Stuck]) -> str:
    return f", but for {', '.join('.'.join(resource.path) for resource in skipped)}" if skipped else ""
