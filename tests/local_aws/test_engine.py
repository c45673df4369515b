"""Every path of an operation on stacks, told by all of its events in the order in which they came: created, updated,
rolled back, continued, cancelled, imported and deleted, in nested stacks as well."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.local_aws import engine, provision
from scripts.local_aws.faults import ResourceFault
from scripts.local_aws.services import ResourceError
from scripts.local_aws.values import Stack
from tests.local_aws.own import Own, lines

STACK, NOTE, BUCKET, TOPIC = "AWS::CloudFormation::Stack", "AWS::SSM::Parameter", "AWS::S3::Bucket", "AWS::SNS::Topic"


def note(value: Any = "one", name: str = "", **attributes: Any) -> dict[str, Any]:
    """A parameter of Systems Manager: its value is changed in place, its name by a replacement."""
    named = {"Name": name} if name else {}
    return {"Type": NOTE, "Properties": {"Type": "String", "Value": value, **named}, **attributes}


def body(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def nested(own: Own, name: str, template: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """A nested stack of a template, which is uploaded."""
    return {"Type": STACK, "Properties": {"TemplateURL": own.put(f"{name}.json", template)}, **attributes}


def tree(own: Own, inner: str = "one", outer: str = "one", **more: Any) -> dict[str, Any]:
    """A root with a nested stack and a resource that needs an output of it; `more` are resources of the nested one."""
    child = body(Inner=note(inner), **more)
    child["Outputs"] = {"Name": {"Value": {"Ref": "Inner"}}}
    return body(Child=nested(own, "child", child), Outer=note({"Fn::Sub": f"{outer} ${{Child.Outputs.Name}}"}))


def test_steps_are_done_to_their_end_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps: list[float] = []
    monkeypatch.setattr("time.sleep", sleeps.append)
    looks = iter([False, False, True])

    def steps() -> provision.Steps[str]:
        yield lambda: next(looks)
        yield provision.at_once
        return "done"

    assert engine.finish(steps()) == "done"
    assert next(looks, None) is None and sleeps == [0.02, 0.02]


def test_only_what_does_not_end_well_is_cancelled() -> None:
    def ends_well() -> provision.Steps[None]:
        with suppress(ResourceError):
            yield provision.at_once

    def ends() -> provision.Steps[None]:
        yield provision.at_once

    def goes_on() -> provision.Steps[None]:
        yield from ends_well()
        yield from ends()

    active = {name: (steps, next(steps)) for name, steps in (("a", ends_well()), ("b", goes_on()), ("c", ends()))}
    run: Any = SimpleNamespace(_ordered=lambda _, names: sorted(names))
    assert engine.Run._cancel(run, Stack.__new__(Stack), active, "create") == ["b", "c"]
    assert [next(steps, "ended") for steps, _ in active.values()] == ["ended"] * 3


# -- creation


def test_a_creation_begins_each_resource_when_what_it_needs_is_done(own: Own) -> None:
    template = tree(own)
    template["Conditions"] = {"Never": {"Fn::Equals": ["a", "b"]}}
    template["Resources"]["Left"] = note(Condition="Never")
    template["Resources"]["Last"] = note(DependsOn=["Outer", "Left"])
    template["Outputs"] = {
        "Name": {"Value": {"Ref": "Outer"}, "Description": "where it is"},
        "Left": {"Value": {"Ref": "Left"}, "Condition": "Never"},
    }
    assert own.do("create_stack", "app", template) == lines("""
        stack app CREATE_IN_PROGRESS User Initiated
        app/Child CREATE_IN_PROGRESS
        app/Child CREATE_IN_PROGRESS Resource creation Initiated
        stack app/Child CREATE_IN_PROGRESS
        app/Child/Inner CREATE_IN_PROGRESS
        app/Child/Inner CREATE_IN_PROGRESS Resource creation Initiated
        app/Child/Inner CREATE_COMPLETE
        stack app/Child CREATE_COMPLETE
        app/Child CREATE_COMPLETE
        app/Outer CREATE_IN_PROGRESS
        app/Outer CREATE_IN_PROGRESS Resource creation Initiated
        app/Outer CREATE_COMPLETE
        app/Last CREATE_IN_PROGRESS
        app/Last CREATE_IN_PROGRESS Resource creation Initiated
        app/Last CREATE_COMPLETE
        stack app CREATE_COMPLETE
        """)
    assert own.stack("app")["Outputs"] == [
        {"OutputKey": "Name", "OutputValue": "app-Outer-#2", "Description": "where it is"}
    ]
    assert own.stack(own.child("app", "Child"))["Outputs"] == [
        {"OutputKey": "Name", "OutputValue": "app-Child-#4-Inner-#6"}
    ]


FATES = {
    "Gone": note(DependsOn="Stays", DeletionPolicy="Delete"),
    "Stays": note(DeletionPolicy="Retain"),
    "Unless": note(DeletionPolicy="RetainExceptOnCreate"),
    "Zz": note("late", DependsOn=["Gone", "Unless"]),
}


def test_a_failed_creation_is_rolled_back_backwards_and_what_is_to_be_retained_stays(own: Own) -> None:
    with own.failing(ResourceFault("create", "app/Zz", reason="no room", refused=True)):
        assert own.do("create_stack", "app", body(**FATES)) == lines("""
            stack app CREATE_IN_PROGRESS User Initiated
            app/Unless CREATE_IN_PROGRESS
            app/Stays CREATE_IN_PROGRESS
            app/Unless CREATE_IN_PROGRESS Resource creation Initiated
            app/Unless CREATE_COMPLETE
            app/Stays CREATE_IN_PROGRESS Resource creation Initiated
            app/Stays CREATE_COMPLETE
            app/Gone CREATE_IN_PROGRESS
            app/Gone CREATE_IN_PROGRESS Resource creation Initiated
            app/Gone CREATE_COMPLETE
            app/Zz CREATE_IN_PROGRESS
            app/Zz CREATE_FAILED no room
            stack app ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Zz]. Rollback requested
                by user.
            app/Gone DELETE_IN_PROGRESS
            app/Unless DELETE_IN_PROGRESS
            app/Gone DELETE_COMPLETE
            app/Stays DELETE_SKIPPED
            app/Unless DELETE_COMPLETE
            stack app ROLLBACK_COMPLETE
            """)
    assert own.statuses("app") == {}
    assert own.stack("app")["Outputs"] == []


def test_what_a_creation_made_goes_even_though_it_is_to_be_retained_with_retain_except_on_create(own: Own) -> None:
    with own.failing(ResourceFault("create", "app/Zz", reason="no room", refused=True)):
        assert own.do("create_stack", "app", body(**FATES), RetainExceptOnCreate=True)[-8:] == lines("""
            stack app ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Zz]. Rollback requested
                by user.
            app/Gone DELETE_IN_PROGRESS
            app/Unless DELETE_IN_PROGRESS
            app/Gone DELETE_COMPLETE
            app/Stays DELETE_IN_PROGRESS
            app/Unless DELETE_COMPLETE
            app/Stays DELETE_COMPLETE
            stack app ROLLBACK_COMPLETE
            """)


@pytest.mark.parametrize("words", [{"DisableRollback": True}, {"OnFailure": "DO_NOTHING"}])
def test_a_failed_creation_without_a_rollback_stays_as_it_is_until_it_is_rolled_back(
    own: Own, words: dict[str, Any]
) -> None:
    with own.failing(ResourceFault("create", "app/Zz", reason="no room")):
        assert own.do("create_stack", "app", body(**FATES), **words)[-2:] == lines("""
            app/Zz CREATE_FAILED no room
            stack app CREATE_FAILED The following resource(s) failed to create: [Zz].
            """)
    assert own.statuses("app") == {
        "Stays": "CREATE_COMPLETE",
        "Unless": "CREATE_COMPLETE",
        "Gone": "CREATE_COMPLETE",
        "Zz": "CREATE_FAILED",
    }
    assert own.do("rollback_stack", "app") == lines("""
        stack app DELETE_IN_PROGRESS User Initiated
        app/Zz DELETE_IN_PROGRESS
        app/Zz DELETE_COMPLETE
        app/Gone DELETE_IN_PROGRESS
        app/Unless DELETE_IN_PROGRESS
        app/Gone DELETE_COMPLETE
        app/Stays DELETE_SKIPPED
        app/Unless DELETE_COMPLETE
        stack app DELETE_COMPLETE
        """)


def test_a_creation_that_failed_is_rolled_back_with_all_that_it_made_when_it_is_said_so(own: Own) -> None:
    with own.failing(ResourceFault("create", "app/Zz", reason="no room")):
        own.do("create_stack", "app", body(**FATES), DisableRollback=True)
    assert own.do("rollback_stack", "app", RetainExceptOnCreate=True) == lines("""
        stack app DELETE_IN_PROGRESS User Initiated
        app/Zz DELETE_IN_PROGRESS
        app/Zz DELETE_COMPLETE
        app/Gone DELETE_IN_PROGRESS
        app/Unless DELETE_IN_PROGRESS
        app/Gone DELETE_COMPLETE
        app/Stays DELETE_IN_PROGRESS
        app/Unless DELETE_COMPLETE
        app/Stays DELETE_COMPLETE
        stack app DELETE_COMPLETE
        """)


def test_a_failed_creation_is_deleted_when_it_is_said_so(own: Own) -> None:
    with own.failing(ResourceFault("create", "app/Zz", reason="no room", refused=True)):
        assert own.do("create_stack", "app", body(**FATES), OnFailure="DELETE")[-8:] == lines("""
            app/Zz CREATE_FAILED no room
            stack app DELETE_IN_PROGRESS The following resource(s) failed to create: [Zz].
            app/Gone DELETE_IN_PROGRESS
            app/Unless DELETE_IN_PROGRESS
            app/Gone DELETE_COMPLETE
            app/Stays DELETE_SKIPPED
            app/Unless DELETE_COMPLETE
            stack app DELETE_COMPLETE
            """)


def test_a_rollback_of_a_creation_that_fails_says_what_resisted(own: Own) -> None:
    faults = (
        ResourceFault("create", "app/Zz", reason="no room", refused=True),
        ResourceFault("rollback", "app/Gone", reason="in use"),
    )
    with own.failing(*faults):
        assert own.do("create_stack", "app", body(**FATES))[-6:] == lines("""
            app/Gone DELETE_IN_PROGRESS
            app/Gone DELETE_FAILED in use
            app/Unless DELETE_IN_PROGRESS
            app/Stays DELETE_SKIPPED
            app/Unless DELETE_COMPLETE
            stack app ROLLBACK_FAILED The following resource(s) failed to delete: [Gone].
            """)
    assert own.statuses("app") == {"Gone": "DELETE_FAILED"}
    assert own.do("delete_stack", "app") == lines("""
        stack app DELETE_IN_PROGRESS User Initiated
        app/Gone DELETE_IN_PROGRESS
        app/Gone DELETE_COMPLETE
        stack app DELETE_COMPLETE
        """)


def test_a_creation_without_rollback_is_made_again_by_an_update(own: Own) -> None:
    template = body(First=note(name="/again/first"), Other=note(name="/again/other", DependsOn="First"))
    with own.failing(ResourceFault("create", "app/Other", reason="it is not there in time")):
        own.do("create_stack", "app", template, DisableRollback=True)
    assert own.statuses("app") == {"First": "CREATE_COMPLETE", "Other": "CREATE_FAILED"}
    change_set = own.plan("app", template)
    assert own.execute(change_set, DisableRollback=True) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Other DELETE_IN_PROGRESS
        app/Other DELETE_COMPLETE
        app/Other CREATE_IN_PROGRESS
        app/Other CREATE_IN_PROGRESS Resource creation Initiated
        app/Other CREATE_COMPLETE
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_COMPLETE
        """)


