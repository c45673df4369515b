"""All that is looked at before a deployment, and how it is shown."""

from collections.abc import Iterator

from scripts.deployment.errors import AwsError
from scripts.operations.preflight import account, source
from scripts.operations.preflight.check import Check, Looker, State, Survey
from scripts.terminal.text import GREEN, RED, YELLOW, Line, count, line

LOOKERS: tuple[Looker, ...] = (
    source.identity,
    source.permissions,
    source.protection,
    source.apart,
    source.filled_secrets,
    source.repository,
    account.roles,
    account.quotas,
    account.prefix_list,
    account.zones,
    account.edge_logs,
    account.mail,
    account.messages,
    account.build_image,
    account.image_scans,
    account.hosted_zone,
    source.names,
)
STYLES = {State.GOOD: GREEN, State.WARNING: YELLOW, State.ERROR: RED, State.UNKNOWN: YELLOW}


def all_checks(survey: Survey) -> Iterator[Check]:
    """What every check finds."""
    for looker in LOOKERS:
        try:
            yield from looker(survey)
        except AwsError as error:
            # What is no service's own answer, but a page of the server before it, is not repeated.
            message = error.message if "<html" not in error.message else "no answer of the service itself"
            what = looker.__name__.replace("_", " ")
            yield Check(what, State.UNKNOWN, f"{error.call}: {error.code}: {message}", error.remedy)


def lines(checks: list[Check]) -> Iterator[Line]:
    """Each check on a line, with what to do below it."""
    width = max(len(check.what) for check in checks)
    for check in checks:
        yield line((f"{check.state.value:7}", STYLES[check.state]), f"  {check.what:{width}}  {check.detail}")
        yield from (line(text, depth=6) for text in check.remedy.splitlines())
    errors = sum(check.state is State.ERROR for check in checks)
    unknown = sum(check.state is State.UNKNOWN for check in checks)
    yield line(f"{count(len(checks), 'check')}: {count(errors, 'error')}, {unknown} unknown")
