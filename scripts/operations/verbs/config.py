"""`config`: the application's configuration, listed, changed, compared with another environment's.

A plain value is written into the parameter file and then applied, because what is written elsewhere would be reset by
the next deployment. A secret is read from standard input, or asked for without an echo, and written to Secrets Manager;
no secret is ever printed.
"""

from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace

from generator.cfn.stacks import Stack
from generator.cfn.template_names import PIPELINE, RUNNING_CLUSTER, RUNNING_SERVICE
from scripts.deployment import environment, stacks
from scripts.deployment.environment import on_ecs
from scripts.deployment.errors import Exit, NotConfirmedError, RefusedError, UsageError
from scripts.operations import configuration
from scripts.operations.adoption import rewrite
from scripts.operations.configuration import DeclaredSecret, Entry, Source
from scripts.operations.deploying import deploy
from scripts.operations.options import DeployOptions, deploy_arguments
from scripts.operations.run import Run, say
from scripts.terminal import prompt, results


@dataclass(frozen=True)
class Options:
    """What to change or compare, and what may be said of applying it."""

    deployment: DeployOptions = field(default_factory=DeployOptions)
    set: tuple[str, ...] = ()
    secret: str | None = None
    compare: str | None = None
    edit_only: bool = False


def arguments(parser: ArgumentParser) -> None:
    """What to change or compare, and everything that applying takes."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="set a value; repeatable")
    parser.add_argument("--secret", metavar="KEY", help="give the value of a secret, or exchange it")
    parser.add_argument("--compare", metavar="OTHER", help="compare with another environment, a file in params/")
    parser.add_argument("--edit-only", action="store_true", help="change the parameter file, but do not deploy it")
    deploy_arguments(parser)


def run(run: Run, options: Options) -> Exit:
    """Lists without an option; 2 when the file and the environment, or two environments, differ."""
    results.begin(variables=[], differences=[], plans=[], operations=[])
    if options.set:
        return _set(run, options)  # to apply it asks who does
    if options.compare:
        other = environment.load(options.compare, run.templates, run.params)[run.environment.root.name]
        different = configuration.differences(run.environment, other)
        for name, ours, theirs in different:
            results.append("differences", {"variable": name, "value": ours, "other": theirs})
        say(f"{name}: {run.environment.name} {ours!r}, {other.name} {theirs!r}" for name, ours, theirs in different)
        return Exit.CHANGES if different else Exit.DONE
    stack = stacks.read(run.aws, run.environment.stack)
    if stack is None:
        raise RefusedError(f"{run.environment.stack} does not exist.", f"`apply {run.environment.name}` makes it.")
    if options.secret:
        run.check_deployer()
        return _secret(run, stack, options.secret)
    entries = configuration.entries(run.aws, run.environment, stack)
    for entry in entries:
        results.append("variables", {**asdict(entry), "secret": entry.secret, "waiting": entry.waiting})
    say(lines(entries))
    return Exit.CHANGES if any(entry.waiting for entry in entries) else Exit.DONE


def lines(entries: list[Entry]) -> Iterator[str]:
    """Each variable with its value, where it is decided, and what the file asks for when that is something else."""
    width = max((len(entry.variable) for entry in entries), default=0)
    for entry in entries:
        value = entry.live
        if entry.secret:
            value = f"(a secret, set on {entry.changed})" if entry.changed else "(a secret without a value: --secret)"
        waits = f", the file says {entry.configured}: apply it" if entry.waiting else ""
        where = f"  [{entry.parameter}]" if entry.parameter else ""
        yield f"{entry.variable:{width}}  {'(not there)' if value is None else value}{where}{waits}"


def _set(run: Run, options: Options) -> Exit:
    pairs = [pair.partition("=") for pair in options.set]
    if wrong := [name for name, sign, _ in pairs if not sign]:
        raise UsageError(f"--set takes KEY=VALUE, not {wrong[0]}.")
    declared = configuration.declared_secrets(run.environment)
    if secrets := [name for name, _, _ in pairs if name in declared]:
        raise UsageError(f"{secrets[0]} is a secret and is in no file.", _exchangeable(declared))
    changes = configuration.chosen(run.environment, {name: value for name, _, value in pairs})
    if not rewrite(run.environment, changes, run.templates):
        say([f"{run.environment.file.path} says so already"])
    else:
        say(f"{run.environment.file.path}: {name} = {value}" for name, value in changes.items())
    if options.edit_only:
        return Exit.DONE
    roots = environment.load(run.environment.name, run.templates, run.params)
    return deploy(replace(run, roots=roots), options.deployment)


def _secret(run: Run, stack: Stack, name: str) -> Exit:
    declared = configuration.declared_secrets(run.environment)
    secret = declared.get(name)
    if secret is None or secret.source is Source.KEPT:
        what = "would make everything unreadable that it encrypted" if secret else "is not a secret"
        raise RefusedError(f"{name} {what}.", _exchangeable(declared))
    try:
        value = prompt.secret(f"{name}: ")
    except prompt.NobodyAnsweredError as error:
        raise NotConfirmedError(f"{name} was not changed: nobody gave a value.") from error
    least = configuration.LEAST if secret.source is Source.GENERATED else 1
    if len(value) < least:
        raise UsageError(f"{name} needs {least} characters or more, and got {len(value)}.")
    configuration.fill(run.aws, run.environment, stack, name, value)
    say([f"{name} is written; what runs keeps the old value until it is replaced"])
    return _roll(run, stack)


def _exchangeable(declared: Mapping[str, DeclaredSecret]) -> str:
    """What `--secret` can do here."""
    names = {source: [name for name, secret in declared.items() if secret.source is source] for source in Source}
    ways = []
    if filled := names[Source.FILLED]:
        ways.append(f"`--secret` gives the value of {', '.join(filled)}")
    if generated := names[Source.GENERATED]:
        ways.append(f"`--secret` exchanges {', '.join(generated)}, and signs everybody out who depends on it")
    return f"{'; '.join(ways)}." if ways else "The application has no secret that a person can give."


def _roll(run: Run, stack: Stack) -> Exit:
    """Secrets are read when a task or an instance starts, so the service starts new tasks. New instances of Elastic
    Beanstalk come with a release (dg, AWSHowTo.secrets.env-vars: values are fetched when an instance is made)."""
    if RUNNING_SERVICE not in stack.outputs:
        say(["restart the application to read it"])
        return Exit.DONE
    if not on_ecs(stack):
        start = f"aws codepipeline start-pipeline-execution --name {stack.outputs.get(PIPELINE, 'PIPELINE')}"
        say([f"{stack.outputs[RUNNING_SERVICE]} reads it with the next release; to have one now: {start}"])
        return Exit.DONE
    service = {"cluster": stack.outputs[RUNNING_CLUSTER], "service": stack.outputs[RUNNING_SERVICE]}
    run.aws.call("ecs", "update_service", forceNewDeployment=True, **service)
    say([f"{service['service']} starts new tasks"])
    return Exit.DONE
