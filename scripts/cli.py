"""The command `delivery`: every verb with its options, help, completion, and what each ending means.

    delivery VERB ENVIRONMENT [OPTION ...]

A verb is a module with `arguments(parser)`, which adds its options, and `run`. The modules are imported when their verb
is typed, and not before: `delivery --help` answers at once. `python -m scripts.deploy`, `scripts.rehearse`,
`scripts.cost` and `scripts.review` are other doors to the same verbs. Exit statuses are those of
`scripts/deployment/errors.py`.
"""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from generator.cfn import streams
from scripts.deployment.errors import DeployError, Exit, RefusedError, UsageError
from scripts.loopback import without_proxy
from scripts.terminal import hints
from scripts.terminal.endings import ended

if TYPE_CHECKING:
    from scripts.deployment.aws import Aws

PROJECT = Path(__file__).resolve().parents[1]
LOCAL = "local"  # the environment on the local AWS
# AWS's service models are large trees that live as long as the process: with Python's own threshold (700 new objects),
# a sixth of a run without changes went into looking for garbage in them.
OBJECTS = 100_000
MODULES = "scripts.operations.verbs"


class Verb(NamedTuple):
    """What can be typed. `module` has its options and runs it, `subject` is the word after the verb, if there is one.
    A verb on an environment (`operates`) is given the account and the environment's roots."""

    help: str
    module: str
    subject: str = "ENVIRONMENT"
    operates: bool = True

    def load(self) -> ModuleType:
        """The module, imported now."""
        return import_module(self.module)


