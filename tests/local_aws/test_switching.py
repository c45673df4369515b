"""A living environment whose backend moves to another target, and goes: what AWS does by itself, and what
the command does. It was born on Elastic Beanstalk, whose rules are the first of its load balancer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.local_aws import faults
from tests.local_aws.commanded import Commanded

pytestmark = [pytest.mark.soak, pytest.mark.long]
BACK = "UPDATE_ROLLBACK_COMPLETE"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Commanded:
    """An environment on Elastic Beanstalk that has had its first release."""
    created = Commanded(tmp_path_factory.mktemp("beanstalk"), "beanstalk")
    created.applied()
    created.released()
    created.applied()
    return created


@pytest.fixture
def living(environment: Commanded) -> Iterator[Commanded]:
    """The same, with its own templates."""
    yield environment
    environment.folder = environment.home


def call(living: Commanded, service: str, operation: str, /, **arguments: Any) -> Any:
    return living.account.services.call(service, operation, arguments)


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


def test_the_backend_goes(living: Commanded) -> None:
    """P9: what CloudFront holds on to stays behind, and P8: is told with the commands that remove it. That it comes
    back is in the matrix."""
    faulty = living.whose.endpoint
    faults.behave(faulty, interface_seconds=3600)
    try:
        says = living.agreed(BackendTarget="NONE")
    finally:
        faults.behave(faulty, interface_seconds=0)
    assert "not deleted, and in no stack any more" in says and "AWS::EC2::VPC vpc-" in says
    status = living.command("status").stdout
    assert "still in vpc-" in status and "until CloudFront takes it away" in status
