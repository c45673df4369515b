"""A living environment whose backend changes, moves to another target, goes and comes back: what AWS does by itself,
and what the command does. It was born on Elastic Beanstalk, whose rules are the first of its load balancer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.local_aws import faults
from scripts.local_aws.beanstalk import REGIONS
from scripts.local_aws.server import ACCOUNT
from tests.local_aws.commanded import Commanded
from tests.local_aws.matrix import PLATFORM
from tests.support.accounts import REGION
from tests.support.lives import outputs

pytestmark = [pytest.mark.soak, pytest.mark.long]
COMPLETE, BACK = "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"
BEANSTALK, SECRETS = "AWS::ElasticBeanstalk::Environment", ("EncryptionSecretArn", "JwtSecretArn")
PLATFORM_ARN = f"{PLATFORM}4.12.0".replace("us-east-1", REGION)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Commanded:
    """An environment on Elastic Beanstalk that has had its first release."""
    return Commanded(tmp_path_factory.mktemp("beanstalk"), "beanstalk").with_first_release()


@pytest.fixture
def living(environment: Commanded) -> Iterator[Commanded]:
    """The same, with its own templates."""
    yield environment
    environment.folder = environment.home


def call(living: Commanded, service: str, operation: str, /, **arguments: Any) -> Any:
    return living.account.services.call(service, operation, arguments)


def test_an_environment_that_changes_takes_no_other_change(living: Commanded) -> None:
    """P5: a release runs, and the update fails at it; the command waits, and then keeps what was released."""
    start, [busy] = dict(living.values), REGIONS[ACCOUNT, REGION].environments.values()
    release = {"ApplicationName": busy.shown["ApplicationName"], "VersionLabel": "released"}
    bundle = {"S3Bucket": "bundles", "S3Key": "released.zip"}
    call(living, "elasticbeanstalk", "create_application_version", **release, SourceBundle=bundle)
    faults.behave(living.whose.endpoint, environment_seconds=3600)
    place = {"EnvironmentName": busy.shown["EnvironmentName"], "VersionLabel": "released"}
    call(living, "elasticbeanstalk", "update_environment", **place)
    faults.behave(living.whose.endpoint, environment_seconds=0)
    says = living.refused(LogLevel="DEBUG")
    assert "Elastic Beanstalk refuses a change until it is ready" in says and "--wait" in says
    happened = living.change({**start, "LogLevel": "DEBUG", "ConfigurationDigest": "8" * 16})
    assert happened.status == BACK and "Must be Ready" in " ".join(happened.failures), happened
    busy.busy_until = 0.0  # it is ready again
    living.applied(LogLevel="DEBUG")
    assert busy.shown["VersionLabel"] == "released", "neither has lost the other"
    living.applied(LogLevel="INFO")


def test_a_newer_platform_comes_by_itself_and_another_python_by_choice(living: Commanded) -> None:
    """P30: in one update, who changes an alarm would meet new instances with another platform."""
    start = dict(living.values)
    assert start["PlatformArn"].endswith("/4.12.0")
    older = f"{start['PlatformArn'].rpartition('/')[0]}/4.10.1"
    happened = living.change({**start, "PlatformArn": older})
    assert happened.status == COMPLETE, happened.failures
    both = living.change({**start, "ErrorAlarmCount": "7"})
    kinds = {living.resources()[path].kind for path, fate in both.fates.items() if fate == "changed"}
    assert both.status == COMPLETE and {BEANSTALK, "AWS::CloudWatch::Alarm"} <= kinds
    assert living.change({**start, "PlatformArn": older}).status == COMPLETE
    living.applied(ErrorAlarmCount="7")
    assert living.values["PlatformArn"] == older, "the alarm alone"
    living.applied()
    assert living.values["PlatformArn"] == start["PlatformArn"], "and the platform alone"
    says = living.agreed(PythonVersion="3.12")
    assert "the environment moves to another branch of the platform in place" in says.replace("The env", "the env")
    assert "/Python 3.12 " in living.values["PlatformArn"]
    living.agreed(PythonVersion="3.11")


def test_a_service_beside_the_rules_of_elastic_beanstalk(living: Commanded, tmp_path: Path) -> None:
    """P7: a rule of the first priority is in the way of Elastic Beanstalk's, which goes last; ours stands behind it."""
    start = dict(living.values)
    assert living.answers()
    living.edit(tmp_path, "ingress", ('"Priority": 1000', '"Priority": 1'))
    values = {"BackendTarget": "ECS", "PlatformArn": "none", "BackendBootstrap": "true", "BackendImage": "none"}
    happened = living.change({**start, **values})
    assert happened.status == BACK and "priority is in use" in " ".join(happened.failures), happened.failures
    living.folder, living.values = living.home, start
    with living.requests() as client:
        says = living.agreed(BackendTarget="ECS")
    assert "start a release as soon as the deployment has ended" in says
    assert client.sent > 50 and client.lost == 0, "the old environment goes last"