VERBS = {
    "plan": Verb("preview a deployment, including nested stacks", f"{MODULES}.plan"),
    "apply": Verb("create or update the shared stack, then the environment", f"{MODULES}.apply"),
    "status": Verb("show the state of the stacks, and of a running operation", f"{MODULES}.status"),
    "follow": Verb("follow the running operation until it ends", f"{MODULES}.follow"),
    "explain": Verb("show why the last operation failed, and the next step", f"{MODULES}.explain"),
    "events": Verb("list events of all nested stacks", f"{MODULES}.events"),
    "outputs": Verb("show addresses and names", f"{MODULES}.outputs"),
    "drift": Verb("show changes made outside the stacks", f"{MODULES}.drift"),
    "continue": Verb("resume a failed rollback (UPDATE_ROLLBACK_FAILED)", f"{MODULES}.continue_"),
    "rollback": Verb("list good releases, or go back to one", f"{MODULES}.rollback"),
    "config": Verb("list, set or compare the application configuration", f"{MODULES}.config"),
    "preflight": Verb("check the account for everything that a deployment needs (read-only)", f"{MODULES}.preflight"),
    "access": Verb("create or update the roles that deploy an environment, as an administrator", f"{MODULES}.access"),
    "migrate": Verb("push an application with its branches and tags into the repository", f"{MODULES}.migrate"),
    "import": Verb("import an existing CodeCommit repository into the shared stack", f"{MODULES}.import_"),
    "destroy": Verb("delete an environment; resources with data are kept unless you name them", f"{MODULES}.destroy"),
    "cost": Verb("estimate the monthly cost of an environment", "scripts.cost", operates=False),
    "review": Verb("show what a change does to every environment", "scripts.review.command", "BASE", False),
    "version": Verb("show which version a change of the templates needs", "scripts.review.version", "BASE", False),
    "show": Verb("show the resources of one environment, conditions decided", "scripts.lookup.show", operates=False),
    "why": Verb("show where a name is defined, why, and what changing it does", "scripts.lookup.why", "NAME", False),
    "ci-files": Verb("write workflow files for GitHub, GitLab or CodeBuild", "scripts.ci.command", "", False),
    "onboard": Verb("read an application's folder and write its facts", "scripts.onboarding.command", "", False),
    "bootstrap": Verb("take an application's folder to its first release", "scripts.bootstrap.command", operates=False),
    "rehearse": Verb("simulate a release of your application in the local AWS", "scripts.rehearse", "", False),
    "local": Verb("start, stop or find the local AWS, or plan a fault in it", f"{MODULES}.local", "WHAT", False),
    "completion": Verb("print the completion for a shell: bash, zsh or fish", "scripts.completion", "SHELL", False),
}
ALIASES = {"deploy": "apply"}  # what the Make target is called
# What other tools call it.
SYNONYMS = {"up": "apply", "create": "apply", "update": "apply", "diff": "plan", "delete": "destroy"}
SYNONYMS |= {"down": "destroy", "remove": "destroy", "logs": "events", "watch": "follow", "costs": "cost"}
# The verbs that start the local AWS when it does not run.
STARTING = ("access", "apply", "bootstrap", "plan")
# The verb that comes to an account by itself: what it reads of the environment is written only then.
CONNECTING = ("bootstrap",)
ADMINISTRATION = ("access", "import", "migrate")  # what no role of an environment does
GROUPS = {
    "deploy": ("bootstrap", "plan", "apply", "preflight", "access", "migrate", "import", "cost", "destroy"),
    "inspect": ("status", "outputs", "events", "drift", "config", "show", "why"),
    "recover": ("explain", "follow", "continue", "rollback"),
    "try and develop": ("onboard", "local", "rehearse", "review", "version", "ci-files", "completion"),
}
EXAMPLES = {
    "bootstrap": ("bootstrap local --app ../application", "bootstrap staging --app ../application"),
    "plan": ("plan staging", "plan staging --out plan.json"),
    "apply": ("apply staging", "apply production --plan plan.json --yes", "apply local --as-roles"),
    "status": ("status local", "status production --profile ops"),
    "follow": ("follow staging", "follow staging --verbose"),
    "explain": ("explain staging", "explain staging --stack Backend"),
    "events": ("events staging --failed", "events staging --since 2h"),
    "outputs": ("outputs staging", "outputs staging --format json"),
    "drift": ("drift staging", "drift staging --format json"),
    "continue": ("continue staging", "continue staging --skip Backend.Service"),
    "rollback": ("rollback production", "rollback production --to 653ab2dea319"),
    "config": ("config staging", "config staging --set LOG_LEVEL=DEBUG"),
    "preflight": ("preflight staging", "preflight production --profile ops"),
    "access": ("access staging", "access production --profile admin"),
    "migrate": ("migrate shared --app ../application",),
    "import": ("import shared",),
    "destroy": ("destroy local", "destroy staging --name staging --yes"),
    "cost": ("cost staging",),
    "review": ("review main",),
    "rehearse": ("rehearse", "rehearse --app ../application --fail-at Deploy_Backend"),
    "onboard": ("onboard --app ../application", "onboard --app ../application --show"),
    "local": ("local status", "local fault --resource Backend/Service"),
}


