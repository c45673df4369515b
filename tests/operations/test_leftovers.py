"""What killed or disturbed runs leave, what is not theirs, and what an update or a deletion left out of its stack."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from generator.cfn.stacks import Stack
from scripts.deployment import stacks
from scripts.deployment.errors import AwsError
from scripts.deployment.stacks import OURS
from scripts.operations import leftovers, origin
from scripts.operations.teardown.teardown import ORIGIN_GROUP, VPC
from tests.support.service import ME, Prepared, arn, refusal

STAGING = "dashboard-staging"


def test_only_our_own_leftovers_are_removed() -> None:
    """Not what somebody else made, nor a plan that somebody may be looking at."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    us, ended = origin.this_run(ME.arn), replace(origin.this_run(ME.arn), process=gone.pid)
    now, old = datetime.now(UTC), datetime.now(UTC) - timedelta(hours=2)
    names = ("1", "1-Storage", "0", "2", "3", "4", "5")
    mine, child, done, looked, away, stale, other = (
        {
            "ChangeSetId": arn("changeSet", f"{OURS}{name}"),
            "ChangeSetName": f"{OURS}{name}",
            "Description": f"{ended}; commit 0",
            "CreationTime": now,
        }
        for name in names
    )
    away_from_here = {"Description": str(replace(ended, machine="0" * 8))}
    aws = Prepared(cloudformation__delete_change_set={})
    aws.answers["cloudformation.list_change_sets"] = {
        "Summaries": [
            mine,
            child | {"ParentChangeSetId": mine["ChangeSetId"]},
            done | {"ExecutionStatus": "EXECUTE_COMPLETE"},
            looked | {"Description": str(us)},
            away | away_from_here,
            stale | away_from_here | {"CreationTime": old},
            other | {"ChangeSetName": "somebodys"},
        ]
    }
    executed = arn("changeSet", f"{OURS}9")
    assert origin.clear_change_sets(aws, Stack(STAGING, arn("stack", STAGING), "", change_set=executed)) == 3
    removed = [request["ChangeSetName"] for name, request in aws.asked if name.endswith("delete_change_set")]
    assert removed == [mine["ChangeSetId"], stale["ChangeSetId"], executed]
    aws.answers["cloudformation.list_change_sets"] = {"Summaries": []}
    others = Stack(STAGING, arn("stack", STAGING), "", change_set=arn("changeSet", "x"))
    assert origin.clear_change_sets(aws, others) == 0


def test_an_executed_change_set_may_stay_as_a_record() -> None:
    kept = {"cloudformation__delete_change_set": refusal("x", "InvalidChangeSetStatus")}
    stacks.delete_change_set(Prepared(cloudformation__delete_change_set=refusal("x", "ChangeSetNotFound")), "deploy-1")
    executed = {"ExecutionStatus": "EXECUTE_COMPLETE"}
    stacks.delete_change_set(Prepared(**kept, cloudformation__describe_change_set=executed), "deploy-1")
    for service in (
        Prepared(**kept, cloudformation__describe_change_set={"ExecutionStatus": "AVAILABLE"}),
        Prepared(cloudformation__delete_change_set=refusal("x", "AccessDenied")),
    ):
        with pytest.raises(AwsError):
            stacks.delete_change_set(service, "deploy-1")


REQUEST = {"StackName": STAGING, "ChangeSetName": f"{OURS}0-1", "ChangeSetType": "CREATE", "ClientToken": f"{OURS}0-1"}


def test_a_change_set_whose_creation_was_sent_twice_is_the_one_of_the_first_time() -> None:
    change_set = {"ChangeSetId": arn("changeSet", "1"), "StackId": arn("stack", STAGING)}
    aws = Prepared(
        cloudformation__create_change_set=refusal("x", "AlreadyExistsException"),
        cloudformation__describe_change_set=change_set,
    )
    assert stacks.create_change_set(aws, **REQUEST) == {
        "Id": change_set["ChangeSetId"],
        "StackId": change_set["StackId"],
    }
    assert aws.asked[1][1] == {"StackName": STAGING, "ChangeSetName": REQUEST["ChangeSetName"]}
    with pytest.raises(AwsError, match="LimitExceeded"):
        stacks.create_change_set(Prepared(cloudformation__create_change_set=refusal("x", "LimitExceeded")), **REQUEST)


