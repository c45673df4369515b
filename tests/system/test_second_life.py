"""A repository is taken over; an environment is destroyed and made again, and what it held is there and readable."""

from __future__ import annotations

import subprocess

import pytest

from generator.cfn.templates import load
from tests.conftest import ROOT
from tests.support.deployments import LOCAL, SHARED, LocalAccount, account

__all__ = ["account"]  # a fixture

ITEM = {"pk": {"S": "client"}, "sk": {"S": "1"}, "name": {"S": "Ada"}}
NAME = "cloud-health-dashboard"
TABLE = "CloudHealthClients-local"
Ended = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def taken(account: LocalAccount) -> Ended:
    """The application had its repository before there was any stack."""
    account.reset()
    repository = load(ROOT / "templates").resource("shared.Repository")
    properties = {"repositoryName": NAME, "repositoryDescription": repository.get("RepositoryDescription")}
    account.aws.call("codecommit", "create_repository", **properties)
    return account.deploy("import")


@pytest.fixture(scope="module")
def gone(account: LocalAccount, taken: Ended) -> Ended:
    """A first life with something in it, then its end."""
    assert taken.returncode == 0
    first = account.deploy("apply")
    assert first.returncode == 0, first.stdout + first.stderr
    account.aws.call("dynamodb", "put_item", TableName=TABLE, Item=ITEM)
    parameter = account.output("LastImageParameter")
    account.aws.call("ssm", "put_parameter", Name=parameter, Value="registry/images:1", Type="String")
    return account.deploy("destroy")


@pytest.fixture(scope="module")
def again(account: LocalAccount, gone: Ended) -> Ended:
    assert gone.returncode == 0, gone.stdout + gone.stderr
    return account.deploy("apply", "--adopt")


@pytest.mark.soak
def test_a_repository_that_exists_is_taken_over(account: LocalAccount, taken: Ended) -> None:
    assert taken.returncode == 0, taken.stdout + taken.stderr
    assert "  > Repository  AWS::CodeCommit::Repository" in taken.stdout and "IMPORT_COMPLETE" in taken.stdout
    assert account.stacks()[SHARED] == "IMPORT_COMPLETE" and account.change_sets() == []
    number = account.aws.call("codecommit", "get_repository", repositoryName=NAME)["repositoryMetadata"]["repositoryId"]
    resources = account.aws.call("cloudformation", "describe_stack_resources", StackName=SHARED)["StackResources"]
    assert [resource["PhysicalResourceId"] for resource in resources] == [number]
    assert account.deploy("import").returncode == 3


@pytest.mark.soak
def test_what_stays_is_told_with_its_name(account: LocalAccount, gone: Ended) -> None:
    assert gone.returncode == 0, gone.stdout + gone.stderr
    kept = gone.stdout.partition(f"{LOCAL} is deleted (DELETE_COMPLETE")[2]
    assert "kept, because it contains data" in kept and TABLE in kept
    assert "no next life starts with a release of this one" in kept
    assert list(account.stacks()) == [SHARED]


@pytest.mark.soak
def test_the_next_life_is_refused_with_the_lines_that_adopt(account: LocalAccount, gone: Ended) -> None:
    assert gone.returncode == 0
    refused = account.deploy("apply")
    assert refused.returncode == 3, refused.stdout
    for line in ('"ExistingKeyArn": "arn:aws:kms:', '"DataTables": "EXISTING"', '"ExistingRepositoryName": "'):
        assert line in refused.stderr
    assert LOCAL not in account.stacks() and account.change_sets() == []


@pytest.mark.soak
def test_it_adopts_survivors_and_their_data_is_readable(account: LocalAccount, again: Ended) -> None:
    assert again.returncode == 0, again.stdout + again.stderr
    assert (
        account.aws.call("dynamodb", "get_item", TableName=TABLE, Key={k: ITEM[k] for k in ("pk", "sk")})["Item"]
        == ITEM
    )
    # The key that reads it, the secret that the application reads with, and the images are those of before.
    key = account.aws.call("dynamodb", "describe_table", TableName=TABLE)["Table"]["SSEDescription"]["KMSMasterKeyArn"]
    assert account.output("KeyArn") == key
    (secret,) = [
        entry
        for entry in account.aws.call("secretsmanager", "list_secrets")["SecretList"]
        if entry["Description"].startswith("ENCRYPTION_KEY")
    ]
    assert account.output("EncryptionSecretArn") == secret["ARN"]
    (repository,) = account.aws.call("ecr", "describe_repositories")["repositories"]
    assert account.output("RegistryName") == repository["repositoryName"]


@pytest.mark.soak
def test_what_was_adopted_stays_so(account: LocalAccount, again: Ended) -> None:
    """Although no file names it: what lives on this machine lives no longer than that AWS."""
    assert again.returncode == 0
    once_more = account.deploy("apply")
    assert once_more.returncode == 0 and f"{LOCAL}: no changes" in once_more.stdout


@pytest.mark.soak
def test_the_last_end_empties_what_is_named(account: LocalAccount, again: Ended) -> None:
    assert again.returncode == 0
    ended = account.deploy("destroy", "--empty-buckets")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "kept, because no stack owns it: DataTables = EXISTING" in ended.stdout
    buckets = [bucket["Name"] for bucket in account.aws.call("s3", "list_buckets")["Buckets"]]
    second = ended.stdout.partition("emptied and deleted, because you named it")[2].split("\n\n")[0]
    assert not [name for name in buckets if name in second] and "Storage > Artifacts" in second
    assert account.aws.call("dynamodb", "describe_table", TableName=TABLE)["Table"]["ItemCount"] >= 0
    earlier = account.deploy("destroy")
    assert f"{LOCAL} does not exist" in earlier.stdout and "kept when it was deleted" in earlier.stdout