def test_a_failure_in_a_nested_stack_is_told_by_every_stack_above_it(own: Own) -> None:
    deep = body(Middle=nested(own, "middle", body(Leaf=note())), Beside=note())
    with own.failing(ResourceFault("create", "Leaf", reason="no room", refused=True)):
        assert own.do("create_stack", "app", deep) == lines("""
            stack app CREATE_IN_PROGRESS User Initiated
            app/Beside CREATE_IN_PROGRESS
            app/Middle CREATE_IN_PROGRESS
            app/Beside CREATE_IN_PROGRESS Resource creation Initiated
            app/Beside CREATE_COMPLETE
            app/Middle CREATE_IN_PROGRESS Resource creation Initiated
            stack app/Middle CREATE_IN_PROGRESS
            app/Middle/Leaf CREATE_IN_PROGRESS
            app/Middle/Leaf CREATE_FAILED no room
            stack app/Middle CREATE_FAILED The following resource(s) failed to create: [Leaf].
            app/Middle CREATE_FAILED Embedded stack
                arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Middle-#1/#2 was not successfully created: The
                following resource(s) failed to create: [Leaf].
            stack app ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Middle]. Rollback
                requested by user.
            app/Beside DELETE_IN_PROGRESS
            app/Middle DELETE_IN_PROGRESS
            stack app/Middle DELETE_IN_PROGRESS
            stack app/Middle DELETE_COMPLETE
            app/Middle DELETE_COMPLETE
            app/Beside DELETE_COMPLETE
            stack app ROLLBACK_COMPLETE
            """)


def test_what_is_under_way_is_cancelled_when_another_resource_fails(own: Own) -> None:
    template = body(Slow=note(), Bad=note(DependsOn="Good"), Good=note())
    slow = ResourceFault("create", "app/Slow", seconds=60)
    with own.failing(slow, ResourceFault("create", "app/Bad", reason="no room", refused=True)):
        assert own.do("create_stack", "app", template) == lines("""
            stack app CREATE_IN_PROGRESS User Initiated
            app/Slow CREATE_IN_PROGRESS
            app/Good CREATE_IN_PROGRESS
            app/Slow CREATE_IN_PROGRESS Resource creation Initiated
            app/Good CREATE_IN_PROGRESS Resource creation Initiated
            app/Good CREATE_COMPLETE
            app/Bad CREATE_IN_PROGRESS
            app/Bad CREATE_FAILED no room
            app/Slow CREATE_FAILED Resource creation cancelled
            stack app ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad, Slow]. Rollback
                requested by user.
            app/Slow DELETE_IN_PROGRESS
            app/Good DELETE_IN_PROGRESS
            app/Slow DELETE_COMPLETE
            app/Good DELETE_COMPLETE
            stack app ROLLBACK_COMPLETE
            """)


@pytest.mark.parametrize(("order", "refused"), [("ranked", "First"), ("reversed", "Other")])
def test_after_a_resource_that_is_refused_at_once_no_other_is_begun(own: Own, order: str, refused: str) -> None:
    own.behave(order=order)
    incomplete = {"Type": NOTE, "Properties": {"Type": "String"}}
    assert own.do("create_stack", "app", body(First=incomplete, Other=incomplete)) == lines(f"""
        stack app CREATE_IN_PROGRESS User Initiated
        app/{refused} CREATE_FAILED Properties validation failed for resource {refused} with message: #: required
            key [Value] not found
        stack app ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [{refused}]. Rollback requested
            by user.
        stack app ROLLBACK_COMPLETE
        """)


