"""What an earlier life of an environment has left: found, adopted, written down, or refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from generator.cfn.environments import Environment
from generator.cfn.packaging import Bucket, PackagedSet
from generator.cfn.stacks import Stack
from generator.cfn.template_names import EXISTING_KEY as KEY
from generator.cfn.template_names import EXISTING_REPOSITORY as REPOSITORY
from generator.cfn.template_names import TABLES
from scripts.deployment import environment
from scripts.deployment.aws import Answer, Endpoint
from scripts.deployment.deploy_root import Context, RootDeployment
from scripts.deployment.environment import COMPUTED, Computed
from scripts.deployment.errors import RefusedError
from scripts.deployment.package import GateVerdict
from scripts.deployment.plan import Plan
from scripts.operations import adoption
from tests.conftest import ROOT
from tests.support.service import ACCOUNT, ME, REGION, Prepared, arn, refusal

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET, SESSIONS = "ExistingEncryptionSecretArn", "ExistingJwtSecretArn"
KEYS = [f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{digit * 8}-0000-4000-8000-000000000000" for digit in "12"]
SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:staging-EncryptionKey-Ab12"
SESSIONS_ARN = SECRET_ARN.replace("EncryptionKey", "JwtSecret")
IMAGES = "cloud-health-dashboard-staging-registry-images-1"
OURS = [{"Key": "Application", "Value": "cloud-health-dashboard"}, {"Key": "Environment", "Value": "staging"}]


@pytest.fixture(scope="module")
def staging() -> Environment:
    return environment.load("staging", ROOT / "templates", ROOT / "params")["environment"]


def names(staging: Environment) -> list[str]:
    return [value for name, value in staging.file.parameters.items() if name.endswith("Table")]


class Left(Prepared):
    """An account with what the first life of the environment left. `keys` are the keys that live."""

    def __init__(self, tables: list[str], keys: list[str] | None = None, tags: Any = OURS, **answers: Any) -> None:
        self.tables, self.keys, self.tags = tables, KEYS if keys is None else keys, tags
        secrets = [
            {"ARN": SECRET_ARN, "Description": "ENCRYPTION_KEY of the application: the seed and a final ="},
            {"ARN": SESSIONS_ARN, "Description": "JWT_SECRET_KEY of the application"},
        ]
        self.secrets = [{**secret, "Tags": OURS, "KmsKeyId": KEYS[0]} for secret in secrets]
        self.repositories = [self.repository(IMAGES), self.repository("somebody-elses")]
        super().__init__(
            dynamodb__describe_table=self.table,
            dynamodb__list_tags_of_resource=lambda **_: {"Tags": self.tags},
            ecr__describe_repositories=lambda **_: {"repositories": self.repositories},
            ecr__list_tags_for_resource={"tags": OURS},
            secretsmanager__list_secrets=lambda **_: {"SecretList": self.secrets},
            secretsmanager__describe_secret=refusal("x", "ResourceNotFoundException"),
            kms__describe_key=self.key,
            **answers,
        )

    def repository(self, name: str) -> Answer:
        encryption = {"encryptionType": "KMS", "kmsKey": KEYS[0]}
        return {"repositoryName": name, "repositoryArn": f"arn:{name}", "encryptionConfiguration": encryption}

    def table(self, TableName: str) -> Answer:
        if TableName not in self.tables:
            raise refusal("dynamodb.describe_table", "ResourceNotFoundException")
        return {
            "Table": {"TableArn": f"arn:aws:dynamodb:::{TableName}", "SSEDescription": {"KMSMasterKeyArn": KEYS[0]}}
        }

    def key(self, KeyId: str) -> Answer:
        state = "Enabled" if KeyId in self.keys else "PendingDeletion"
        return {"KeyMetadata": {"KeyId": KeyId, "KeyState": state}}


def adopted_values(
    aws: Prepared, staging: Environment, previous: Stack | None = None, adopt: bool = True
) -> dict[str, str]:
    return {
        parameter.name: parameter.value
        for parameter in adoption.adopted_parameters(root(aws, staging, previous), adopt)
    }


def root(aws: Prepared, staging: Environment, previous: Stack | None = None) -> RootDeployment:
    """The root of an environment that is deployed."""
    context = Context(aws, {"environment": staging}, GateVerdict({}))
    bucket = Bucket.of(staging.application, ME.account, REGION)
    return RootDeployment(context, staging, aws, bucket, PackagedSet(()), previous=previous)


def recorded(aws: Prepared, staging: Environment, adopted: list[Computed]) -> list[str]:
    """What is written down of a plan that adopts."""
    planned = Plan("s", "id", "CREATE", "cs", "n", "d", computed=tuple(adopted))
    return adoption.record_adopted(root(aws, staging), planned, ROOT / "templates")


def test_survivors_are_found_by_names_tags_and_what_they_are_encrypted_with(staging: Environment) -> None:
    assert len(names(staging)) == 5
    adopted = adopted_values(Left(names(staging)), staging)
    assert adopted == {KEY: KEYS[0], SECRET: SECRET_ARN, SESSIONS: SESSIONS_ARN, REPOSITORY: IMAGES, TABLES: "EXISTING"}
    assert set(adopted) <= staging.root.parameters.keys()
    # As they stand in the file: the key first, on which everything else depends.
    computed = adoption.adopted_parameters(root(Left(names(staging)), staging), adopt=True)
    descriptions = adoption._secret_parameters(staging.root.children())
    assert computed == [
        Computed(KEY, KEYS[0], COMPUTED, "adopted: key that the rest is encrypted with"),
        Computed(TABLES, "EXISTING", COMPUTED, f"adopted: tables {', '.join(sorted(names(staging)))}"),
        *(
            Computed(parameter, adopted[parameter], COMPUTED, f"adopted: secret, {text}")
            for parameter, text in descriptions.items()
        ),
        Computed(REPOSITORY, IMAGES, COMPUTED, "adopted: images"),
    ]


def test_what_takes_over_is_told_by_its_name(staging: Environment) -> None:
    by_template = {KEY, REPOSITORY, TABLES, *adoption._secret_parameters(staging.root.children())}
    assert {name for name in staging.root.parameters if adoption.takes_over(name)} == by_template


def test_nothing_left_is_nothing_to_adopt(staging: Environment) -> None:
    aws = Left([])
    aws.secrets, aws.repositories = [], []
    assert adopted_values(aws, staging, adopt=False) == {}


def test_without_a_word_the_exact_lines_are_told_and_nothing_happens(staging: Environment) -> None:
    with pytest.raises(RefusedError) as raised:
        adopted_values(Left(names(staging)), staging, adopt=False)
    message = str(raised.value)
    for line in (f'"{KEY}": "{KEYS[0]}"', f'"{SECRET}": "{SECRET_ARN}"', f'"{TABLES}": "EXISTING"'):
        assert f"\n  {line}  (" in message
    assert "Use them: `apply --adopt`, which writes these lines into " in message and "staging.json" in message


def test_what_was_adopted_is_in_the_file_from_then_on(tmp_path: Path, staging: Environment) -> None:
    shutil.copytree(ROOT / "params", tmp_path / "params")
    mine = environment.load("staging", ROOT / "templates", tmp_path / "params")["environment"]
    aws = Left(names(staging))
    adopted = adoption.adopted_parameters(root(aws, mine), True)
    values = mine.values(
        {parameter.name: "x" for parameter in map(_computed, mine.computed)} | {a.name: a.value for a in adopted}
    )
    assert values[KEY] == KEYS[0]
    assert recorded(aws, mine, adopted) == [f"{mine.file.path} names what is adopted from now on: commit it"]
    again = environment.load("staging", ROOT / "templates", tmp_path / "params")["environment"]
    before = json.loads((ROOT / "params/staging.json").read_text(encoding="utf-8"))
    after = json.loads((tmp_path / "params/staging.json").read_text(encoding="utf-8"))
    assert after["Parameters"] == {**before["Parameters"], **{parameter.name: parameter.value for parameter in adopted}}
    assert (after["Tags"], after["StackPolicy"]) == (before["Tags"], before["StackPolicy"])
    # The next life, and every update of this one, finds them there; nothing is asked twice.
    aws.answers["secretsmanager.describe_secret"] = {"ARN": SECRET_ARN}
    assert adopted_values(aws, again, adopt=False) == {} and not recorded(aws, again, [])
    assert not list(tmp_path.rglob("*.new"))


def _computed(name: str) -> Computed:
    return Computed(name, "x", COMPUTED, "")


def test_on_the_local_aws_the_stack_keeps_them_and_no_file_does(staging: Environment) -> None:
    aws = Left(names(staging))
    aws.endpoint = Endpoint("http://localhost:1", REGION, list)
    adopted = adoption.adopted_parameters(root(aws, staging), True)
    assert len(adopted) == 5 and not recorded(aws, staging, adopted)
    living = Stack("s", arn("stack", "s"), "CREATE_COMPLETE", parameters={KEY: KEYS[0], TABLES: "EXISTING", SECRET: ""})
    assert adopted_values(aws, staging, living) == {KEY: KEYS[0], TABLES: "EXISTING"}
    # On a real account the file is the truth: without the lines the tables would be made once more, beside themselves.
    aws.endpoint = None
    with pytest.raises(RefusedError, match='"DataTables": "EXISTING"'):
        adopted_values(aws, staging, living, adopt=False)


def living(staging: Environment, **changed: str) -> Stack:
    """The stack of an environment that has had its first release."""
    values = staging.values({**staging.first_values, "BackendBootstrap": "false"})
    return Stack(
        "s", arn("stack", "s"), "UPDATE_COMPLETE", parameters={**values, **changed}, outputs={"KeyArn": KEYS[0]}
    )


def test_a_backend_that_comes_back_uses_what_the_last_one_left(staging: Environment) -> None:
    """BackendTarget NONE and back: a new encryption secret could not read the customers' data, and nobody would say."""
    before = living(staging, BackendTarget="NONE")
    with pytest.raises(RefusedError) as raised:
        adopted_values(Left(names(staging)), staging, before, adopt=False)
    assert str(raised.value) == (
        f"Resources retained from an earlier {staging.stack} would conflict:\n"
        f'  "{TABLES}": "EXISTING"  (tables {", ".join(sorted(names(staging)))})\n'
        f'  "{SECRET}": "{SECRET_ARN}"  (secret, ENCRYPTION_KEY of the application: the seed and a final =)\n'
        f'  "{SESSIONS}": "{SESSIONS_ARN}"  (secret, JWT_SECRET_KEY of the application)\n'
        f'  "{REPOSITORY}": "{IMAGES}"  (images)\n'
        f"Use them: `apply --adopt`, which writes these lines into {staging.file.path}."
    )
    adopted = adopted_values(Left(names(staging)), staging, before)
    expected = {SECRET: SECRET_ARN, SESSIONS: SESSIONS_ARN, REPOSITORY: IMAGES, TABLES: "EXISTING"}
    assert adopted == expected, "the key is the environment's own"