def interrupted(**_: Any) -> Any:
    raise KeyboardInterrupt


def test_ctrl_c_stays_an_interrupt_when_what_it_left_cannot_be_taken_away() -> None:
    """It may be the network that made somebody wait too long."""
    aws = Prepared(
        cloudformation__create_change_set=interrupted,
        cloudformation__delete_change_set=refusal("x", "EndpointConnectionError"),
    )
    with pytest.raises(KeyboardInterrupt):
        stacks.create_change_set(aws, **REQUEST)


def test_what_ctrl_c_may_have_left_is_taken_away() -> None:
    aws = Prepared(
        cloudformation__create_change_set=interrupted,
        cloudformation__delete_change_set={},
        cloudformation__describe_stacks=refusal("x", "ValidationError", "x does not exist"),
    )
    with pytest.raises(KeyboardInterrupt):
        stacks.create_change_set(aws, **REQUEST)
    assert aws.calls()[1:] == ["cloudformation.delete_change_set", "cloudformation.describe_stacks"]


LEFT = leftovers.Leftover(("Network", "Vpc"), VPC, "vpc-1", "DependencyViolation")


def test_what_is_left_is_shown_with_its_reason_and_the_command_for_its_region() -> None:
    nested = leftovers.Leftover(("Data",), "AWS::CloudFormation::Stack", "an arn", "it was kept")
    delete = "aws cloudcontrol delete-resource --type-name AWS::EC2::VPC --identifier vpc-1"
    assert [str(line) for line in leftovers.leftover_lines([LEFT, nested], "eu-west-1")] == [
        "  not deleted, and in no stack any more:",
        "    Network > Vpc  AWS::EC2::VPC  vpc-1",
        "      reason: DependencyViolation",
        f"      remove it: {delete} --region eu-west-1",
        "    Data  AWS::CloudFormation::Stack  an arn",
        "      reason: it was kept",
        "      remove it: aws cloudformation delete-stack --stack-name 'an arn' --region eu-west-1",
    ]
    assert [*leftovers.leftover_lines([], "eu-west-1")] == []


@pytest.mark.parametrize(
    ("interfaces", "group", "there"),
    [
        ([], "default", ""),
        ([], ORIGIN_GROUP, "sg-2"),
        (["eni-1", "eni-2"], "default", "eni-1, eni-2"),
        (["eni-1"], ORIGIN_GROUP, "sg-2, eni-1"),
    ],
)
def test_a_network_is_in_the_way_while_something_of_cloudfront_is_in_it(
    interfaces: list[str], group: str, there: str
) -> None:
    groups = [{"GroupId": "sg-1", "GroupName": "default"}, {"GroupId": "sg-2", "GroupName": group}]
    aws = Prepared(
        ec2__describe_network_interfaces={"NetworkInterfaces": [{"NetworkInterfaceId": name} for name in interfaces]},
        ec2__describe_security_groups={"SecurityGroups": groups},
    )
    other = leftovers.Leftover(("Data",), "AWS::SNS::Topic", "topic", "it was kept")
    after = "  the commands work after that, in their order; `status` says when nothing is in the way"
    assert [str(line) for line in leftovers.network_lines(aws, [other, LEFT])] == (
        [f"  still in vpc-1, until CloudFront takes it away: {there}", after]
        if there
        else ["  nothing is in vpc-1 any more: the commands work now, in their order"]
    )
    assert ("ec2.describe_network_interfaces", {"Filters": [{"Name": "vpc-id", "Values": ["vpc-1"]}]}) in aws.asked