def test_what_is_cancelled_while_the_rest_of_an_earlier_try_goes_is_not_made_again(own: Own) -> None:
    with own.failing(ResourceFault("create", "app/Slow", reason="no room")):
        own.do("create_stack", "app", body(Slow=note()), OnFailure="DO_NOTHING")
    template = body(Slow=note(), Bad=note(DependsOn="Good"), Good=note())
    slow = ResourceFault("delete", "app/Slow", seconds=60)
    with own.failing(slow, ResourceFault("create", "app/Bad", reason="no room", refused=True)):
        assert own.do("update_stack", "app", template, DisableRollback=True) == lines("""
            stack app UPDATE_IN_PROGRESS User Initiated
            app/Slow DELETE_IN_PROGRESS
            app/Good CREATE_IN_PROGRESS
            app/Good CREATE_IN_PROGRESS Resource creation Initiated
            app/Good CREATE_COMPLETE
            app/Bad CREATE_IN_PROGRESS
            app/Bad CREATE_FAILED no room
            app/Slow DELETE_FAILED Resource update cancelled
            app/Slow CREATE_IN_PROGRESS
            app/Slow CREATE_FAILED Resource update cancelled
            stack app UPDATE_FAILED The following resource(s) failed to update: [Bad, Slow].
            """)


def test_a_creation_whose_outputs_cannot_be_worked_out_is_rolled_back(own: Own) -> None:
    template = body(Topic={"Type": TOPIC})
    template["Outputs"] = {"Parts": {"Value": {"Fn::Split": ["-", "a-b"]}}}
    assert own.do("create_stack", "app", template)[-4:] == lines("""
        stack app ROLLBACK_IN_PROGRESS Template format error: Output Parts is malformed: ['a', 'b'] is not a
            string. Rollback requested by user.
        app/Topic DELETE_IN_PROGRESS
        app/Topic DELETE_COMPLETE
        stack app ROLLBACK_COMPLETE
        """)


def test_a_nested_stack_whose_rules_are_not_met_begins_nothing(own: Own) -> None:
    assertion = {"Assert": {"Fn::Equals": ["a", "b"]}, "AssertDescription": "a is b"}
    refused = {**body(Topic={"Type": TOPIC}), "Rules": {"Same": {"Assertions": [assertion]}}}
    assert own.do("create_stack", "app", body(Child=nested(own, "refused", refused))) == lines("""
        stack app CREATE_IN_PROGRESS User Initiated
        app/Child CREATE_IN_PROGRESS
        app/Child CREATE_FAILED Template validation error: Rule Same: a is b
        stack app ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Child]. Rollback requested by user.
        app/Child DELETE_IN_PROGRESS
        stack app/Child DELETE_IN_PROGRESS
        stack app/Child DELETE_COMPLETE
        app/Child DELETE_COMPLETE
        stack app ROLLBACK_COMPLETE
        """)
    own.do("delete_stack", "app")
    own.do("create_stack", "app", body(Child=nested(own, "child", body(Topic={"Type": TOPIC}))))
    assert own.do("update_stack", "app", body(Child=nested(own, "refused", refused))) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Child UPDATE_FAILED Template validation error: Rule Same: a is b
        stack app UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Child].
        stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_ROLLBACK_COMPLETE
        """)


def test_what_the_engine_itself_cannot_do_is_a_failure_of_the_resource(
    own: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(provision, "handler", broken)
    assert own.do("create_stack", "app", body(Topic={"Type": TOPIC})) == lines("""
        stack app CREATE_IN_PROGRESS User Initiated
        app/Topic CREATE_IN_PROGRESS
        app/Topic CREATE_FAILED the local AWS itself failed: KeyError('a fault of ours')
        stack app ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Topic]. Rollback requested
            by user.
        stack app ROLLBACK_COMPLETE
        """)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (
            {"Type": BUCKET, "Properties": {"Colour": "red", "VersioningConfiguration": {}}},
            "Properties validation failed for resource Odd with message: "
            "#: extraneous key [Colour] is not permitted #/VersioningConfiguration: required key [Status] not found",
        ),
        (
            {"Type": "AWS::SQS::Queue"},
            "AWS::SQS::Queue has no row in scripts/local_aws/handlers: the local AWS cannot make it",
        ),
        (
            {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/8"}},
            'Resource handler returned message: "10.0.0.0/8 must be an IPv4 block from /16 to /28" (HandlerErrorCode: '
            "InvalidRequest)",
        ),
        (
            note({"Fn::GetAtt": ["Topic", "Colour"]}),
            "Template error: resource Topic does not support attribute type Colour in Fn::GetAtt (resource Odd)",
        ),
    ],
)
def test_properties_are_looked_at_before_the_service_is_asked(own: Own, resource: Any, reason: str) -> None:
    template = body(Odd=resource, Topic={"Type": TOPIC})
    resource["DependsOn"] = "Topic"
    assert own.do("create_stack", "app", template, OnFailure="DO_NOTHING")[-2:] == [
        f"app/Odd CREATE_FAILED {reason}",
        "stack app CREATE_FAILED The following resource(s) failed to create: [Odd].",
    ]


# -- the order of what nothing orders


def test_the_seed_decides_the_order_of_what_nothing_orders(own: Own) -> None:
    """A small letter for what is begun, a capital for what is done. What is drawn differs between operations, too."""

    def order_of(stack: str, **how: Any) -> str:
        own.behave(**how)
        events = own.do("create_stack", stack, body(**{name: note() for name in "ABCDE"}))
        steps = [event.removeprefix(f"{stack}/").split(" ", 1) for event in events[1:-1]]
        return "".join(
            name if status == "CREATE_COMPLETE" else name.lower()
            for name, status in steps
            if status in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")
        )

    assert order_of("first", order="ranked", seed=0) == "edbacEDBAC"
    assert order_of("second", order="ranked", seed=0) == "edbacEDBAC"
    assert order_of("third", order="ranked", seed=1) == "ecdabECDAB"
    assert order_of("fourth", order="reversed", seed=0) == "cabdeCABDE"
    assert order_of("fifth", order="drawn", seed=0) == "aebdcBDCAE"
    assert order_of("sixth", order="drawn", seed=0) == "cbaedBDCEA"
    assert order_of("seventh", order="drawn", seed=1) == "bedcaEADCB"


# -- updates


def test_an_update_changes_in_place_makes_replacements_first_and_cleans_up_at_the_end(own: Own) -> None:
    before = body(
        Changed=note("one"),
        Kept=note("one"),
        Moved=note(name="/update/one"),
        Retained=note(name="/update/retained", UpdateReplacePolicy="Retain"),
        Dropped=note(name="/update/dropped"),
        Left=note(name="/update/left", DeletionPolicy="Retain", DependsOn="Dropped"),
    )
    own.do("create_stack", "app", before)
    after = body(
        Changed=note("two"),
        Kept=note("one", Metadata={"a": "b"}),
        Moved=note(name="/update/two"),
        Retained=note(name="/update/retained-two", UpdateReplacePolicy="Retain"),
        Added=note("new", DependsOn="Changed"),
    )
    assert own.do("update_stack", "app", after) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Retained UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence
            creating one.
        app/Moved UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource; hence
            creating one.
        app/Changed UPDATE_IN_PROGRESS
        app/Retained UPDATE_IN_PROGRESS Resource creation Initiated
        app/Retained UPDATE_COMPLETE
        app/Moved UPDATE_IN_PROGRESS Resource creation Initiated
        app/Moved UPDATE_COMPLETE
        app/Changed UPDATE_COMPLETE
        app/Added CREATE_IN_PROGRESS
        app/Added CREATE_IN_PROGRESS Resource creation Initiated
        app/Added CREATE_COMPLETE
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        app/Retained DELETE_SKIPPED
        app/Left DELETE_SKIPPED
        app/Moved DELETE_IN_PROGRESS
        app/Dropped DELETE_IN_PROGRESS
        app/Dropped DELETE_COMPLETE
        app/Moved DELETE_COMPLETE
        stack app UPDATE_COMPLETE
        """)
    assert own.statuses("app") == {
        "Moved": "UPDATE_COMPLETE",
        "Changed": "UPDATE_COMPLETE",
        "Retained": "UPDATE_COMPLETE",
        "Kept": "CREATE_COMPLETE",
        "Added": "CREATE_COMPLETE",
    }
    named = own.client("ssm").describe_parameters()["Parameters"]
    assert sorted(each["Name"] for each in named if each["Name"].startswith("/update/")) == [
        "/update/left",
        "/update/retained",
        "/update/retained-two",
        "/update/two",
    ]
    detail = own.call("describe_stack_resource", StackName="app", LogicalResourceId="Kept")["StackResourceDetail"]
    assert detail["Metadata"] == '{"a": "b"}'


