"""What a change does to every environment, from two revisions alone: `delivery review BASE [HEAD]`.

Templates, parameter files and facts of both are compared environment by environment; no account is asked. What a living
environment makes of it beyond that, `plan` shows.
"""

import sys
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, replace
from pathlib import Path

from generator.cfn.schemas import SchemasError
from generator.cfn.templates import TemplatesError
from scripts.deployment.errors import Exit, RefusedError, UsageError
from scripts.review import revision
from scripts.review.gate import gate
from scripts.review.model import (
    UNCHANGED,
    CostChange,
    Deployed,
    EnvironmentReview,
    ReachChange,
    RequirementChange,
    Review,
    ValueChange,
)

PROJECT = Path(__file__).resolve().parents[2]
FORMATS = ("markdown", "terminal", "html", "json")


def arguments(parser: ArgumentParser) -> None:
    """What is compared, and how it is shown."""
    parser.add_argument("base", metavar="BASE", help="a revision, such as main or the commit that is deployed")
    parser.add_argument("head", metavar="HEAD", nargs="?", default="", help="another one (default: the working tree)")
    parser.add_argument("--format", choices=FORMATS, default="", help="default: terminal on a terminal, else markdown")
    parser.add_argument("--project", type=Path, default=PROJECT, help="the checkout")
    parser.add_argument("--links", default="", metavar="URL", help="where files of HEAD are shown, for links of a page")
    parser.add_argument("--against", default="", metavar="ENVIRONMENT", help="also compare with what is deployed of it")
    parser.add_argument("--profile", help="with --against: profile of the AWS CLI's configuration")
    parser.add_argument("--region", help="with --against: region (otherwise AWS_REGION, or the profile's)")
    parser.add_argument(
        "--local-aws", type=Path, default=PROJECT / ".cache/local_aws.json", help="run file of the local AWS"
    )
    parser.add_argument("--full", action="store_true", help="Markdown without a limit of its length")
    parser.add_argument(
        "--longest", type=int, metavar="CHARACTERS", help="Markdown for a host whose comments take less"
    )


def run(options: Namespace) -> Exit:
    """Makes the review and prints it. Raises `RefusedError`."""
    changes = review(options.project, options.base, options.head)
    if options.against:
        changes = replace(changes, deployed=_deployed(changes, options))
    _print(changes, options)
    return Exit.DONE


def review(project: Path, base: str, head: str = "") -> Review:
    """The review of `head` against `base`, revisions of the checkout at `project`; an empty `head` is the working tree.
    Raises `RefusedError`."""
    for name in filter(None, (base, head)):
        revision.commit(project, name)
    files = revision.touched(project, base, head)
    after = revision.read(project, head)
    changed = bool({"templates", "parameter files"} & files.keys())
    result = Review(
        base,
        head or revision.WORKING_TREE,
        gate=gate(project, after, changed=changed),
        files=files,
        missing=revision.missing(project, base, head),
        requirements=_requirements(project, base, head) if "requirements" in files else (),
        reach=_reach(project, base, head) if "reachability" in files else (),
    )
    if not changed:
        return result
    from scripts.review import latent
    from scripts.review.compare import compare
    from scripts.review.near import near
    from scripts.review.places import placed

    before = revision.read(project, base)
    try:
        environments = compare(before, after)
    except SchemasError as error:
        raise RefusedError(str(error), "Run `make templates`.") from error
    except TemplatesError as error:
        raise RefusedError(f"The templates cannot be compared: {error}", "Run `make templates`.") from error
    placed_environments = tuple(
        placed(_priced(environment, before, after), after.templates, project)
        if environment.state != UNCHANGED
        else environment
        for environment in environments
    )
    return replace(
        result,
        environments=placed_environments,
        choices=tuple(latent.choices(before.templates, after.templates)),
        interface=tuple(latent.interface(before.templates, after.templates)),
        latent=tuple(latent.resources(before.templates, after.templates, environments)),
        latent_grants=tuple(latent.broader(before.templates, after.templates, environments)),
        quotas=near(before, after, environments),
        version=_version(before, after),
    )


def _version(before: revision.Revision, after: revision.Revision) -> ValueChange | None:
    """The version of the set, where it changes."""
    old, new = (", ".join(sorted(revision.versions(side.templates))) for side in (before, after))
    return ValueChange("version", old, new) if old != new else None


def _requirements(project: Path, base: str, head: str) -> tuple[RequirementChange, ...]:
    from scripts.review.requirements import changes

    return changes(project, base, head)


def _reach(project: Path, base: str, head: str) -> tuple[ReachChange, ...]:
    from scripts.review.reach import changes

    return changes(project, base, head)


def _deployed(changes: Review, options: Namespace) -> Deployed:
    """What is deployed of the environment that the command line names. Raises `UsageError`."""
    from scripts.review.against import deployed

    name = options.against
    environments = {environment.name: environment for environment in changes.environments}
    files = revision.read(options.project, options.head).files
    if name not in files:
        raise UsageError(f"There is no environment {name}.", f"There are: {', '.join(sorted(files))}.")
    environment = environments.get(name, EnvironmentReview(name, UNCHANGED))
    return deployed(options.project, environment, options.head, options)


def _priced(environment: EnvironmentReview, before: revision.Revision, after: revision.Revision) -> EnvironmentReview:
    if environment.problems:
        return environment
    from scripts.review.cost import cost

    sides, unknown = [], ""
    for side in (before, after):
        figures, why = cost(environment.name, side) if environment.name in side.files else (None, "")
        sides.append(figures)
        unknown = unknown or why
    return replace(environment, cost=CostChange(sides[0], sides[1], unknown))


def _print(changes: Review, options: Namespace) -> None:
    from scripts.terminal import console, results

    chosen = options.format or ("terminal" if sys.stdout.isatty() else "markdown")
    if chosen == "json":
        results.show(asdict(changes))
    elif chosen == "html":
        from scripts.review.html import page

        console.document(page(changes, revision.read(options.project, options.head).templates, options.links))
    elif chosen == "markdown":
        from scripts.review.markdown import LIMIT, markdown

        console.document(markdown(changes, 10**9 if options.full else options.longest or LIMIT).rstrip("\n"))
    else:
        from scripts.review.lines import lines

        console.show(lines(changes))
