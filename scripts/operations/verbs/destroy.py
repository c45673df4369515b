"""`destroy`: an environment is deleted; what holds data stays, unless a person names it."""

from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from generator.cfn.environments import ACCESS, EDGE, ENVIRONMENT, Environment
from generator.cfn.stacks import Stack, StackResource
from scripts.deployment import execute, stacks
from scripts.deployment.aws import Aws
from scripts.deployment.errors import Exit, ManualActionRequiredError, NotConfirmedError, RefusedError
from scripts.operations import leftovers, production, service_role
from scripts.operations.diagnose import history
from scripts.operations.diagnose.cause import Diagnosis
from scripts.operations.diagnose.history import nested, stack_or_last, steps
from scripts.operations.following import FollowedOutcome
from scripts.operations.options import WatchOptions, watch_arguments
from scripts.operations.output import outcomes, teardowns
from scripts.operations.run import Run, say
from scripts.operations.service_role import HALF_DELETED
from scripts.operations.teardown import emptying, teardown
from scripts.operations.teardown.teardown import Teardown
from scripts.operations.watching import Audience
from scripts.terminal import prompt, results

ORDER = (ENVIRONMENT, EDGE)  # the edge serves the environment, and goes after it
KEPT = "kept, because it contains data"
EARLIER = "kept when it was deleted, and perhaps removed since"
GONE = "DELETE_COMPLETE"
REMAINS = "The shared stack, the access stack and the packaging bucket (deployment records) are kept."


@dataclass(frozen=True)
class Options:
    """What may be said of a deletion: `name` is the environment's once more, `empty` and `retain` name resources."""

    yes: bool = False
    name: str | None = None
    empty_buckets: bool = False
    empty_registry: bool = False
    empty: tuple[str, ...] = ()
    retain: tuple[str, ...] = ()
    watch: WatchOptions = field(default_factory=WatchOptions)


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
    watch_arguments(parser)


def run(run: Run, options: Options) -> Exit:
    """The environment's root, then what serves it elsewhere."""
    roots = [run.roots[name] for name in ORDER if name in run.roots]
    access = stacks.read(run.aws, run.roots[ACCESS].stack) if ACCESS in run.roots else None
    if not roots:
        raise RefusedError(f"{run.environment.stack} is shared by all environments and holds the repository: it stays.")
    _check_emptying(run, options, access)
    results.begin(stacks=[], operations=[], emptied=[], kept=[])
    for root in roots:
        ended = Deletion(run, root, options, access).execute()
        if ended is not Exit.DONE:
            return ended
    return Exit.DONE


def _check_emptying(run: Run, options: Options, access: Stack | None) -> None:
    """Raises `RefusedError` for data that the caller may not delete, before anything of the environment goes."""
    names = bool(options.empty or options.empty_buckets or options.empty_registry)
    if names and production.is_deployer(run.aws.identity(), access):
        raise RefusedError(
            f"{run.environment.stack} was not touched: the deploy role may not delete data.",
            "Run `destroy` without --empty-... first; once the stack is gone, an administrator runs it with them.",
        )