def test_an_update_goes_through_nested_stacks_and_cleans_up_when_the_root_stands(own: Own) -> None:
    own.do("create_stack", "app", tree(own, Moved=note(name="/tree/one"), Dropped=note()))
    assert own.do("update_stack", "app", tree(own, "two", Moved=note(name="/tree/two"))) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Child UPDATE_IN_PROGRESS
        stack app/Child UPDATE_IN_PROGRESS
        app/Child/Moved UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource;
            hence creating one.
        app/Child/Inner UPDATE_IN_PROGRESS
        app/Child/Moved UPDATE_IN_PROGRESS Resource creation Initiated
        app/Child/Moved UPDATE_COMPLETE
        app/Child/Inner UPDATE_COMPLETE
        stack app/Child UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        app/Child UPDATE_COMPLETE
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        app/Child/Dropped DELETE_IN_PROGRESS
        app/Child/Moved DELETE_IN_PROGRESS
        app/Child/Dropped DELETE_COMPLETE
        app/Child/Moved DELETE_COMPLETE
        stack app/Child UPDATE_COMPLETE
        stack app UPDATE_COMPLETE
        """)


def test_a_nested_stack_in_which_nothing_changed_has_no_event(own: Own) -> None:
    own.do("create_stack", "app", tree(own))
    assert own.do("update_stack", "app", tree(own, outer="two")) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Outer UPDATE_IN_PROGRESS
        app/Outer UPDATE_COMPLETE
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_COMPLETE
        """)


def test_a_nested_stack_is_added_and_removed_with_all_that_is_in_it(own: Own) -> None:
    own.do("create_stack", "app", body(Outer=note()))
    assert own.do("update_stack", "app", tree(own)) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Child CREATE_IN_PROGRESS
        app/Child CREATE_IN_PROGRESS Resource creation Initiated
        stack app/Child CREATE_IN_PROGRESS
        app/Child/Inner CREATE_IN_PROGRESS
        app/Child/Inner CREATE_IN_PROGRESS Resource creation Initiated
        app/Child/Inner CREATE_COMPLETE
        stack app/Child CREATE_COMPLETE
        app/Child CREATE_COMPLETE
        app/Outer UPDATE_IN_PROGRESS
        app/Outer UPDATE_COMPLETE
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_COMPLETE
        """)
    assert own.do("update_stack", "app", body(Outer=note())) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Outer UPDATE_IN_PROGRESS
        app/Outer UPDATE_COMPLETE
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        app/Child DELETE_IN_PROGRESS
        stack app/Child DELETE_IN_PROGRESS
        app/Child/Inner DELETE_IN_PROGRESS
        app/Child/Inner DELETE_COMPLETE
        stack app/Child DELETE_COMPLETE
        app/Child DELETE_COMPLETE
        stack app UPDATE_COMPLETE
        """)


def test_what_cannot_be_deleted_at_the_end_of_an_update_is_tried_three_times_and_left_behind(own: Own) -> None:
    own.do("create_stack", "app", body(Moved=note(name="/left/one"), Dropped=note(), Kept=note()))
    with own.failing(ResourceFault("delete", type=NOTE, reason="in use")):
        assert own.do("update_stack", "app", body(Moved=note(name="/left/two"), Kept=note())) == lines("""
            stack app UPDATE_IN_PROGRESS User Initiated
            app/Moved UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource;
                hence creating one.
            app/Moved UPDATE_IN_PROGRESS Resource creation Initiated
            app/Moved UPDATE_COMPLETE
            stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
            app/Dropped DELETE_IN_PROGRESS
            app/Dropped DELETE_FAILED in use
            app/Moved DELETE_IN_PROGRESS
            app/Moved DELETE_FAILED in use
            app/Dropped DELETE_IN_PROGRESS
            app/Dropped DELETE_FAILED in use
            app/Moved DELETE_IN_PROGRESS
            app/Moved DELETE_FAILED in use
            app/Dropped DELETE_IN_PROGRESS
            app/Dropped DELETE_FAILED in use
            app/Moved DELETE_IN_PROGRESS
            app/Moved DELETE_FAILED in use
            stack app UPDATE_COMPLETE Update successful. One or more resources could not be deleted.
            """)
    assert own.statuses("app") == {"Moved": "UPDATE_COMPLETE", "Kept": "CREATE_COMPLETE"}