class Parser(argparse.ArgumentParser):
    """Like argparse's, but with our exit status for bad usage, and no option that is only a beginning of one: what is
    meant by `--empty` must not depend on which options there are."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """The error comes first, and the usage is one command away: nobody reads what stands below ten lines of it."""
        self.exit(Exit.USAGE, f"{self.prog}: {message}\nUsage: {self.prog} --help\n")


def parser(verb: str, door: str = hints.DELIVERY) -> Parser:
    """The command line of one verb."""
    options = Parser(f"{door} {verb}", **_about(verb, door))
    _fill(options, verb)
    return options


def _about(verb: str, door: str) -> dict[str, Any]:
    """What the help of a verb says before and after its options."""
    examples = "\n".join(f"  {door} {example}" for example in EXAMPLES.get(verb, ()))
    text = VERBS[verb].help
    return {
        "description": _folded(f"{text[:1].upper()}{text[1:]}."),
        "epilog": f"examples:\n{examples}\n\n`{door} --help` lists the exit statuses." if examples else None,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


def _listed() -> str:
    """Every verb with what it does, by group."""
    width = max(map(len, VERBS))
    groups = []
    for title, verbs in GROUPS.items():
        groups.append("\n".join([f"{title}:", *(_folded(VERBS[verb].help, f"  {verb:{width}}  ") for verb in verbs)]))
    return "\n\n".join(groups)


def _folded(text: str, begin: str = "") -> str:
    """A text after `begin`, as wide as argparse makes the options of a verb; what is too long goes on below itself."""
    from shutil import get_terminal_size
    from textwrap import fill

    width = max(get_terminal_size().columns - 2, len(begin) + 20)
    return fill(text, width, initial_indent=begin, subsequent_indent=" " * len(begin), break_on_hyphens=False)


def _fill(options: argparse.ArgumentParser, name: str) -> None:
    verb = VERBS[name]
    others = options.add_argument_group("where and how")
    if verb.subject == "ENVIRONMENT":
        options.add_argument(
            "environment", metavar=verb.subject, help=f"name of a file in params/; `{LOCAL}` is the local AWS"
        )
    verb.load().arguments(options)
    if "--format" not in options._option_string_actions:  # every result is a value for programs too
        options.add_argument("--format", choices=("terminal", "json"), default="terminal", help="how it is shown")
    if verb.operates or name in CONNECTING:
        others.add_argument("--profile", help="profile of the AWS CLI's configuration")
        others.add_argument("--region", help="region (otherwise AWS_REGION, or the profile's)")
    if verb.subject == "ENVIRONMENT":
        others.add_argument(
            "--templates", type=Path, default=PROJECT / "templates", help="folder of rendered templates"
        )
        others.add_argument("--params", type=Path, default=PROJECT / "params", help="folder of parameter files")
    if verb.operates and name not in ADMINISTRATION:
        others.add_argument("--as-roles", action="store_true", help="local AWS: act as the roles of the access stack")
    if verb.operates or name in (*CONNECTING, "rehearse"):
        others.add_argument(
            "--local-aws", type=Path, default=PROJECT / ".cache/local_aws.json", help="run file of the local AWS"
        )
    others.add_argument("--debug", action="store_true", help="show the traceback of an unexpected error")


def program(verb: str, door: str) -> Parser:
    """The whole command line. Only `verb` has its own options: the others would have to be imported for them."""
    statuses = "\n".join(_folded(status.meaning, f"  {status.value:<2}  ") for status in Exit)
    options = Parser(
        door,
        usage=f"{door} VERB [ENVIRONMENT] [OPTION ...]",
        description=f"Deploys and operates the environments of this checkout.\n\n{_listed()}",
        epilog=f"`{door} VERB --help` shows the options of a verb.\n\nexit status:\n{statuses}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # The verbs are listed by group above, and not once more.
    verbs = options.add_subparsers(dest="verb", metavar="VERB", required=True, help=argparse.SUPPRESS)
    for name in VERBS:
        below = verbs.add_parser(name, prog=f"{door} {name}", **_about(name, door))
        if name == verb:
            _fill(below, name)
    return options


def parse(words: Sequence[str], door: str = hints.DELIVERY) -> argparse.Namespace:
    """What a command line asks for. Ends the process with `Exit.USAGE` and what might have been meant."""
    words = expanded(words)
    verb = next((word for word in words if not word.startswith("-")), "")
    if verb in ALIASES:
        words[words.index(verb)] = verb = ALIASES[verb]
    whole = program(verb, door)
    if not words:
        whole.print_help(sys.stderr)
        whole.exit(Exit.USAGE)
    if verb and verb not in VERBS:
        whole.error(f"there is no verb {verb!r}{_meant(verb, VERBS, SYNONYMS)}")
    options, unknown = whole.parse_known_args(words)
    if unknown:
        below = parser(verb, door)
        known = [option for action in below._actions for option in action.option_strings]
        name = unknown[0].partition("=")[0]
        what = f"no option {name}{_meant(name, known)}" if name.startswith("-") else f"nothing that {name!r} could be"
        below.error(f"there is {what}")
    return options


def expanded(words: Sequence[str]) -> list[str]:
    """The words with what make's ARGS holds in the place of `--arguments=…`. No shell reads it: quotes keep words
    together, and nothing else means anything."""
    import shlex

    taken = list[str]()
    for word in words:
        name, sign, text = word.partition("=")
        try:
            taken += shlex.split(text) if name == "--arguments" and sign else [word]
        except ValueError as error:
            raise UsageError(f"ARGS cannot be read: {error}.", "Close every quote.") from error
    return taken


def _meant(word: str, known: Sequence[str] | dict[str, Any], synonyms: dict[str, str] | None = None) -> str:
    """What somebody might have meant, as the end of a sentence."""
    from difflib import get_close_matches

    close = [synonyms[word]] if synonyms and word in synonyms else get_close_matches(word, known, 2, 0.7)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def main(words: Sequence[str] | None = None, door: str = hints.DELIVERY) -> int:
    """Runs one verb; returns the exit status."""
    gc.set_threshold(OBJECTS)
    without_proxy()
    words = list(sys.argv[1:] if words is None else words)
    if os.environ.get("DELIVERY_DOOR") == hints.MAKE:
        door = hints.MAKE
    hints.use(hints.Spelling(door, "", _takes()))
    # Whoever ends the script kindly gets what Ctrl-C gets: everything is tidied up, or told to be running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    interrupted = RefusedError("Interrupted; nothing of it is running.", "The same command again goes on from there.")
    status = ended(lambda: _run(words, door, interrupted), interrupted, " ".join(words[:2]), "--debug" in words)
    if door == hints.MAKE and status not in (Exit.DONE, Exit.CHANGES):
        from scripts.terminal import console

        console.show_line(f"status {status.value}: {status.meaning}", sys.stderr)  # make itself ends with 2
    return status


def _takes() -> tuple[tuple[str, bool], ...]:
    """Every verb, and whether it takes an environment."""
    return tuple((name, verb.subject == "ENVIRONMENT") for name, verb in VERBS.items())


def _is_at_home() -> None:
    """Raises `UsageError` in another checkout than the one that this command was installed from: its files are meant,
    and ours would be used."""
    here = Path.cwd()
    if here.resolve() != PROJECT and (here / "scripts/cli.py").is_file() and (here / "params").is_dir():
        raise UsageError(
            f"This command belongs to {PROJECT}, and {here} is another checkout.",
            "Use the command of the folder that you mean: .venv/bin/delivery in it, or make.",
        )


def _run(words: Sequence[str], door: str, interrupted: DeployError) -> Exit:
    _is_at_home()
    options = parse(words, hints.DELIVERY if door == hints.MAKE else door)
    hints.use(hints.Spelling(door, getattr(options, "environment", ""), _takes()))
    if options.format != "json":
        return _carry_out(options)
    from scripts.terminal import results

    with results.document(options.verb, getattr(options, "environment", None), interrupted) as document:
        document.exit = _carry_out(options)
    return document.exit


def _carry_out(options: argparse.Namespace) -> Exit:
    """Runs the verb. Raises `DeployError`."""
    verb = VERBS[options.verb]
    if verb.operates:
        return operate(options)
    module = verb.load()
    try:
        status: Exit = module.run(options)
    except KeyboardInterrupt:
        if interrupted := getattr(module, "INTERRUPTED", None):
            raise interrupted from None
        raise
    return status


def operate(options: argparse.Namespace) -> Exit:
    """Runs a verb on an environment. Raises `DeployError`."""
    # Whatever is wrong with the files is said before anything is started or asked.
    from scripts.deployment.environment import load

    _exists(options)
    roots = load(options.environment, options.templates, options.params)
    aws = connect(options)

    from scripts.deployment.package import GateVerdict
    from scripts.operations.options import read_options
    from scripts.operations.run import Run

    verb, gate = VERBS[options.verb].load(), GateVerdict.beside(options.templates)
    run, own = Run(aws, roots, PROJECT, options.templates, options.params, gate), read_options(verb.Options, options)
    if getattr(options, "as_roles", False):
        from scripts.operations import as_roles

        return as_roles.run(run, own, verb.run)
    status: Exit = verb.run(run, own)
    return status


def _exists(options: argparse.Namespace) -> None:
    """Raises `UsageError` for an environment that has no parameter file."""
    name, params = options.environment, options.params
    there = sorted(file.stem for file in params.glob("*.json"))
    if name not in there:
        meant = _meant(Path(name).stem, there) or "."
        raise UsageError(
            f"There is no environment {name}: {params} has no file {name}.json{meant}",
            f"There are: {', '.join(there) or 'none'}.",
        )


def connect(options: argparse.Namespace) -> "Aws":
    """The account that the command line means: the local AWS for the environment of that name, started where the verb
    may, otherwise the account of the credentials. Raises `DeployError`."""
    if options.environment != LOCAL:
        from scripts.operations.credentials import Account

        aws = Account(options.profile, options.region)
        if not options.region:
            _tell_region(options.environment, aws.region)
        _tell_address(aws)
        return aws
    if options.profile or options.region:
        raise UsageError("The local AWS takes neither --profile nor --region.")
    return local_aws(options.local_aws, options.verb in STARTING)


def _tell_region(environment: str, region: str) -> None:
    """Says which Region is meant and why: it stands in no parameter file, and another one would get an environment of
    its own."""
    from scripts.terminal import console

    named = next((name for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if os.environ.get(name)), "the profile")
    console.show_line(f"{environment}: Region {region}, from {named}", sys.stderr)


def _tell_address(aws: "Aws") -> None:
    """Says that variables or the profile lead away from AWS, where a success is no success on AWS (AWS SDKs and Tools
    Reference Guide, "Service-specific endpoints"; botocore, `ConfiguredEndpointProvider`). The addresses are not shown:
    they may have a password in them."""
    from scripts.terminal import console

    core = aws.session._session  # botocore's: boto3 has no way to the settings of the profile
    if core.get_config_variable("ignore_configured_endpoint_urls"):
        return
    names = [name for name, value in sorted(os.environ.items()) if name.startswith("AWS_ENDPOINT_URL") and value]
    profile = core.get_scoped_config()
    if profile.get("endpoint_url"):
        names.append(f"endpoint_url of the profile {core.profile or 'default'}")
    section = profile.get("services", "")
    services = core.full_config.get("services", {}).get(section, {})
    if any(isinstance(settings, dict) and settings.get("endpoint_url") for settings in services.values()):
        names.append(f"the section [services {section}] of the AWS config file")
    if names:
        console.show_line(f"calls do not go to AWS, but where {' and '.join(names)} says", sys.stderr)


def local_aws(run_file: Path, start: bool) -> "Aws":
    """The local AWS; `start` says whether it is started where it does not run. Raises `RefusedError`."""
    from importlib.util import find_spec

    from scripts.deployment.aws import Endpoint
    from scripts.operations.credentials import LocalAccount

    if find_spec("moto") is None:
        raise RefusedError(
            "The local AWS is not installed: there is no moto.",
            "`make deploy` installs what it needs, and so does `python scripts/set_up.py .venv local`.",
        )
    from scripts.local_aws import server
    from scripts.terminal import console

    try:
        run = None if start else server.status(run_file)
        if not start and run is None:
            text = server.lost(run_file) or "The local AWS is not running."
            raise RefusedError(text, "`apply local` starts it and makes the environment.")
        if run:
            endpoint = run.endpoint
        else:
            with console.working("starting the local AWS"):
                endpoint = server.ensure(run_file, lambda text: console.show_line(text, sys.stderr))
    except server.ServerError as error:
        raise RefusedError(str(error)) from error
    served = Endpoint(endpoint.url, endpoint.region, endpoint.exceptions, endpoint.key, endpoint.page)
    return LocalAccount(served, lambda: server.lost(run_file, endpoint))


def entry(door: str, *before: str) -> NoReturn:
    """The process. `before` are words that go before those of the command line."""
    streams.end_with(lambda: main([*before, *sys.argv[1:]], door), (Exit.DONE, Exit.CHANGES), Exit.OUTPUT)


def delivery() -> NoReturn:
    """What the installed command calls."""
    entry(hints.DELIVERY)


if __name__ == "__main__":
    delivery()
