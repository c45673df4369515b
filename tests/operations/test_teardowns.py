"""What the deletion of an environment means, as somebody reads it before they agree and as programs get it."""

from __future__ import annotations

from dataclasses import replace

from generator.cfn.stacks import Stack, StackResource
from scripts.operations.output import teardowns
from scripts.operations.teardown.teardown import Execution, Teardown


def resource(path: str, kind: str, physical: str) -> StackResource:
    return StackResource(tuple(path.split(".")), kind, physical, "CREATE_COMPLETE", "id")


LOGS = resource("Storage.Logs", "AWS::S3::Bucket", "logs-1")
CLIENTS = resource("Data.Clients", "AWS::DynamoDB::Table", "clients-1")
OTHER = resource("Edge.Zone", "AWS::Route53::HostedZone", "Z1")
STACK = Stack(
    "s", "id", "UPDATE_COMPLETE",
    parameters={"ExistingKey": "arn:key", "ExistingSecret": "", "DataTables": "CREATE", "TaskCpu": "256"},
)  # fmt: skip
TEARDOWN = Teardown(
    STACK,
    (
        resource("Build.A", "AWS::SNS::Topic", "a"),
        resource("Build.B", "AWS::ECS::Service", "b"),
        resource("C", "AWS::SNS::Topic", "c"),
    ),
    (LOGS, OTHER, CLIENTS),
    (Execution("pipeline", "e-1"),),
    ("termination protection is on",),
)


def test_everything_is_there_before_anybody_agrees() -> None:
    lines = list(teardowns.teardown_lines(TEARDOWN, [LOGS]))
    assert list(map(str, lines)) == [
        "s: delete 3 resources, keep 3",
        "  goes: AWS::ECS::Service (1), AWS::SNS::Topic (2)",
        "  kept, because it contains data",
        "    Data > Clients  clients-1",
        "    Edge > Zone     Z1",
        "      AWS::DynamoDB::Table: `aws dynamodb delete-table --table-name …` removes it",
        "      AWS::Route53::HostedZone: the console of its service removes it",
        "  emptied and deleted, because you named it",
        "    Storage > Logs  AWS::S3::Bucket  logs-1",
        "  kept, because no stack owns it: ExistingKey = arn:key",
        "  is stopped: execution e-1 of pipeline",
        "  forbidden: termination protection is on",
    ]
    styles = {line.parts[0][0].split(" ")[0]: line.parts[0][1] for line in lines}
    assert (styles["emptied"], styles["is"], styles["forbidden:"]) == ("red", "yellow", "red")


def test_what_is_not_there_is_not_spoken_of() -> None:
    adopted = replace(STACK, parameters={"DataTables": "EXISTING"})
    bare = Teardown(adopted, TEARDOWN.goes[:1], (), (), ())
    assert list(map(str, teardowns.teardown_lines(bare, []))) == [
        "s: delete 1 resource, keep 0",
        "  goes: AWS::SNS::Topic (1)",
        "  kept, because no stack owns it: DataTables = EXISTING",
    ]


def test_a_program_gets_the_same() -> None:
    assert teardowns.teardown_document(TEARDOWN) == {
        "stack": "s",
        "goes": [
            {"path": "Build.A", "type": "AWS::SNS::Topic", "physical_id": "a"},
            {"path": "Build.B", "type": "AWS::ECS::Service", "physical_id": "b"},
            {"path": "C", "type": "AWS::SNS::Topic", "physical_id": "c"},
        ],
        "stays": [
            {"path": "Storage.Logs", "type": "AWS::S3::Bucket", "physical_id": "logs-1"},
            {"path": "Edge.Zone", "type": "AWS::Route53::HostedZone", "physical_id": "Z1"},
            {"path": "Data.Clients", "type": "AWS::DynamoDB::Table", "physical_id": "clients-1"},
        ],
        "executions": [{"pipeline": "pipeline", "id": "e-1"}],
        "forbidden": ["termination protection is on"],
    }


def test_each_type_that_holds_data_has_its_command() -> None:
    kinds = list(teardowns.REMOVAL)
    lines = teardowns.kept_lines([resource(f"R{number}", kind, "x") for number, kind in enumerate(kinds)], "kept")
    commands = [str(line).strip() for line in lines][len(kinds) + 1 :]
    assert commands == [
        "AWS::DynamoDB::Table: `aws dynamodb delete-table --table-name …` removes it",
        "AWS::ECR::Repository: `destroy --empty …` removes it",
        "AWS::KMS::Key: `aws kms schedule-key-deletion --key-id …` removes it",
        "AWS::Logs::LogGroup: `aws logs delete-log-group --log-group-name …` removes it",
        "AWS::S3::Bucket: `destroy --empty …` removes it",
        "AWS::SecretsManager::Secret: `aws secretsmanager delete-secret --secret-id …` removes it",
    ]