def test_a_failed_update_is_undone_backwards_and_what_it_made_is_deleted(own: Own) -> None:
    before = body(Changed=note("one"), Moved=note(name="/back/one"), Dropped=note(name="/back/dropped"))
    own.do("create_stack", "app", before)
    after = body(
        Changed=note("two"),
        Moved=note(name="/back/two"),
        Added=note(name="/back/added", DeletionPolicy="RetainExceptOnCreate"),
        Retained=note(name="/back/retained", DeletionPolicy="Retain"),
        Zz=note(DependsOn=["Changed", "Moved", "Added", "Retained"]),
    )
    with own.failing(ResourceFault("create", "app/Zz", reason="no room")):
        assert own.do("update_stack", "app", after) == lines("""
            stack app UPDATE_IN_PROGRESS User Initiated
            app/Retained CREATE_IN_PROGRESS
            app/Moved UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource;
                hence creating one.
            app/Added CREATE_IN_PROGRESS
            app/Changed UPDATE_IN_PROGRESS
            app/Retained CREATE_IN_PROGRESS Resource creation Initiated
            app/Retained CREATE_COMPLETE
            app/Moved UPDATE_IN_PROGRESS Resource creation Initiated
            app/Moved UPDATE_COMPLETE
            app/Added CREATE_IN_PROGRESS Resource creation Initiated
            app/Added CREATE_COMPLETE
            app/Changed UPDATE_COMPLETE
            app/Zz CREATE_IN_PROGRESS
            app/Zz CREATE_IN_PROGRESS Resource creation Initiated
            app/Zz CREATE_FAILED no room
            stack app UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Zz].
            app/Changed UPDATE_IN_PROGRESS
            app/Changed UPDATE_COMPLETE
            app/Moved UPDATE_COMPLETE
            stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
            app/Zz DELETE_IN_PROGRESS
            app/Zz DELETE_COMPLETE
            app/Retained DELETE_SKIPPED
            app/Added DELETE_IN_PROGRESS
            app/Moved DELETE_IN_PROGRESS
            app/Added DELETE_COMPLETE
            app/Moved DELETE_COMPLETE
            stack app UPDATE_ROLLBACK_COMPLETE
            """)
    assert own.statuses("app") == {
        "Moved": "UPDATE_COMPLETE",
        "Changed": "UPDATE_COMPLETE",
        "Dropped": "CREATE_COMPLETE",
    }
    shown = own.client("ssm").describe_parameters()["Parameters"]
    assert sorted(each["Name"] for each in shown if each["Name"].startswith("/back/")) == [
        "/back/dropped",
        "/back/one",
        "/back/retained",
    ]
    assert own.do("update_stack", "app", body(Changed=note("three"))) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Changed UPDATE_IN_PROGRESS
        app/Changed UPDATE_COMPLETE
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        app/Moved DELETE_IN_PROGRESS
        app/Dropped DELETE_IN_PROGRESS
        app/Moved DELETE_COMPLETE
        app/Dropped DELETE_COMPLETE
        stack app UPDATE_COMPLETE
        """)


def test_a_failed_update_is_undone_in_every_nested_stack(own: Own) -> None:
    own.do("create_stack", "app", tree(own, Moved=note(name="/deep/one")))
    changed = tree(own, "two", "two", Moved=note(name="/deep/two"), Added=note())
    changed["Resources"]["Grown"] = nested(own, "grown", body(Leaf=note(DeletionPolicy="RetainExceptOnCreate")))
    changed["Resources"]["Outer"]["DependsOn"] = "Grown"
    with own.failing(ResourceFault("update", "app/Outer", reason="no room", times=1)):
        assert own.do("update_stack", "app", changed) == lines("""
            stack app UPDATE_IN_PROGRESS User Initiated
            app/Grown CREATE_IN_PROGRESS
            app/Child UPDATE_IN_PROGRESS
            stack app/Child UPDATE_IN_PROGRESS
            app/Child/Moved UPDATE_IN_PROGRESS Requested update requires the creation of a new physical
                resource; hence creating one.
            app/Child/Added CREATE_IN_PROGRESS
            app/Child/Inner UPDATE_IN_PROGRESS
            app/Grown CREATE_IN_PROGRESS Resource creation Initiated
            stack app/Grown CREATE_IN_PROGRESS
            app/Grown/Leaf CREATE_IN_PROGRESS
            app/Grown/Leaf CREATE_IN_PROGRESS Resource creation Initiated
            app/Grown/Leaf CREATE_COMPLETE
            stack app/Grown CREATE_COMPLETE
            app/Grown CREATE_COMPLETE
            app/Child/Moved UPDATE_IN_PROGRESS Resource creation Initiated
            app/Child/Moved UPDATE_COMPLETE
            app/Child/Added CREATE_IN_PROGRESS Resource creation Initiated
            app/Child/Added CREATE_COMPLETE
            app/Child/Inner UPDATE_COMPLETE
            stack app/Child UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
            app/Child UPDATE_COMPLETE
            app/Outer UPDATE_IN_PROGRESS
            app/Outer UPDATE_FAILED no room
            stack app UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Outer].
            stack app/Child UPDATE_ROLLBACK_IN_PROGRESS
            app/Outer UPDATE_IN_PROGRESS
            app/Outer UPDATE_COMPLETE
            app/Child/Inner UPDATE_IN_PROGRESS
            app/Child/Inner UPDATE_COMPLETE
            app/Child/Moved UPDATE_COMPLETE
            app/Child UPDATE_COMPLETE
            stack app/Child UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
            stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
            app/Grown DELETE_IN_PROGRESS
            stack app/Grown DELETE_IN_PROGRESS
            app/Grown/Leaf DELETE_IN_PROGRESS
            app/Child/Added DELETE_IN_PROGRESS
            app/Child/Moved DELETE_IN_PROGRESS
            app/Grown/Leaf DELETE_COMPLETE
            stack app/Grown DELETE_COMPLETE
            app/Grown DELETE_COMPLETE
            app/Child/Added DELETE_COMPLETE
            app/Child/Moved DELETE_COMPLETE
            stack app/Child UPDATE_ROLLBACK_COMPLETE
            stack app UPDATE_ROLLBACK_COMPLETE
            """)
    assert own.statuses(own.child("app", "Child")) == {"Inner": "UPDATE_COMPLETE", "Moved": "UPDATE_COMPLETE"}


def resisting(own: Own) -> list[str]:
    """An update that failed and whose rollback fails at two resources, one of them in a nested stack."""
    own.do("create_stack", "app", tree(own))
    changed = tree(own, "two", "two")
    changed["Resources"]["Zz"] = note(DependsOn="Outer")
    faults = (
        ResourceFault("create", "app/Zz", reason="no room"),
        ResourceFault("rollback", "app/Outer", reason="no way back"),
        ResourceFault("rollback", "app/Child/Inner", reason="no way back"),
    )
    with own.failing(*faults):
        return own.do("update_stack", "app", changed)


def values(own: Own) -> list[str]:
    """The values that the service has, of the resources of the nested stack and of the root."""
    listed = own.client("ssm").get_parameters_by_path(Path="/", Recursive=True)["Parameters"]
    return sorted(str(parameter["Value"]).split()[0] for parameter in listed)


def test_a_rollback_that_fails_says_in_each_stack_what_resisted(own: Own) -> None:
    assert resisting(own) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Child UPDATE_IN_PROGRESS
        stack app/Child UPDATE_IN_PROGRESS
        app/Child/Inner UPDATE_IN_PROGRESS
        app/Child/Inner UPDATE_COMPLETE
        stack app/Child UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        app/Child UPDATE_COMPLETE
        app/Outer UPDATE_IN_PROGRESS
        app/Outer UPDATE_COMPLETE
        app/Zz CREATE_IN_PROGRESS
        app/Zz CREATE_IN_PROGRESS Resource creation Initiated
        app/Zz CREATE_FAILED no room
        stack app UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Zz].
        stack app/Child UPDATE_ROLLBACK_IN_PROGRESS
        app/Outer UPDATE_IN_PROGRESS
        app/Outer UPDATE_FAILED no way back
        app/Child/Inner UPDATE_IN_PROGRESS
        app/Child/Inner UPDATE_FAILED no way back
        app/Child UPDATE_FAILED Embedded stack arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#1/#2
            was not successfully updated. Currently in UPDATE_ROLLBACK_FAILED with reason: The following resource(s)
            failed to update: [Inner].
        stack app/Child UPDATE_ROLLBACK_FAILED The following resource(s) failed to update: [Inner].
        stack app UPDATE_ROLLBACK_FAILED The following resource(s) failed to update: [Outer, Child].
        """)
    assert own.statuses("app") == {"Child": "UPDATE_FAILED", "Outer": "UPDATE_FAILED"}


def test_a_rollback_goes_on_with_what_resisted_alone(own: Own) -> None:
    resisting(own)
    with own.failing(ResourceFault("rollback", "app/Outer", reason="still no way back")):
        assert own.do("continue_update_rollback", "app") == lines("""
            stack app UPDATE_ROLLBACK_IN_PROGRESS User Initiated
            stack app/Child UPDATE_ROLLBACK_IN_PROGRESS
            app/Outer UPDATE_IN_PROGRESS
            app/Outer UPDATE_FAILED still no way back
            app/Child/Inner UPDATE_IN_PROGRESS
            app/Child/Inner UPDATE_COMPLETE
            app/Child UPDATE_COMPLETE
            stack app/Child UPDATE_ROLLBACK_COMPLETE
            stack app UPDATE_ROLLBACK_FAILED The following resource(s) failed to update: [Outer].
            """)
    assert own.do("continue_update_rollback", "app") == lines("""
        stack app UPDATE_ROLLBACK_IN_PROGRESS User Initiated
        stack app/Child UPDATE_ROLLBACK_IN_PROGRESS
        app/Outer UPDATE_IN_PROGRESS
        app/Outer UPDATE_COMPLETE
        stack app/Child UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        app/Zz DELETE_IN_PROGRESS
        app/Zz DELETE_COMPLETE
        stack app/Child UPDATE_ROLLBACK_COMPLETE
        stack app UPDATE_ROLLBACK_COMPLETE
        """)
    assert own.statuses("app") == {"Child": "UPDATE_COMPLETE", "Outer": "UPDATE_COMPLETE"}
    assert values(own) == ["one", "one"]
    assert own.do("update_stack", "app", tree(own, "two"))[-1] == "stack app UPDATE_COMPLETE"


def test_a_rollback_goes_on_without_what_is_skipped(own: Own) -> None:
    resisting(own)
    child = own.account.find(own.child("app", "Child"))
    skipped = ["Outer", f"{child.name}.Inner"]
    assert own.do("continue_update_rollback", "app", ResourcesToSkip=skipped) == lines("""
        stack app UPDATE_ROLLBACK_IN_PROGRESS User Initiated
        stack app/Child UPDATE_ROLLBACK_IN_PROGRESS
        app/Outer UPDATE_COMPLETE Resource skipped
        app/Child/Inner UPDATE_COMPLETE Resource skipped
        app/Child UPDATE_COMPLETE
        stack app/Child UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        app/Zz DELETE_IN_PROGRESS
        app/Zz DELETE_COMPLETE
        stack app/Child UPDATE_ROLLBACK_COMPLETE
        stack app UPDATE_ROLLBACK_COMPLETE
        """)


