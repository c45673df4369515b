"""What the deletion of an environment means, as lines for a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence

from scripts.operations.diagnose.inventory import Held
from scripts.operations.output.terminal import Paint, count, plain, wrapped
from scripts.operations.retained import CREATE, PARAMETERS
from scripts.operations.teardown.teardown import Teardown

# How a person removes what was kept, by type. Source: AWS CLI command reference.
REMOVAL = {
    "AWS::DynamoDB::Table": "aws dynamodb delete-table --table-name",
    "AWS::KMS::Key": "aws kms schedule-key-deletion --key-id",
    "AWS::Logs::LogGroup": "aws logs delete-log-group --log-group-name",
    "AWS::SecretsManager::Secret": "aws secretsmanager delete-secret --secret-id",
    "AWS::S3::Bucket": "destroy --empty",
    "AWS::ECR::Repository": "destroy --empty",
}


def teardown_lines(found: Teardown, emptied: Sequence[Held], paint: Paint = plain) -> Iterator[str]:
    """What goes, by type; what stays, one by one; what is stopped, and what forbids it."""
    yield paint(f"{found.stack.name}: delete {count(len(found.goes), 'resource')}, keep {len(found.stays)}", "bold")
    kinds = Counter(one.type for one in found.goes)
    yield wrapped(f"goes: {', '.join(f'{kind} ({number})' for kind, number in sorted(kinds.items()))}", 1)
    yield from kept_lines([one for one in found.stays if one not in emptied], "kept, because it contains data")
    if emptied:
        yield paint("  emptied and deleted, because you named it", "red")
        yield from (f"    {one}  {one.type}  {one.physical_id}" for one in emptied)
    adopted = {name: found.stack.parameters.get(name, "") for name in PARAMETERS}
    for name, value in adopted.items():
        if value not in ("", CREATE):
            yield f"  kept, because no stack owns it: {name} = {value}"
    for one in found.executions:
        yield paint(f"  is stopped: execution {one.id} of {one.pipeline}", "yellow")
    for reason in found.forbidden:
        yield paint(f"  forbidden: {reason}", "red")


def kept_lines(held: Sequence[Held], title: str) -> Iterator[str]:
    """What is kept, with its physical id, and how each type is removed."""
    if not held:
        return
    yield f"  {title}"
    width = max(len(str(one)) for one in held)
    yield from (f"    {one!s:{width}}  {one.physical_id}" for one in sorted(held, key=str))
    for kind in sorted({one.type for one in held}):
        yield f"      {kind}: `{REMOVAL.get(kind, 'its console')} …` removes it"
