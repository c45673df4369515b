"""What the deletion of an environment means, as lines for a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from generator.cfn.stacks import StackResource
from scripts.operations.adoption import CREATE, takes_over
from scripts.operations.teardown.teardown import Teardown
from scripts.terminal.text import BOLD, RED, YELLOW, Line, count, line

# How a person removes what was kept, by type. Source: AWS CLI command reference.
REMOVAL = {
    "AWS::DynamoDB::Table": "aws dynamodb delete-table --table-name",
    "AWS::KMS::Key": "aws kms schedule-key-deletion --key-id",
    "AWS::Logs::LogGroup": "aws logs delete-log-group --log-group-name",
    "AWS::SecretsManager::Secret": "aws secretsmanager delete-secret --secret-id",
    "AWS::S3::Bucket": "destroy --empty",
    "AWS::ECR::Repository": "destroy --empty",
}


def teardown_lines(teardown: Teardown, emptied: Sequence[StackResource]) -> Iterator[Line]:
    """What goes, by type; what stays, one by one; what is stopped, and what forbids it."""
    yield line(
        (f"{teardown.stack.name}: delete {count(len(teardown.goes), 'resource')}, keep {len(teardown.stays)}", BOLD)
    )
    kinds = Counter(resource.type for resource in teardown.goes)
    yield line(f"goes: {', '.join(f'{kind} ({number})' for kind, number in sorted(kinds.items()))}", depth=1)
    yield from kept_lines(
        [resource for resource in teardown.stays if resource not in emptied], "kept, because it contains data"
    )
    if emptied:
        yield line(("emptied and deleted, because you named it", RED), depth=1)
        yield from (line(f"{resource}  {resource.type}  {resource.physical_id}", depth=2) for resource in emptied)
    for name, value in teardown.stack.parameters.items():
        if takes_over(name) and value not in ("", CREATE):
            yield line(f"kept, because no stack owns it: {name} = {value}", depth=1)
    for execution in teardown.executions:
        yield line((f"is stopped: execution {execution.id} of {execution.pipeline}", YELLOW), depth=1)
    for reason in teardown.forbidden:
        yield line((f"forbidden: {reason}", RED), depth=1)


def teardown_document(teardown: Teardown) -> dict[str, Any]:
    """What the deletion of one stack means, for programs."""
    return {
        "stack": teardown.stack.name,
        "goes": [resource_document(resource) for resource in teardown.goes],
        "stays": [resource_document(resource) for resource in teardown.stays],
        "executions": [asdict(execution) for execution in teardown.executions],
        "forbidden": list(teardown.forbidden),
    }


def resource_document(resource: StackResource) -> dict[str, str]:
    """One resource of a stack, for programs."""
    return {"path": ".".join(resource.path), "type": resource.type, "physical_id": resource.physical_id}


def kept_lines(kept: Sequence[StackResource], title: str) -> Iterator[Line]:
    """What is kept, with its physical id, and how each type is removed."""
    if not kept:
        return
    yield line(title, depth=1)
    width = max(len(str(resource)) for resource in kept)
    yield from (line(f"{resource!s:{width}}  {resource.physical_id}", depth=2) for resource in sorted(kept, key=str))
    for kind in sorted({resource.type for resource in kept}):
        way = f"`{REMOVAL[kind]} …`" if kind in REMOVAL else "the console of its service"
        yield line(f"{kind}: {way} removes it", depth=3)
