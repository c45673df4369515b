# mypy: ignore-errors
"""A script to try the connection by hand, and no unit test: it needs an AWS account."""

import sys

import boto3

print(boto3.client("dynamodb", region_name="us-east-1").list_tables()["TableNames"])
sys.exit(3)
