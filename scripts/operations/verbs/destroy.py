"""`destroy`: an environment is deleted; what holds data stays, unless a person names it."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import replace

from generator.cfn.environments import EDGE, ENVIRONMENT
from scripts.deployment import execute, who
from scripts.deployment.environment import Environment
from scripts.deployment.errors import Exit, ManualActionRequiredError, NotConfirmedError, RefusedError
from scripts.deployment.execute import Outcome
from scripts.deployment.stacks import Stack
from scripts.operations import watching
from scripts.operations.diagnose import history
from scripts.operations.diagnose.inventory import Held, nested, stack_or_last, steps
from scripts.operations.output import outcomes, teardowns
from scripts.operations.run import Run, say
from scripts.operations.teardown import emptying, teardown
from scripts.operations.teardown.teardown import Teardown
from scripts.terminal import prompt

ORDER = (ENVIRONMENT, EDGE)  # the edge serves the environment, and goes after it
KEPT = "kept, because it contains data"
EARLIER = "kept when it was deleted, and perhaps removed since"
GONE, HALF = "DELETE_COMPLETE", "DELETE_FAILED"
REMAINS = "The shared stack, the access stack and the packaging bucket (deployment records) are kept."


def arguments(parser: ArgumentParser) -> None:
    """What the command line may say of `destroy`."""
    parser.add_argument("--yes", action="store_true", help="skip the question; requires --name ENVIRONMENT")
    parser.add_argument("--name", metavar="ENVIRONMENT", help="the environment's name, for --yes")
    parser.add_argument("--empty-buckets", action="store_true", help="also empty and delete all its buckets")
    parser.add_argument("--empty-registry", action="store_true", help="also delete the registry and its images")
    parser.add_argument(
        "--empty",
        metavar="NAME",
        action="append",
        default=[],
        help="also empty and delete this resource, such as Storage.Logs; repeatable",
    )
    parser.add_argument(
        "--retain",
        metavar="PATH",
        action="append",
        default=[],
        help="keep this resource, which could not be deleted; repeatable",
    )
    watching.arguments(parser)


def run(run: Run) -> Exit:
    """The environment's root, then what serves it elsewhere."""
    roots = [run.roots[name] for name in ORDER if name in run.roots]
    if not roots:
        raise RefusedError(f"{run.wanted.stack} is shared by all environments and holds the repository: it stays.")
    ended, account = Exit.DONE, run.aws.identity().account
    for wanted in roots:
        if ended is Exit.DONE:
            ended = _destroy(run, wanted, account)
    return ended


def _destroy(run: Run, wanted: Environment, account: str) -> Exit:
    aws, given = run.aws, run.given
    stack = stack_or_last(aws, wanted.stack)
    if stack is None or stack.status == GONE:
        say([f"{wanted.stack} does not exist"])
        return _after(run, stack, teardown.left(history.last(aws, stack)), account, EARLIER) if stack else Exit.DONE
    # What is left of an environment that is gone is emptied by somebody with more rights than the deploy role has.
    who.acting(run.aws, run.roots, run.wanted)
    if not stack.meaning.ended:
        raise ManualActionRequiredError(f"{stack.name} {stack.meaning.text} ({stack.status}).", stack.remedy)
    if given.retain and stack.status != HALF:
        raise RefusedError(f"--retain is for a deletion that has failed; {stack.name} {stack.meaning.text}.")
    found = teardown.look(aws, stack)
    say(teardowns.teardown_lines(found, _named(run, found.stays)))
    if found.forbidden:
        raise RefusedError(f"{stack.name} was not touched: {'; '.join(found.forbidden)}.")
    _confirm(run, stack, account)
    with teardown.no_new_releases(aws, found, _tell):
        teardown.stop_executions(aws, found, _tell)
        teardown.drain(aws, found, _tell)
    outcome = _delete(run, wanted, found)
    say(outcomes.outcome_lines(replace(outcome, retained=())))
    if outcome.exit is not Exit.DONE:
        say(_more(outcome))
        return outcome.exit
    return _after(run, stack, teardown.left(history.last(aws, outcome.held)), account, KEPT)


