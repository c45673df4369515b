# mypy: ignore-errors
"""DynamoDB: the tables, made by the application itself only where somebody develops it."""

import boto3

from .settings import settings

dynamodb = boto3.client("dynamodb", region_name=settings.YOUR_AWS_REGION)

TABLES = (
    settings.CLIENTS_TABLE,
    settings.METRICS_TABLE,
    settings.COSTS_TABLE,
    settings.SECURITY_TABLE,
    settings.RECOMMENDATIONS_TABLE,
)
KEYS = (("pk", "HASH"), ("sk", "RANGE"))


def make_missing_tables():
    """Only for development: nothing makes them in production."""
    there = dynamodb.list_tables()["TableNames"]
    for table in TABLES:
        if table not in there:
            dynamodb.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in KEYS],
                KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in KEYS],
            )


def read(table, key):
    """The items below one partition key, as plain texts."""
    answer = dynamodb.query(
        TableName=table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": key}}
    )
    return [{name: next(iter(value.values())) for name, value in item.items()} for item in answer["Items"]]


def write(table, key, name):
    """Adds an item below a partition key; the name is its sort key."""
    item = {"pk": key, "sk": name}
    dynamodb.put_item(TableName=table, Item={field: {"S": value} for field, value in item.items()})
    return item