def test_a_rollback_is_forced_past_all_that_resists(own: Own) -> None:
    resisting(own)
    faults = [ResourceFault("rollback", "app/Outer", reason="no"), ResourceFault("rollback", "Inner", reason="no")]
    with own.failing(*faults):
        events = own.do("continue_update_rollback", "app", ForceRollback=True)
    assert [event for event in events if "skipped" in event] == lines("""
        app/Outer UPDATE_COMPLETE Resource skipped
        app/Child/Inner UPDATE_COMPLETE Resource skipped
        """)
    assert events[-1] == "stack app UPDATE_ROLLBACK_COMPLETE"


def test_an_update_without_rollback_leaves_what_went_well_and_is_rolled_back_later(own: Own) -> None:
    own.do("create_stack", "app", tree(own))
    with own.failing(ResourceFault("update", "app/Outer", reason="no room")):
        assert own.do("update_stack", "app", tree(own, "two", "two"), DisableRollback=True) == lines("""
            stack app UPDATE_IN_PROGRESS User Initiated
            app/Child UPDATE_IN_PROGRESS
            stack app/Child UPDATE_IN_PROGRESS
            app/Child/Inner UPDATE_IN_PROGRESS
            app/Child/Inner UPDATE_COMPLETE
            stack app/Child UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
            app/Child UPDATE_COMPLETE
            app/Outer UPDATE_IN_PROGRESS
            app/Outer UPDATE_FAILED no room
            stack app/Child UPDATE_COMPLETE
            stack app UPDATE_FAILED The following resource(s) failed to update: [Outer].
            """)
    assert own.statuses("app") == {"Child": "UPDATE_COMPLETE", "Outer": "UPDATE_FAILED"}
    assert own.do("rollback_stack", "app") == lines("""
        stack app UPDATE_ROLLBACK_IN_PROGRESS User Initiated
        stack app/Child UPDATE_ROLLBACK_IN_PROGRESS
        app/Outer UPDATE_IN_PROGRESS
        app/Outer UPDATE_COMPLETE
        app/Child/Inner UPDATE_IN_PROGRESS
        app/Child/Inner UPDATE_COMPLETE
        app/Child UPDATE_COMPLETE
        stack app/Child UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        stack app/Child UPDATE_ROLLBACK_COMPLETE
        stack app UPDATE_ROLLBACK_COMPLETE
        """)


def test_an_update_without_rollback_that_fails_in_a_nested_stack(own: Own) -> None:
    own.do("create_stack", "app", tree(own))
    with own.failing(ResourceFault("update", "Inner", reason="no room")):
        assert own.do("update_stack", "app", tree(own, "two", "two"), DisableRollback=True) == lines("""
            stack app UPDATE_IN_PROGRESS User Initiated
            app/Child UPDATE_IN_PROGRESS
            stack app/Child UPDATE_IN_PROGRESS
            app/Child/Inner UPDATE_IN_PROGRESS
            app/Child/Inner UPDATE_FAILED no room
            stack app/Child UPDATE_FAILED The following resource(s) failed to update: [Inner].
            app/Child UPDATE_FAILED Embedded stack
                arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/app-Child-#1/#2 was not successfully updated.
                Currently in UPDATE_FAILED with reason: The following resource(s) failed to update: [Inner].
            stack app UPDATE_FAILED The following resource(s) failed to update: [Child].
            """)


def test_an_update_is_tried_again_after_one_that_failed_and_both_are_cleaned_up_after_together(own: Own) -> None:
    own.do("create_stack", "app", body(Moved=note(name="/again/one"), Other=note()))
    after = body(Moved=note(name="/again/two"), Other=note("two", DependsOn="Moved"))
    with own.failing(ResourceFault("update", "app/Other", reason="no room")):
        own.do("update_stack", "app", after, DisableRollback=True)
    assert own.execute(own.plan("app", after), DisableRollback=True) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Other UPDATE_IN_PROGRESS
        app/Other UPDATE_COMPLETE
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        app/Moved DELETE_IN_PROGRESS
        app/Moved DELETE_COMPLETE
        stack app UPDATE_COMPLETE
        """)


def test_two_updates_that_failed_are_undone_together(own: Own) -> None:
    own.do("create_stack", "app", body(First=note("one"), Other=note("one")))
    with own.failing(ResourceFault("update", "app/Other", reason="no room")):
        own.do(
            "update_stack", "app", body(First=note("two"), Other=note("two", DependsOn="First")), DisableRollback=True
        )
        again = own.plan("app", body(First=note("three"), Other=note("three", DependsOn="First")))
        own.execute(again, DisableRollback=True)
    assert own.do("rollback_stack", "app") == lines("""
        stack app UPDATE_ROLLBACK_IN_PROGRESS User Initiated
        app/Other UPDATE_IN_PROGRESS
        app/Other UPDATE_COMPLETE
        app/First UPDATE_IN_PROGRESS
        app/First UPDATE_COMPLETE
        app/Other UPDATE_IN_PROGRESS
        app/Other UPDATE_COMPLETE
        app/First UPDATE_IN_PROGRESS
        app/First UPDATE_COMPLETE
        stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_ROLLBACK_COMPLETE
        """)
    properties = {name: resource.properties["Value"] for name, resource in own.account.find("app").resources.items()}
    assert properties == {"First": "one", "Other": "one"}


# -- cancellation


def begun(own: Own, operation: str, event: str, template: dict[str, Any], **more: Any) -> None:
    """Starts an operation and waits for an event, whose line begins so."""
    before = len(own.story())
    getattr(own.cloudformation, operation)(StackName="app", TemplateBody=json.dumps(template), **more)
    until = time.monotonic() + 30
    while not any(line.startswith(event) for line in own.story(before)):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_update_that_is_cancelled_is_rolled_back(own: Own) -> None:
    own.do("create_stack", "app", body(First=note(), Slow=note(DependsOn="First"), Third=note(DependsOn="Slow")))
    before = len(own.story())
    after = body(First=note("two"), Slow=note("two", DependsOn="First"), Third=note("two", DependsOn="Slow"))
    with own.failing(ResourceFault("update", "app/Slow", seconds=60)):
        begun(own, "update_stack", "app/Slow UPDATE_IN_PROGRESS", after)
        own.call("cancel_update_stack", StackName="app")
        own.wait()
    assert own.story(before) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/First UPDATE_IN_PROGRESS
        app/First UPDATE_COMPLETE
        app/Slow UPDATE_IN_PROGRESS
        app/Slow UPDATE_FAILED Resource update cancelled
        stack app UPDATE_ROLLBACK_IN_PROGRESS User Initiated
        app/Slow UPDATE_IN_PROGRESS
        app/Slow UPDATE_COMPLETE
        app/First UPDATE_IN_PROGRESS
        app/First UPDATE_COMPLETE
        stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_ROLLBACK_COMPLETE
        """)


