"""The permission ledger as it is committed: every role, who may assume it, what it may do, and why."""

from generator.cfn.templates import TemplateSet
from generator.gate import ledger

from .support import ROOT


def test_every_permission_is_in_the_ledger(templates: TemplateSet) -> None:
    text = (ROOT / "docs" / "permissions.md").read_text(encoding="utf-8")
    assert ledger.markdown(templates) == text
    written = ledger.read(text)
    assert [one for one in written if not one.reason] == []
    roles = {one.address for one in templates.resources("AWS::IAM::Role")}
    assert len(roles) > 12
    # Who may assume each, and what it may do: inline, or by the policies that are attached to it.
    assert roles == {one.holder for one in written if one.kind == "trust"}
    attached = {one.address for one in templates.resources("AWS::IAM::Role") if one.get("ManagedPolicyArns")}
    assert roles == {one.holder for one in written if one.kind == "identity"} & roles | attached