@dataclass(frozen=True)
class Deletion:
    """The deletion of one root stack; `access` is the access stack of its environment."""

    run: Run
    root: Environment
    options: Options
    access: Stack | None

    @property
    def aws(self) -> Aws:
        """The account in the region where the root stands; that of the run is where the environment is."""
        return self.run.at(self.root).aws

    def execute(self) -> Exit:
        """Shows what goes and what stays, asks, brings to rest what runs, deletes, and empties what was named."""
        aws, stack = self.aws, stack_or_last(self.aws, self.root.stack)
        if stack is None or stack.status == GONE:
            say([f"{self.root.stack} does not exist"])
            return self._finish(stack, EARLIER) if stack else Exit.DONE
        # What is left of an environment that is gone is emptied by somebody with more rights than the deploy role has.
        self.run.check_deployer()
        if not stack.meaning.ended:
            raise stacks.manual_action(stack)
        if self.options.retain and stack.status != HALF_DELETED:
            raise RefusedError(f"--retain is for a deletion that has failed; {stack.name} {stack.meaning.text}.")
        role = service_role.replacement(aws, stack, self.access, self.run.environment.name)
        survey = teardown.survey(aws, stack)
        results.append("stacks", teardowns.teardown_document(survey))
        say(teardowns.teardown_lines(survey, self._named(survey.stays)))
        left = leftovers.of_stack(aws, stack)
        say([*leftovers.leftover_lines(left, aws.region), *leftovers.network_lines(aws, left)])
        if survey.forbidden:
            raise RefusedError(f"{stack.name} was not touched: {'; '.join(survey.forbidden)}.")
        self._confirm(stack)
        with teardown.no_new_releases(aws, survey, _say_step):
            teardown.stop_executions(aws, survey, _say_step)
            teardown.drain(aws, survey, _say_step)
        outcome, diagnosis = self._delete(survey, role)
        without_retained = replace(outcome, events=())
        results.append("operations", outcomes.outcome_document(outcome, diagnosis))
        say(outcomes.outcome_lines(without_retained, diagnosis))
        if outcome.exit is not Exit.DONE:
            say(_next_step(diagnosis))
            return outcome.exit
        return self._finish(outcome.stack, KEPT, stack)

    def _delete(self, survey: Teardown, role: str) -> tuple[FollowedOutcome, Diagnosis]:
        """Deletes the stack with a role (empty: its own); once more when only CloudFront's interfaces were in the
        way."""
        outcome, diagnosis = self._once(survey.stack, self._retained(survey.stack, role), role)
        if outcome.status == HALF_DELETED and teardown.network_left(self.aws, survey, _say_step):
            return self._once(survey.stack, (), role)
        return outcome, diagnosis

    def _once(self, stack: Stack, retained: Sequence[str], role: str) -> tuple[FollowedOutcome, Diagnosis]:
        options = {"RetainResources": list(retained), "RoleARN": role}
        running = execute.destroy(self.aws, stack, **{name: value for name, value in options.items() if value})
        return Audience(self.aws, self.options.watch).watch(running, self.root.root)

    def _retained(self, stack: Stack, role: str) -> list[str]:
        """What of the root itself is to be left behind. What is in nested stacks is left behind by these:
        CloudFormation takes names of the one stack that it is asked to delete (API reference, DeleteStack)."""
        paths = [steps(each) for each in self.options.retain]
        below = sorted({path[:-1] for path in paths if len(path) > 1}, key=len, reverse=True)
        for parent in below:
            inner = nested(self.aws, stack, parent)
            if inner.status != HALF_DELETED:
                raise RefusedError(f"{' > '.join(parent)} {inner.meaning.text}: nothing in it is in the way.")
            outcome, _ = self._once(inner, [path[-1] for path in paths if path[:-1] == parent], role)
            if outcome.exit is not Exit.DONE:
                reason = f"{' > '.join(parent)} {outcome.stack.meaning.text}."
                raise ManualActionRequiredError(reason, outcome.stack.remedy)
        return [path[0] for path in paths if len(path) == 1]

    def _finish(self, deleted: Stack, title: str, before: Stack | None = None) -> Exit:
        """What no stack owns, what is to be emptied, and what is left; `before` is the stack with its outputs."""
        aws = self.aws
        kept = teardown.left(history.last_events(aws, deleted))
        for name in teardown.forget_releases(aws, before or deleted):
            _say_step(f"{name} is removed: no next life starts with a release of this one")
        account = aws.identity().account
        emptied = [emptying.empty(aws, resource, account, _say_step) for resource in self._named(kept)]
        for each in emptied:
            text = "is gone already" if each.gone else f"is emptied ({each.count}) and removed"
            results.append("emptied", teardowns.resource_document(each.resource))
            _say_step(f"{each.resource} {text}")
        rest = [resource for resource in kept if resource not in [each.resource for each in emptied]]
        for resource in rest:
            results.append("kept", teardowns.resource_document(resource))
        say(teardowns.kept_lines(rest, title))
        say([f"  {REMAINS}"] if rest or emptied else [])
        return Exit.DONE

    def _named(self, kept: Sequence[StackResource]) -> list[StackResource]:
        if not kept:
            return []
        options = self.options
        return emptying.named(kept, options.empty_buckets, options.empty_registry, options.empty)

    def _confirm(self, stack: Stack) -> None:
        """Asks for the environment's name, which nobody types by habit; the local AWS asks on a terminal, for practice,
        and needs no agreement without one. A name that was given is checked everywhere. Raises `NotConfirmedError`,
        `RefusedError`."""
        aws, name, typed = self.aws, self.run.environment.name, self.options.name
        if typed is not None and typed != name:
            raise RefusedError(f"{stack.name} was not touched: --name is {typed!r}, and the environment is {name!r}.")
        if aws.endpoint and (typed or self.options.yes or not prompt.attended()):
            return
        if self.options.yes:
            if typed is None:
                raise RefusedError(f"{stack.name} was not touched.", f"Say what --yes is for: --name {name} --yes.")
            return
        if not prompt.attended():
            reason = f"{stack.name} was not touched: confirmation needs a terminal."
            raise NotConfirmedError(reason, f"--name {name} --yes agrees.")
        where = f"{stack.name} in account {aws.identity().account}, {aws.region}"
        if not prompt.confirmed(f"Delete {where}? (type {name}) ", name):
            raise NotConfirmedError(f"{stack.name} was not touched.")


def _next_step(diagnosis: Diagnosis) -> list[str]:
    """How to go on after a deletion that has failed."""
    where = ".".join(diagnosis.cause.path[1:]) if diagnosis.cause else ""
    return [f"  `destroy --retain {where}` leaves it behind and deletes the rest."] if where else []


def _say_step(line: str) -> None:
    say([f"  {line}"])