@pytest.mark.parametrize("last", ["First", "Second"])
def test_an_update_that_is_cancelled_when_nothing_is_under_way_begins_nothing_more(
    own: Own, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    own.do("create_stack", "app", body(First=note(), Second=note(DependsOn="First")))
    before, event = len(own.story()), Stack.event

    def cancelled_after(stack: Stack, operation: Any, resource: Any, status: str, *more: Any) -> None:
        """Somebody cancels it at the moment in which a resource is done."""
        event(stack, operation, resource, status, *more)
        if resource and (resource.logical, status) == (last, "UPDATE_COMPLETE") and not operation.undoing:
            stack.cancelled = True

    monkeypatch.setattr(Stack, "event", cancelled_after)
    own.do("update_stack", "app", body(First=note("two"), Second=note("two", DependsOn="First")))
    second = lines("""
        app/Second UPDATE_IN_PROGRESS
        app/Second UPDATE_COMPLETE
        """)
    assert own.story(before) == [
        *lines("""
            stack app UPDATE_IN_PROGRESS User Initiated
            app/First UPDATE_IN_PROGRESS
            app/First UPDATE_COMPLETE
            """),
        *(second if last == "Second" else []),
        "stack app UPDATE_ROLLBACK_IN_PROGRESS User Initiated",
        *(second if last == "Second" else []),
        *lines("""
            app/First UPDATE_IN_PROGRESS
            app/First UPDATE_COMPLETE
            stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
            stack app UPDATE_ROLLBACK_COMPLETE
            """),
    ]


def test_a_creation_that_is_deleted_on_its_way_is_cancelled_first(own: Own) -> None:
    with own.failing(ResourceFault("create", "app/Slow", seconds=60)):
        begun(
            own,
            "create_stack",
            "app/Slow CREATE_IN_PROGRESS Resource",
            body(First=note(), Slow=note(DependsOn="First")),
        )
        own.call("delete_stack", StackName="app")
        own.wait()
    assert own.story() == lines("""
        stack app CREATE_IN_PROGRESS User Initiated
        app/First CREATE_IN_PROGRESS
        app/First CREATE_IN_PROGRESS Resource creation Initiated
        app/First CREATE_COMPLETE
        app/Slow CREATE_IN_PROGRESS
        app/Slow CREATE_IN_PROGRESS Resource creation Initiated
        stack app DELETE_IN_PROGRESS User Initiated
        app/Slow CREATE_FAILED Resource creation cancelled
        app/Slow DELETE_IN_PROGRESS
        app/Slow DELETE_COMPLETE
        app/First DELETE_IN_PROGRESS
        app/First DELETE_COMPLETE
        stack app DELETE_COMPLETE
        """)


# -- deletion


def test_a_deletion_goes_backwards_and_respects_every_policy_that_retains(own: Own) -> None:
    own.do("create_stack", "app", body(**FATES))
    assert own.do("delete_stack", "app") == lines("""
        stack app DELETE_IN_PROGRESS User Initiated
        app/Zz DELETE_IN_PROGRESS
        app/Zz DELETE_COMPLETE
        app/Gone DELETE_IN_PROGRESS
        app/Unless DELETE_SKIPPED
        app/Gone DELETE_COMPLETE
        app/Stays DELETE_SKIPPED
        stack app DELETE_COMPLETE
        """)


def test_a_deletion_that_fails_says_what_resisted_and_goes_on_without_what_is_retained(own: Own) -> None:
    stack = own.cloudformation.create_stack(StackName="app", TemplateBody=json.dumps(tree(own)))["StackId"]
    own.wait()
    with own.failing(ResourceFault("delete", "Inner", reason="in use")):
        assert own.do("delete_stack", "app") == lines("""
            stack app DELETE_IN_PROGRESS User Initiated
            app/Outer DELETE_IN_PROGRESS
            app/Outer DELETE_COMPLETE
            app/Child DELETE_IN_PROGRESS
            stack app/Child DELETE_IN_PROGRESS
            app/Child/Inner DELETE_IN_PROGRESS
            app/Child/Inner DELETE_FAILED in use
            stack app/Child DELETE_FAILED The following resource(s) failed to delete: [Inner].
            app/Child DELETE_FAILED The following resource(s) failed to delete: [Inner].
            stack app DELETE_FAILED The following resource(s) failed to delete: [Child].
            """)
    assert own.do("delete_stack", stack, RetainResources=["Child"]) == lines("""
        stack app DELETE_IN_PROGRESS User Initiated
        app/Child DELETE_SKIPPED
        stack app DELETE_COMPLETE
        """)
    assert own.stack(stack)["StackStatus"] == "DELETE_COMPLETE"


def test_a_deletion_is_forced_past_what_resists(own: Own) -> None:
    own.do("create_stack", "app", tree(own))
    stack = own.account.find("app").id
    with own.failing(ResourceFault("delete", "Inner", reason="in use")):
        own.do("delete_stack", "app")
        assert own.do("delete_stack", stack, DeletionMode="FORCE_DELETE_STACK") == lines("""
            stack app DELETE_IN_PROGRESS User Initiated
            app/Child DELETE_IN_PROGRESS
            stack app/Child DELETE_IN_PROGRESS
            app/Child/Inner DELETE_IN_PROGRESS
            app/Child/Inner DELETE_FAILED in use
            app/Child/Inner DELETE_SKIPPED
            stack app/Child DELETE_COMPLETE
            app/Child DELETE_COMPLETE
            stack app DELETE_COMPLETE
            """)


def test_a_nested_stack_that_somebody_deleted_does_not_stop_the_deletion_of_its_parent(own: Own) -> None:
    own.do("create_stack", "app", tree(own))
    own.do("delete_stack", own.child("app", "Child"))
    assert own.do("delete_stack", "app") == lines("""
        stack app DELETE_IN_PROGRESS User Initiated
        app/Outer DELETE_IN_PROGRESS
        app/Outer DELETE_COMPLETE
        app/Child DELETE_IN_PROGRESS
        app/Child DELETE_COMPLETE
        stack app DELETE_COMPLETE
        """)


# -- import


def importing(own: Own, name: str, **more: Any) -> str:
    """A change set that imports a parameter, which exists."""
    own.client("ssm").put_parameter(Name=name, Value="one", Type="String", Description="old")
    entry = {"LogicalResourceId": "Note", "ResourceType": NOTE, "ResourceIdentifier": {"Name": name}}
    imported = note("one", name, DeletionPolicy="Retain")
    imported["Properties"]["Description"] = "new"
    return own.plan("app", body(Note=imported, **more), "IMPORT", ResourcesToImport=[entry])


def test_a_resource_is_imported_and_brought_to_what_the_template_says(own: Own) -> None:
    assert own.execute(importing(own, "/import/note")) == lines("""
        stack app IMPORT_IN_PROGRESS User Initiated
        app/Note IMPORT_IN_PROGRESS Resource import started.
        app/Note IMPORT_COMPLETE Resource import completed.
        app/Note UPDATE_IN_PROGRESS Apply stack-level tags to imported resource if applicable.
        app/Note UPDATE_COMPLETE
        stack app IMPORT_COMPLETE
        """)
    [shown] = own.client("ssm").describe_parameters()["Parameters"]
    assert (shown["Name"], shown["Description"]) == ("/import/note", "new")


def test_an_import_that_fails_gives_back_what_it_took(own: Own) -> None:
    change_set = importing(own, "/import/note")
    with own.failing(ResourceFault("update", "app/Note", reason="no")):
        assert own.execute(change_set) == lines("""
            stack app IMPORT_IN_PROGRESS User Initiated
            app/Note IMPORT_IN_PROGRESS Resource import started.
            app/Note IMPORT_COMPLETE Resource import completed.
            app/Note UPDATE_IN_PROGRESS Apply stack-level tags to imported resource if applicable.
            app/Note UPDATE_FAILED no
            stack app IMPORT_ROLLBACK_IN_PROGRESS The following resource(s) failed to import: [Note].
            app/Note IMPORT_ROLLBACK_COMPLETE
            stack app IMPORT_ROLLBACK_COMPLETE
            """)
    assert own.statuses("app") == {}
    assert [each["Name"] for each in own.client("ssm").describe_parameters()["Parameters"]] == ["/import/note"]


def test_what_is_gone_before_its_import_fails_it(own: Own) -> None:
    change_set = importing(own, "/import/note")
    own.client("ssm").delete_parameter(Name="/import/note")
    assert own.execute(change_set) == lines("""
        stack app IMPORT_IN_PROGRESS User Initiated
        app/Note IMPORT_IN_PROGRESS Resource import started.
        app/Note IMPORT_FAILED Resource handler returned message: "Parameter /import/note not found. (Service:
            SSM, Status Code: 400)" (HandlerErrorCode: NotFound)
        stack app IMPORT_ROLLBACK_IN_PROGRESS The following resource(s) failed to import: [Note].
        app/Note IMPORT_ROLLBACK_COMPLETE
        stack app IMPORT_ROLLBACK_COMPLETE
        """)


# -- what stops an operation


def trigger(own: Own, name: str, state: str = "OK") -> dict[str, Any]:
    """A rollback trigger: the alarm of a name, in a state."""
    cloudwatch = own.client("cloudwatch")
    if state:
        how: dict[str, Any] = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 1.0}
        more = {"MetricName": "m", "Namespace": "n", "Period": 60, "Statistic": "Sum"}
        cloudwatch.put_metric_alarm(AlarmName=name, **how, **more)
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="r")
    arn = f"arn:aws:cloudwatch:eu-central-1:{own.number}:alarm:{name}"
    return {"RollbackTriggers": [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"}]}


def test_an_alarm_stops_an_operation_before_it_begins(own: Own) -> None:
    raised = trigger(own, "raised", "ALARM")
    assert own.do("create_stack", "app", body(Note=note()), RollbackConfiguration=raised) == lines("""
        stack app CREATE_IN_PROGRESS User Initiated
        stack app ROLLBACK_IN_PROGRESS Rollback trigger arn:aws:cloudwatch:eu-central-1:ACCOUNT:alarm:raised is
            in state ALARM. Rollback requested by user.
        stack app ROLLBACK_COMPLETE
        """)
    own.do("create_stack", "other", body(Note=note()), RollbackConfiguration=trigger(own, "calm"))
    assert own.stack("other")["StackStatus"] == "CREATE_COMPLETE"
    missing = trigger(own, "missing", "")
    assert own.do("update_stack", "other", body(Note=note("two")), RollbackConfiguration=missing) == lines("""
        stack other UPDATE_IN_PROGRESS User Initiated
        stack other UPDATE_ROLLBACK_IN_PROGRESS Rollback trigger
            arn:aws:cloudwatch:eu-central-1:ACCOUNT:alarm:missing was not found.
        stack other UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        stack other UPDATE_ROLLBACK_COMPLETE
        """)


def test_an_alarm_that_is_raised_meanwhile_undoes_the_update(own: Own) -> None:
    own.do("create_stack", "app", body(First=note(), Slow=note(DependsOn="First")))
    before, after = len(own.story()), body(First=note("two"), Slow=note("two", DependsOn="First"))
    with own.failing(ResourceFault("update", "app/Slow", seconds=60)):
        begun(own, "update_stack", "app/Slow UPDATE_IN_PROGRESS", after, RollbackConfiguration=trigger(own, "watched"))
        trigger(own, "watched", "ALARM")
    own.wait()
    assert own.story(before) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/First UPDATE_IN_PROGRESS
        app/First UPDATE_COMPLETE
        app/Slow UPDATE_IN_PROGRESS
        app/Slow UPDATE_COMPLETE
        stack app UPDATE_ROLLBACK_IN_PROGRESS Rollback trigger
            arn:aws:cloudwatch:eu-central-1:ACCOUNT:alarm:watched is in state ALARM.
        app/Slow UPDATE_IN_PROGRESS
        app/Slow UPDATE_COMPLETE
        app/First UPDATE_IN_PROGRESS
        app/First UPDATE_COMPLETE
        stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_ROLLBACK_COMPLETE
        """)


def policy(*statements: dict[str, Any]) -> str:
    everything = {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}
    denials = [{"Effect": "Deny", "Principal": "*", **statement} for statement in statements]
    return json.dumps({"Statement": [everything, *denials]})


@pytest.mark.parametrize(
    ("denied", "refused"),
    [
        ({"Action": "Update:Modify", "Resource": "LogicalResourceId/Changed"}, "Changed"),
        ({"Action": "Update:Replace", "Resource": "LogicalResourceId/Moved"}, "Moved"),
        ({"Action": "Update:Delete", "Resource": "LogicalResourceId/Dropped"}, "Dropped"),
        ({"Action": "Update:Replace", "Resource": "LogicalResourceId/Changed"}, ""),
        ({"Action": "Update:*", "Resource": "*", "Condition": {"StringEquals": {"ResourceType": [BUCKET]}}}, ""),
    ],
)
def test_a_stack_policy_refuses_what_it_denies(own: Own, denied: dict[str, Any], refused: str) -> None:
    before = body(Changed=note(), Moved=note(name="/policy/one"), Dropped=note())
    own.do("create_stack", "app", before, StackPolicyBody=policy(denied))
    events = own.do("update_stack", "app", body(Changed=note("two"), Moved=note(name="/policy/two")))
    why = f"Action denied by stack policy: Statement [#2] does not allow [{denied['Action']}] for resource "
    failures = [event for event in events if "FAILED" in event and "cancelled" not in event]
    assert failures == ([f"app/{refused} UPDATE_FAILED {why}[LogicalResourceId/{refused}];"] if refused else [])
    assert events[-1] == f"stack app UPDATE_{'ROLLBACK_' if refused else ''}COMPLETE"


def test_a_stack_policy_keeps_a_nested_stack_as_one_resource(own: Own) -> None:
    denied = {"Action": "Update:Modify", "Resource": "LogicalResourceId/Child"}
    own.do("create_stack", "app", tree(own), StackPolicyBody=policy(denied))
    assert own.do("update_stack", "app", tree(own, "two")) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Child UPDATE_FAILED Action denied by stack policy: Statement [#2] does not allow [Update:Modify] for
            resource [LogicalResourceId/Child];
        stack app UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Child].
        app/Child UPDATE_COMPLETE
        stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_ROLLBACK_COMPLETE
        """)


def test_a_resource_of_which_there_cannot_be_two_is_deleted_before_its_replacement_is_made(own: Own) -> None:
    own.do("create_stack", "app", network("One"))
    assert own.do("update_stack", "app", network("Two")) == lines("""
        stack app UPDATE_IN_PROGRESS User Initiated
        app/Association UPDATE_IN_PROGRESS Requested update requires the creation of a new physical resource;
            hence creating one.
        app/Association UPDATE_IN_PROGRESS Resource creation Initiated
        app/Association UPDATE_COMPLETE
        stack app UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
        stack app UPDATE_COMPLETE
        """)
    back = network("One")
    back["Resources"]["Zz"] = note(DependsOn="Association")
    with own.failing(ResourceFault("create", "app/Zz", reason="no room", refused=True)):
        assert own.do("update_stack", "app", back) == lines("""
            stack app UPDATE_IN_PROGRESS User Initiated
            app/Association UPDATE_IN_PROGRESS Requested update requires the creation of a new physical
                resource; hence creating one.
            app/Association UPDATE_IN_PROGRESS Resource creation Initiated
            app/Association UPDATE_COMPLETE
            app/Zz CREATE_IN_PROGRESS
            app/Zz CREATE_FAILED no room
            stack app UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Zz].
            app/Association UPDATE_IN_PROGRESS Requested update requires the creation of a new physical
                resource; hence creating one.
            app/Association UPDATE_IN_PROGRESS Resource creation Initiated
            app/Association UPDATE_COMPLETE
            stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
            stack app UPDATE_ROLLBACK_COMPLETE
            """)
    with own.failing(ResourceFault("delete", "app/Association", reason="in use")):
        assert own.do("update_stack", "app", network("One")) == lines("""
            stack app UPDATE_IN_PROGRESS User Initiated
            app/Association UPDATE_IN_PROGRESS Requested update requires the creation of a new physical
                resource; hence creating one.
            app/Association UPDATE_FAILED in use
            stack app UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Association].
            app/Association UPDATE_COMPLETE
            stack app UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS
            stack app UPDATE_ROLLBACK_COMPLETE
            """)


def network(table: str) -> dict[str, Any]:
    """A network whose subnet has one of two route tables."""
    vpc = {"VpcId": {"Ref": "Vpc"}}
    association = {"SubnetId": {"Ref": "Subnet"}, "RouteTableId": {"Ref": table}}
    return body(
        Vpc={"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
        Subnet={"Type": "AWS::EC2::Subnet", "Properties": {**vpc, "CidrBlock": "10.0.0.0/24"}},
        One={"Type": "AWS::EC2::RouteTable", "Properties": vpc},
        Two={"Type": "AWS::EC2::RouteTable", "Properties": vpc},
        Association={"Type": "AWS::EC2::SubnetRouteTableAssociation", "Properties": association},
    )