def test_a_choice_of_images_stops_nobody_who_has_an_environment(staging: Environment) -> None:
    several = Left(names(staging))
    several.repositories.append(several.repository(f"{IMAGES}-older"))
    adopted = adopted_values(several, staging, living(staging, BackendTarget="NONE"))
    assert adopted == {SECRET: SECRET_ARN, SESSIONS: SESSIONS_ARN, TABLES: "EXISTING"}


def test_a_living_backend_adopts_nothing(staging: Environment) -> None:
    for before in (living(staging), living(staging, BackendTarget="BEANSTALK")):
        assert adopted_values(Left(names(staging)), staging, before, adopt=False) == {}


def test_what_is_left_under_another_key_is_refused(staging: Environment) -> None:
    before = replace(living(staging, BackendTarget="NONE"), outputs={"KeyArn": KEYS[1]})
    with pytest.raises(RefusedError) as raised:
        adopted_values(Left(names(staging)), staging, before)
    assert str(raised.value) == (
        f"What {staging.stack} has left is encrypted with {KEYS[0]}, and the environment has the key {KEYS[1]}, which "
        "alone its application may use.\n"
        "Encrypt it with the environment's key first (`aws dynamodb update-table --sse-specification`, `aws "
        "secretsmanager update-secret --kms-key-id`), or give the tables other names."
    )