def _delete(run: Run, wanted: Environment, found: Teardown) -> Outcome:
    """Deletes the stack; once more when only CloudFront's interfaces were in the way."""
    retained = _retained(run, wanted, found.stack)
    outcome = _once(run, wanted, found.stack, retained)
    if outcome.status == HALF and teardown.network_left(run.aws, found, _tell):
        outcome = _once(run, wanted, found.stack, ())
    return outcome


def _once(run: Run, wanted: Environment, stack: Stack, retained: Sequence[str]) -> Outcome:
    running = execute.destroy(run.aws, stack, retained)
    return execute.watch(run.aws, running, wanted.root, watching.watcher(run, wanted.root))


def _retained(run: Run, wanted: Environment, stack: Stack) -> list[str]:
    """What of the root itself is to be left behind. What is in nested stacks is left behind by these: CloudFormation
    takes names of the one stack that it is asked to delete (API reference, DeleteStack)."""
    paths = [steps(one) for one in run.given.retain]
    below = sorted({path[:-1] for path in paths if len(path) > 1}, key=len, reverse=True)
    for parent in below:
        held = nested(run.aws, stack, parent)
        if held.status != HALF:
            raise RefusedError(f"{' > '.join(parent)} {held.meaning.text}: nothing in it is in the way.")
        outcome = _once(run, wanted, held, [path[-1] for path in paths if path[:-1] == parent])
        if outcome.exit is not Exit.DONE:
            raise ManualActionRequiredError(f"{' > '.join(parent)} {outcome.held.meaning.text}.", outcome.held.remedy)
    return [path[0] for path in paths if len(path) == 1]


def _after(run: Run, stack: Stack, left: Sequence[Held], account: str, title: str) -> Exit:
    """What no stack owns, what is to be emptied, and what is left."""
    for name in teardown.forget_releases(run.aws, stack):
        _tell(f"{name} is removed: no next life starts with a release of this one")
    emptied = [emptying.empty(run.aws, one, account, _tell) for one in _named(run, left)]
    for one in emptied:
        _tell(f"{one.what} is gone already" if one.gone else f"{one.what} is emptied ({one.count}) and removed")
    rest = [one for one in left if one not in [other.what for other in emptied]]
    say(teardowns.kept_lines(rest, title))
    say([f"  {REMAINS}"] if rest or emptied else [])
    return Exit.DONE


def _named(run: Run, left: Sequence[Held]) -> list[Held]:
    if not left:
        return []
    return emptying.named(left, run.given.empty_buckets, run.given.empty_registry, run.given.empty)


def _confirm(run: Run, stack: Stack, account: str) -> None:
    """Asks for the environment's name, which nobody types by habit; the local AWS asks on a terminal, for practice, and
    needs no agreement without one. A name that was given is checked everywhere. Raises `NotConfirmedError`,
    `RefusedError`."""
    name, typed = run.wanted.name, run.given.name
    if typed is not None and typed != name:
        raise RefusedError(f"{stack.name} was not touched: --name is {typed!r}, and the environment is {name!r}.")
    if run.aws.endpoint and (typed or run.given.yes or not prompt.attended()):
        return
    if run.given.yes:
        if typed is None:
            raise RefusedError(f"{stack.name} was not touched.", f"Say what --yes is for: --name {name} --yes.")
        return
    if not prompt.attended():
        raise NotConfirmedError(
            f"{stack.name} was not touched: confirmation needs a terminal.", f"--name {name} --yes agrees."
        )
    if not prompt.confirmed(f"Delete {stack.name} in account {account}, {run.aws.region}? (type {name}) ", name):
        raise NotConfirmedError(f"{stack.name} was not touched.")


def _more(outcome: Outcome) -> list[str]:
    """How to go on after a deletion that has failed."""
    where = ".".join(outcome.cause.path[1:]) if outcome.cause else ""
    return [f"  `destroy --retain {where}` leaves it behind and deletes the rest."] if where else []


def _tell(line: str) -> None:
    say([f"  {line}"])
