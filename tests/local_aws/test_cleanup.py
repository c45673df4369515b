"""How an update goes: what replaces comes first, what is replaced or removed goes when the root stands; exceptions."""

from typing import Any

import pytest

from scripts.local_aws.faults import ResourceFault
from scripts.local_aws.values import ORDERS
from tests.local_aws.own import Own, lines
from tests.local_aws.support import Aws, failing, reasons
from tests.local_aws.trees import STACK, broken

GROUP = "AWS::Logs::LogGroup"


def tree(aws: Aws, **names: str) -> dict[str, Any]:
    """A root of nested stacks, each with a log group of the name that it is given."""
    children = {}
    for child, name in names.items():
        body = {"Resources": {"Group": {"Type": GROUP, "Properties": {"LogGroupName": name}}}}
        children[child] = {"Type": STACK, "Properties": {"TemplateURL": aws.put(f"{name}.json", body)}}
    return {"Resources": children}


def moments(aws: Aws, stack: str, logical: str) -> dict[str, Any]:
    """When a resource of a stack reached each status, last first."""
    events = [event for event in aws.events(stack) if event["LogicalResourceId"] == logical]
    return {event["ResourceStatus"]: event["Timestamp"] for event in events}


def test_nothing_is_deleted_in_any_stack_before_the_root_stands(aws: Aws) -> None:
    aws.deploy("tidy", tree(aws, First="tidy-1", Second="tidy-2", Third="tidy-3"))
    children = aws.resources("tidy")
    assert aws.deploy("tidy", tree(aws, First="tidy-4", Second="tidy-5"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    stands = moments(aws, "tidy", "tidy")["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]
    for name in ("First", "Second"):
        child = children[name]["PhysicalResourceId"]
        group = moments(aws, child, "Group")
        assert group["UPDATE_COMPLETE"] < stands < group["DELETE_IN_PROGRESS"]
        assert aws.wait(child)["StackStatus"] == "UPDATE_COMPLETE"
    assert stands < moments(aws, "tidy", "Third")["DELETE_IN_PROGRESS"]
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix="tidy-")["logGroups"]
    assert {group["logGroupName"] for group in groups} == {"tidy-4", "tidy-5"}
    aws.delete("tidy")


def test_a_nested_stack_that_cannot_be_deleted_leaves_its_parent_and_stays(aws: Aws) -> None:
    aws.deploy("rid", tree(aws, First="rid-1", Second="rid-2"))
    second = aws.resources("rid")["Second"]["PhysicalResourceId"]
    with failing(aws, ResourceFault("delete", "rid/Second/Group", reason="still in use")):
        assert aws.deploy("rid", tree(aws, First="rid-1"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert [name for name, _ in reasons(aws, "rid", "DELETE_FAILED")] == ["Second"] * 3
    assert set(aws.resources("rid")) == {"First"}
    assert aws.wait(second)["StackStatus"] == "DELETE_FAILED"
    assert aws.delete(second)["StackStatus"] == "DELETE_COMPLETE"
    aws.delete("rid")


def test_what_fails_once_is_deleted_by_the_second_try(aws: Aws) -> None:
    def template(name: str) -> dict[str, Any]:
        return {"Resources": {"Group": {"Type": GROUP, "Properties": {"LogGroupName": name}}}}

    aws.deploy("patient", template("patient-1"))
    with failing(aws, ResourceFault("delete", "patient/Group", reason="not yet", times=1)):
        assert aws.deploy("patient", template("patient-2"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert [len(reasons(aws, "patient", f"DELETE_{end}")) for end in ("FAILED", "COMPLETE")] == [1, 1]
    assert "ResourceStatusReason" not in aws.events("patient")[-1]
    aws.delete("patient")


def network(table: str) -> dict[str, Any]:
    """A network whose subnet has one of two route tables."""
    vpc = {"VpcId": {"Ref": "Vpc"}}
    association = {"SubnetId": {"Ref": "Subnet"}, "RouteTableId": {"Ref": table}}
    return {
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {**vpc, "CidrBlock": "10.0.0.0/24"}},
            "One": {"Type": "AWS::EC2::RouteTable", "Properties": vpc},
            "Two": {"Type": "AWS::EC2::RouteTable", "Properties": vpc},
            "Association": {"Type": "AWS::EC2::SubnetRouteTableAssociation", "Properties": association},
        }
    }


def tables(aws: Aws, stack: str) -> list[str]:
    """The route tables that the subnet of a stack is associated with."""
    subnet = aws.resources(stack)["Subnet"]["PhysicalResourceId"]
    filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
    return [table["RouteTableId"] for table in aws.client("ec2").describe_route_tables(Filters=filters)["RouteTables"]]


def test_the_association_of_a_route_table_is_deleted_before_the_next_is_made(aws: Aws) -> None:
    aws.deploy("routed", network("One"))
    assert aws.deploy("routed", network("Two"), "UPDATE")["StackStatus"] == "UPDATE_COMPLETE"
    assert tables(aws, "routed") == [aws.resources("routed")["Two"]["PhysicalResourceId"]]
    assert not reasons(aws, "routed", "DELETE_IN_PROGRESS"), "nothing is left for the cleanup"
    failing_update = broken(network("One"))
    failing_update["Resources"]["Zz"]["DependsOn"] = "Association"
    assert aws.deploy("routed", failing_update, "UPDATE")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert tables(aws, "routed") == [aws.resources("routed")["Two"]["PhysicalResourceId"]], "made again by the rollback"
    aws.delete("routed")


def test_when_it_cannot_be_deleted_its_replacement_is_not_made(aws: Aws) -> None:
    aws.deploy("stuck", network("One"))
    with failing(aws, ResourceFault("delete", "stuck/Association", reason="no")):
        assert aws.deploy("stuck", network("Two"), "UPDATE")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert dict(reasons(aws, "stuck", "UPDATE_FAILED"))["Association"] == "no"
    assert tables(aws, "stuck") == [aws.resources("stuck")["One"]["PhysicalResourceId"]]
    aws.delete("stuck")


# -- every event of it, in an account of the test's own

NOTE = "AWS::SSM::Parameter"


def note(name: str = "", **attributes: Any) -> dict[str, Any]:
    named = {"Name": name} if name else {}
    return {"Type": NOTE, "Properties": {"Type": "String", "Value": "x", **named}, **attributes}


CHAIN = {"First": note(), "Second": note(DependsOn="First"), "Third": note(DependsOn="Second")}


@pytest.mark.parametrize("order", ORDERS)
def test_what_an_update_drops_goes_before_what_it_needs(own: Own, order: str) -> None:
    own.do("create_stack", "app", {"Resources": {"Kept": note(), **CHAIN}})
    own.behave(order=order)
    assert own.do("update_stack", "app", {"Resources": {"Kept": note()}}) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        app/Third DELETE_IN_PROGRESS
        app/Third DELETE_COMPLETE
        app/Second DELETE_IN_PROGRESS
        app/Second DELETE_COMPLETE
        app/First DELETE_IN_PROGRESS
        app/First DELETE_COMPLETE
        stack app UPDATE_COMPLETE
        """)
    assert own.statuses("app") == {"Kept": "CREATE_COMPLETE"}


def test_what_a_failed_update_made_goes_before_what_it_needs(own: Own) -> None:
    own.do("create_stack", "app", {"Resources": {"Kept": note()}})
    last = note(DependsOn="Third")
    with own.failing(ResourceFault("create", "app/Last", reason="no room", refused=True)):
        events = own.do("update_stack", "app", {"Resources": {"Kept": note(), **CHAIN, "Last": last}})
    assert [event for event in events if "DELETE" in event] == lines("""
        app/Third DELETE_IN_PROGRESS
        app/Third DELETE_COMPLETE
        app/Second DELETE_IN_PROGRESS
        app/Second DELETE_COMPLETE
        app/First DELETE_IN_PROGRESS
        app/First DELETE_COMPLETE
        """)


def test_the_stack_of_what_is_left_behind_says_so_and_no_other(own: Own) -> None:
    def template(**inner: Any) -> dict[str, Any]:
        url = own.put("child.json", {"Resources": {"Inner": note(), **inner}})
        return {"Resources": {"Child": {"Type": STACK, "Properties": {"TemplateURL": url}}}}

    own.do("create_stack", "app", template(Stuck=note(), Gone=note(DependsOn="Stuck")))
    with own.failing(ResourceFault("delete", "Stuck", reason="in use")):
        events = own.do("update_stack", "app", template())
    assert [event for event in events if "Stuck" in event or event.startswith("stack ")] == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        stack app/Child UPDATE_IN_PROGRESS
        stack app/Child UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        app/Child/Stuck DELETE_IN_PROGRESS
        app/Child/Stuck DELETE_FAILED in use
        app/Child/Stuck DELETE_IN_PROGRESS
        app/Child/Stuck DELETE_FAILED in use
        app/Child/Stuck DELETE_IN_PROGRESS
        app/Child/Stuck DELETE_FAILED in use
        stack app/Child UPDATE_COMPLETE Update successful. One or more resources could not be deleted.
        stack app UPDATE_COMPLETE
        """)
    assert own.statuses(own.child("app", "Child")) == {"Inner": "CREATE_COMPLETE"}


def test_what_was_not_made_any_more_leaves_nothing_to_delete(own: Own) -> None:
    """A replacement that its service refused has no physical id; what it was to replace stays."""
    own.do("create_stack", "app", {"Resources": {"Moved": note("/cleanup/one")}})
    with own.failing(ResourceFault("update", "app/Moved", reason="no room", refused=True)):
        events = own.do("update_stack", "app", {"Resources": {"Moved": note("/cleanup/two")}})
    assert [event for event in events if "DELETE" in event] == []
    assert [each["Name"] for each in own.client("ssm").describe_parameters()["Parameters"]] == ["/cleanup/one"]
    assert own.account.find("app").resources["Moved"].physical == "/cleanup/one"
