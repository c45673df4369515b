"""Values are compared and kept as keys: two with the same content are one, whatever mappings they hold."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import pytest

from generator.cfn.difference import Change
from generator.cfn.effects import Row
from generator.cfn.evaluate import Request
from generator.cfn.instance import Instance
from generator.cfn.packaging import Packaged
from generator.cfn.reachability.account import Account, AccountResource, Principal
from generator.cfn.stacks import Stack
from generator.cfn.templates import Resource, from_bodies

TEMPLATES = from_bodies({"t": {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}})
HOLDERS: dict[str, Callable[[], Hashable]] = {
    "change": lambda: Change("changed", "resource", "t", "Q", ("P",), {"a": 1}, {"a": 2}),
    "row": lambda: Row("Size", "any", "a", "b", "c", "d", when={"A": ("x",)}, was={"B": ("y",)}),
    "request": lambda: Request("s3:GetObject", context={"a:b": "c"}),
    "instance": lambda: Instance(("A",), TEMPLATES["t"], {"a": "b"}),
    "packaged": lambda: Packaged("t", "key", "url", {"Resources": {}}),
    "account resource": lambda: AccountResource("one", "t.Q", "T", ("arn",), {"a": "b"}, {"c": {}}),
    "principal": lambda: Principal("p", "one", "t.R", "arn", tags={"a": "b"}),
    "account": lambda: Account((), (), (), {"arn": ()}),
    "stack": lambda: Stack("s", "id", "CREATE_COMPLETE", outputs={"a": "b"}, parameters={"c": "d"}, tags={"e": "f"}),
    "resource": lambda: Resource("t", "Q", {"Type": "AWS::SQS::Queue"}),
    "set of templates": lambda: TEMPLATES,
    "template": lambda: TEMPLATES["t"],
}


@pytest.mark.parametrize("name", HOLDERS)
def test_two_with_the_same_content_are_one(name: str) -> None:
    assert len({HOLDERS[name](), HOLDERS[name]()}) == 1