def test_a_table_of_a_name_of_before_is_in_the_way(staging: Environment) -> None:
    before = living(staging, ClientsTable="another-name")
    with pytest.raises(RefusedError) as raised:
        adopted_values(Left(names(staging)), staging, before)
    assert str(raised.value) == (
        f"{staging.stack} would make tables of these names, and they exist, outside of the stack: "
        f"{staging.file.parameters['ClientsTable']}.\n"
        f'Use them, with "{TABLES}": "EXISTING" in {staging.file.path} (for all tables); or choose names that are free;'
        " or take the tables into the stack by an import (CloudFormation User Guide, import)."
    )
    assert adopted_values(Left([]), staging, before) == {}


@pytest.mark.parametrize(("tables", "manager", "refused"), [(5, "CUSTOMER", True), (5, "AWS", False), (4, "AWS", True)])
def test_tables_that_exist_are_looked_at_on_every_plan(
    staging: Environment, tables: int, manager: str, refused: bool
) -> None:
    """No resource depends on them: the update would be green, and every request would fail."""
    file = replace(staging.file, parameters={**staging.file.parameters, TABLES: "EXISTING"})
    aws = Left(names(staging)[:tables])
    aws.answers["kms.describe_key"] = {"KeyMetadata": {"KeyId": KEYS[0], "KeyState": "Enabled", "KeyManager": manager}}
    before = replace(living(staging, DataTables="EXISTING"), outputs={"KeyArn": KEYS[1]})
    if refused:
        with pytest.raises(RefusedError) as raised:
            adopted_values(aws, replace(staging, file=file), before)
        gone = [f"  {TABLES}: there is no table {name}" for name in names(staging)[tables:]]
        locked = [
            f"  {TABLES}: the table {name} is encrypted with {KEYS[0]}, which the application may not use"
            for name in names(staging)[:tables]
            if manager != "AWS"
        ]
        reason = f"{staging.file.path} names what is not in this account and region:"
        first, *problems, last = str(raised.value).splitlines()
        assert (first, sorted(problems), last) == (reason, sorted([*gone, *locked]), "Correct the file.")
    else:
        assert adopted_values(aws, replace(staging, file=file), before) == {}


