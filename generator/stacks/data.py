"""The application's tables.

The application creates them in development only, so somebody else must. Their names are parameters: production
keeps the application's own (one route has a name fixed in its code), and an environment that shares the account
takes others. The whole child can be left out in favour of existing tables.
"""

from __future__ import annotations

from troposphere import GetAtt, If, Ref, dynamodb

from generator.core import conditions, ports
from generator.core.stack import Stack
from generator.project import Index, Project, Table


def build(project: Project) -> Stack:
    stack = Stack("data", __name__, "DynamoDB tables of the application", project)
    key = stack.takes(ports.KEY_ARN)
    protected = conditions.protected(stack)
    for facts in project.tables:
        table = stack.add(
            dynamodb.Table(
                facts.logical,
                TableName=stack.takes(ports.table(facts.logical)),
                AttributeDefinitions=[
                    dynamodb.AttributeDefinition(AttributeName=name, AttributeType=kind)
                    for name, kind in _attributes(facts).items()
                ],
                BillingMode="PAY_PER_REQUEST",
                DeletionProtectionEnabled=If(protected, True, False),
                KeySchema=_key(facts.partition, facts.sort),
                PointInTimeRecoverySpecification=dynamodb.PointInTimeRecoverySpecification(
                    PointInTimeRecoveryEnabled=True
                ),
                SSESpecification=dynamodb.SSESpecification(SSEEnabled=True, SSEType="KMS", KMSMasterKeyId=key),
                **_options(facts),
            ),
            f"Table that the application finds through {facts.variable}.",
            ["RUN-5"],
        )
        stack.gives(ports.table_name(facts.logical), Ref(table))
        stack.gives(ports.table_arn(facts.logical), GetAtt(table, "Arn"))
    return stack


def _attributes(facts: Table) -> dict[str, str]:
    """The type of each attribute that keys use, in the order in which they appear."""
    return {name: kind or "S" for name, _, kind in (text.partition(":") for text in facts.key_attributes())}


def _options(facts: Table) -> dict[str, object]:
    """Indexes and expiry, for the tables that have them."""
    options: dict[str, object] = {}
    if facts.indexes:
        options["GlobalSecondaryIndexes"] = [_index(index) for index in facts.indexes]
    if facts.ttl:
        options["TimeToLiveSpecification"] = dynamodb.TimeToLiveSpecification(AttributeName=facts.ttl, Enabled=True)
    return options


def _key(partition: str, sort: str) -> list[dynamodb.KeySchema]:
    return [
        dynamodb.KeySchema(AttributeName=text.partition(":")[0], KeyType=kind)
        for text, kind in ((partition, "HASH"), (sort, "RANGE"))
        if text
    ]


def _index(facts: Index) -> dynamodb.GlobalSecondaryIndex:
    return dynamodb.GlobalSecondaryIndex(
        IndexName=facts.name,
        KeySchema=_key(facts.hash, facts.range),
        Projection=dynamodb.Projection(ProjectionType="ALL"),
    )