def test_elastic_beanstalk_beside_a_service(living: Commanded) -> None:
    """P6: both ports are open all the time, so the service answers until it goes; it would not through a closed one."""
    living.released()
    living.applied()
    assert living.answers()
    group = living.resources()["Network.LoadBalancerGroup"].physical
    [shown] = call(living, "ec2", "describe_security_groups", GroupIds=[group])["SecurityGroups"]
    tasks = [each for each in shown["IpPermissionsEgress"] if each["FromPort"] == 8000]
    call(living, "ec2", "revoke_security_group_egress", GroupId=group, IpPermissions=tasks)
    assert not living.answers(), "502 for everything"
    call(living, "ec2", "authorize_security_group_egress", GroupId=group, IpPermissions=tasks)
    with living.requests() as client:
        says = living.agreed(BackendTarget="BEANSTALK")
    assert "the API answers with a sample application's 404" in says
    assert client.sent > 50 and client.lost == 0, "the service goes last"


def test_a_backend_that_comes_back_takes_over_what_the_last_left(living: Commanded) -> None:
    """P1: beside the data of before, it would encrypt with another secret; the command refuses, and adopts."""
    before = {name: outputs(living.whose, living.name)[name] for name in SECRETS}
    living.agreed(BackendTarget="NONE")
    none = dict(living.values)
    says = living.refused(BackendTarget="BEANSTALK")
    assert "--adopt" in says and all(arn in says for arn in before.values())
    back = {"BackendTarget": "BEANSTALK", "DataTables": "EXISTING", "PlatformArn": PLATFORM_ARN}
    assert living.change({**none, **back}).status == COMPLETE
    others = {name: outputs(living.whose, living.name)[name] for name in SECRETS}
    assert not {*others.values()} & {*before.values()}, "what was encrypted before cannot be read"
    assert living.change(none).status == COMPLETE
    says = living.refused(BackendTarget="BEANSTALK")
    assert before[SECRETS[0]] in says and others[SECRETS[0]] in says and "--adopt" not in says, "a person knows which"
    for arn in others.values():
        call(living, "secretsmanager", "delete_secret", SecretId=arn, ForceDeleteWithoutRecovery=True)
    living.agreed("--adopt", BackendTarget="BEANSTALK")
    assert {name: outputs(living.whose, living.name)[name] for name in SECRETS} == before
    assert living.answers()


def test_the_backend_goes(living: Commanded) -> None:
    """P9: what CloudFront holds on to stays behind, and P8: is told with the commands that remove it."""
    faulty = living.whose.endpoint
    faults.behave(faulty, interface_seconds=3600)
    try:
        says = living.agreed(BackendTarget="NONE")
    finally:
        faults.behave(faulty, interface_seconds=0)
    assert "not deleted, and in no stack any more" in says and "AWS::EC2::VPC vpc-" in says
    status = living.command("status").stdout
    assert "still in vpc-" in status and "until CloudFront takes it away" in status