def test_what_only_a_person_can_choose_is_refused(staging: Environment) -> None:
    two = Left(names(staging))
    two.repositories.append(two.repository(f"{IMAGES}-older"))
    foreign = Left(names(staging), tags=[{"Key": "Application", "Value": "another"}])
    some = ", ".join(sorted(names(staging)[:3])), ", ".join(sorted(names(staging)[3:]))
    for aws, message in (
        (
            two,
            f"{staging.stack} has left several things of one kind, from several lives:\n"
            f'  "{REPOSITORY}": "{IMAGES}"\n  "{REPOSITORY}": "{IMAGES}-older"\n'
            f"Put the right line into {staging.file.path}, and remove what nobody needs any more.",
        ),
        (
            Left(names(staging)[:3]),
            f"Of the tables of {staging.stack} there are {some[0]}, but not {some[1]}.\n"
            "Restore what is missing, or remove what is there, or give the tables other names.",
        ),
        (
            foreign,
            f"There is a table {names(staging)[0]}, and it is not one of {staging.stack}: its tags say so.\n"
            f'Give the table another name, or use what is there: "{TABLES}": "EXISTING" in {staging.file.path}.',
        ),
    ):
        with pytest.raises(RefusedError) as raised:
            adopted_values(aws, staging)
        assert str(raised.value) == message
        assert not [name for name in aws.calls() if not name.split(".")[1].startswith(("describe", "list"))]


def test_a_key_that_is_about_to_go_is_not_adopted(staging: Environment) -> None:
    assert KEY not in adopted_values(Left(names(staging), keys=[]), staging)


def test_the_file_must_not_name_what_is_not_there(staging: Environment) -> None:
    """Such as after `make local-stop`, or in another account."""
    choices = {KEY: KEYS[0], SECRET: SECRET_ARN, REPOSITORY: "gone", TABLES: "EXISTING"}
    file = replace(staging.file, parameters={**staging.file.parameters, **choices})
    aws = Left(names(staging)[:4], keys=[])
    aws.answers["ecr.describe_repositories"] = refusal("x", "RepositoryNotFoundException")
    with pytest.raises(RefusedError) as raised:
        adopted_values(aws, replace(staging, file=file))
    assert str(raised.value).splitlines() == [
        f"{staging.file.path} names what is not in this account and region:",
        f"  {KEY}: there is no enabled key {KEYS[0]}",
        f"  {SECRET}: there is no secret {SECRET_ARN}",
        f"  {REPOSITORY}: there is no repository gone",
        f"  {TABLES}: there is no table {names(staging)[4]}",
        "Correct the file.",
    ]


def test_a_root_that_holds_no_data_has_nothing_to_adopt() -> None:
    shared = environment.load("staging", ROOT / "templates", ROOT / "params")["shared"]
    assert adopted_values(Prepared(), shared) == {}
