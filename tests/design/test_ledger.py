"""The permission ledger as it is committed: every role, who may assume it, what it may do, and why."""

from generator.cfn.templates import TemplateSet
from generator.gate import ledger
from tests.support.design import ROOT


def test_every_permission_is_in_the_ledger(templates: TemplateSet) -> None:
    text = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    assert ledger.markdown(templates) == text
    written = ledger.read(text)
    assert [item for item in written if not item.reason] == []
    roles = {resource.address for resource in templates.resources("AWS::IAM::Role")}
    assert len(roles) > 12
    # Who may assume each, and what it may do: inline, or by the policies that are attached to it.
    assert roles == {permission.holder for permission in written if permission.kind == "trust"}
    attached = {
        resource.address for resource in templates.resources("AWS::IAM::Role") if resource.get("ManagedPolicyArns")
    }
    assert roles == {permission.holder for permission in written if permission.kind == "identity"} & roles | attached
