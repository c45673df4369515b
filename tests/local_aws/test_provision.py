"""How one resource is made, changed, taken over and deleted: its name, its faults, what is not as it was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.local_aws import provision, validation
from scripts.local_aws.faults import ResourceFault
from scripts.local_aws.handlers import readback
from scripts.local_aws.handlers.handler import ResourceHandler
from tests.local_aws.own import Own, lines

NOTE, BUCKET, TOPIC = "AWS::SSM::Parameter", "AWS::S3::Bucket", "AWS::SNS::Topic"


def body(**resources: Any) -> dict[str, Any]:
    return {"Resources": resources}


def note(value: Any = "x", name: str = "", **attributes: Any) -> dict[str, Any]:
    named = {"Name": name} if name else {}
    return {"Type": NOTE, "Properties": {"Type": "String", "Value": value, **named}, **attributes}


def test_a_generated_name_has_the_stack_the_logical_id_and_small_letters_where_the_service_has_no_others(
    own: Own,
) -> None:
    own.do("create_stack", "App", body(Bucket={"Type": BUCKET}, Note=note(), Images={"Type": "AWS::ECR::Repository"}))
    names = {name: own.plain(each.physical) for name, each in own.account.find("App").resources.items()}
    physical = {name: each.physical for name, each in own.account.find("App").resources.items()}
    assert physical["Bucket"] == physical["Bucket"].lower() and physical["Bucket"].startswith("app-bucket-")
    assert physical["Images"] == physical["Images"].lower() and physical["Images"].startswith("app-images-")
    assert names["Note"].startswith("App-Note-#")


def test_a_secret_is_filled_in_for_the_service_alone(own: Own) -> None:
    own.client("ssm").put_parameter(Name="/word", Value="hush", Type="String")
    own.do("create_stack", "app", body(Note=note("{{resolve:ssm:/word}}!", "/filled")))
    assert own.client("ssm").get_parameter(Name="/filled")["Parameter"]["Value"] == "hush!"
    assert own.account.find("app").resources["Note"].properties["Value"] == "{{resolve:ssm:/word}}!"


def test_what_its_template_names_is_not_made_twice(own: Own) -> None:
    own.client("ssm").put_parameter(Name="/taken", Value="x", Type="String")
    assert own.do("create_stack", "app", body(Note=note(name="/taken")), OnFailure="DO_NOTHING") == lines("""
        stack app CREATE_IN_PROGRESS User Initiated
        app/Note CREATE_IN_PROGRESS
        app/Note CREATE_FAILED Resource handler returned message: "Resource of type 'AWS::SSM::Parameter' with
            identifier '/taken' already exists." (HandlerErrorCode: AlreadyExists)
        stack app CREATE_FAILED The following resource(s) failed to create: [Note].
        """)
    own.do("create_stack", "first", body(Note=note(name="/first")))
    assert own.do("create_stack", "second", body(Note=note(name="/first")), OnFailure="DO_NOTHING")[2:] == lines("""
        second/Note CREATE_FAILED Resource handler returned message: "Resource of type 'AWS::SSM::Parameter'
            with identifier '/first' already exists." (HandlerErrorCode: AlreadyExists)
        stack second CREATE_FAILED The following resource(s) failed to create: [Note].
        """)


def test_what_a_service_gives_twice_belongs_to_the_stack_that_had_it_first(own: Own) -> None:
    template = body(Topic={"Type": TOPIC, "Properties": {"TopicName": "shared"}})
    own.do("create_stack", "first", template)
    topic = own.account.find("first").resources["Topic"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "refuse_existing", lambda _: None)
        events = own.do("create_stack", "second", template, OnFailure="DO_NOTHING")
    assert events == lines("""
        stack second CREATE_IN_PROGRESS User Initiated
        second/Topic CREATE_IN_PROGRESS
        second/Topic CREATE_FAILED arn:aws:sns:eu-central-1:ACCOUNT:shared already exists in stack
            arn:aws:cloudformation:eu-central-1:ACCOUNT:stack/first/#1
        stack second CREATE_FAILED The following resource(s) failed to create: [Topic].
        """)
    assert own.account.find("second").resources["Topic"].physical == "" != topic.physical


@pytest.mark.parametrize(("refused", "there"), [(False, ["/note"]), (True, [])])
def test_a_creation_fails_after_or_before_the_service_is_asked(own: Own, refused: bool, there: list[str]) -> None:
    with own.failing(ResourceFault("create", "app/Note", reason="no", refused=refused)):
        own.do("create_stack", "app", body(Note=note(name="/note")), OnFailure="DO_NOTHING")
    assert [each["Name"] for each in own.client("ssm").describe_parameters()["Parameters"]] == there


def test_a_deletion_is_always_refused_before_the_service_is_asked(own: Own) -> None:
    own.do("create_stack", "app", body(Note=note(name="/note")))
    with own.failing(ResourceFault("delete", "app/Note", reason="no")):
        own.do("delete_stack", "app")
    assert [each["Name"] for each in own.client("ssm").describe_parameters()["Parameters"]] == ["/note"]


@pytest.mark.parametrize("verb", ["create", "update"])
def test_a_hook_refuses_a_creation_and_an_update(own: Own, verb: str) -> None:
    if verb == "update":
        own.do("create_stack", "app", body(Note=note()))
    with own.failing(ResourceFault("hook", "app/Note", reason="not here")):
        events = own.do(f"{verb}_stack", "app", body(Note=note("y", "" if verb == "update" else "/hooked")))
    assert [event for event in events if "FAILED" in event] == [
        f"app/Note {verb.upper()}_FAILED The following hook(s) failed: [Planned::Faults::Hook]"
    ]
    assert events[-1] == ("stack app ROLLBACK_COMPLETE" if verb == "create" else "stack app UPDATE_ROLLBACK_COMPLETE")
    [hooked] = [event for event in own.account.find("app").events if "HookType" in event]
    assert (hooked["ResourceStatus"], hooked["HookStatusReason"]) == (f"{verb.upper()}_IN_PROGRESS", "not here")


def test_what_the_service_does_not_hold_as_it_was_asked_for_fails(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readback, "unheld", lambda *_: {"Value": "", "Tags": "", "Type": "kept"})
    assert own.do("create_stack", "app", body(Note=note()), OnFailure="DO_NOTHING")[-2:] == lines("""
        app/Note CREATE_FAILED AWS::SSM::Parameter: the service does not hold Value, Tags as asked for
        stack app CREATE_FAILED The following resource(s) failed to create: [Note].
        """)


def test_what_is_kept_instead_of_a_property_is_remembered(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readback, "unheld", lambda *_: {"Type": "kept"})
    assert own.do("create_stack", "app", body(Note=note()))[-1] == "stack app CREATE_COMPLETE"
    assert own.account.find("app").resources["Note"].unheld == {"Type": "kept"}


def test_what_a_failed_step_did_not_change_is_not_changed_back(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    own.do("create_stack", "app", body(First=note(), Other=note(DependsOn="First")))
    changes: list[str] = []
    update = ResourceHandler.update

    def counted(handler: ResourceHandler, before: Any) -> None:
        changes.append(f"{before['Value']} -> {handler.properties['Value']}")
        update(handler, before)

    monkeypatch.setattr(ResourceHandler, "update", counted)
    with own.failing(ResourceFault("update", "app/Other", reason="no", refused=True)):
        own.do("update_stack", "app", body(First=note("y"), Other=note("z", DependsOn="First")))
    assert changes == ["x -> y", "y -> x"], "the other was never asked for, so that it is not asked for the way back"


def test_a_pace_makes_each_creation_take_its_part_of_the_usual_time(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    def at_once(seconds: float) -> provision.Wait:
        waits.append(seconds)
        return provision.at_once

    monkeypatch.setattr(provision, "elapsed", at_once)
    own.behave(pace=0.5)
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Statement": []}}}
    own.do("create_stack", "app", body(Note=note(), Role=role), Capabilities=["CAPABILITY_IAM"])
    assert sorted(waits) == [2.5, 7.5]


def test_time_that_is_over_is_over() -> None:
    assert provision.elapsed(0)() and provision.at_once()
    assert not provision.elapsed(60)()


def test_what_an_import_finds_otherwise_is_brought_to_what_the_template_says(own: Own) -> None:
    ssm = own.client("ssm")
    ssm.put_parameter(Name="/there", Value="old", Type="String", Description="kept")
    imported = note("new", "/there", DeletionPolicy="Retain")
    imported["Properties"]["Description"] = "kept"
    change_set = own.plan(
        "app", body(Note=imported), "CREATE", ImportExistingResources=True, Tags=[{"Key": "a", "Value": "b"}]
    )
    assert own.execute(change_set) == lines("""
        stack app CREATE_IN_PROGRESS User Initiated
        app/Note IMPORT_IN_PROGRESS Resource import started.
        app/Note IMPORT_COMPLETE Resource import completed.
        app/Note UPDATE_IN_PROGRESS Apply stack-level tags to imported resource if applicable.
        app/Note UPDATE_COMPLETE
        stack app CREATE_COMPLETE
        """)
    assert ssm.get_parameter(Name="/there")["Parameter"]["Value"] == "new"
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/there")["TagList"]
    assert tags == [{"Key": "a", "Value": "b"}]
    [shown] = ssm.describe_parameters()["Parameters"]
    assert shown["Description"] == "kept"
