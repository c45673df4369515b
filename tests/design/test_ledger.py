"""The permission ledger as it is committed: every role, who may assume it, what it may do, and why."""

from generator.cfn.templates import TemplateSet
from generator.gate import ledger, permissions_page
from tests.support.design import ROOT


def test_every_permission_is_in_the_ledger(templates: TemplateSet) -> None:
    text = (ROOT / "docs" / "permissions-ledger.md").read_text(encoding="utf-8")
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


def test_the_index_has_every_role_and_policy_and_a_page_a_row_for_each_statement(templates: TemplateSet) -> None:
    pages = permissions_page.pages(templates)
    docs = ROOT / "docs"
    assert {path: (docs / path).read_text(encoding="utf-8") for path in pages} == pages
    index = pages.pop("permissions.md")
    assert {f"permissions/{file.name}" for file in (docs / "permissions").glob("*.md")} == set(pages)
    assert len(index.splitlines()) < 80  # what a person reads
    at_a_glance, others = index.split("## Other policies")
    rows = [line for line in at_a_glance.splitlines() if line.startswith("| [`")]
    roles = {resource.address for resource in templates.resources("AWS::IAM::Role")}
    assert {row.split("`")[1] for row in rows} == roles
    assert all(row.rsplit("|", 2)[1].strip() not in ("", "0") for row in rows)
    holders = {permission.holder for permission in ledger.lines(templates)}
    assert {line.split("`")[1] for line in others.splitlines() if line.startswith("| [`")} == holders - roles
    for holder in holders:
        path = f"permissions/{holder.partition('.')[0]}.md"
        assert f"[`{holder}`]({path}#{holder.replace('.', '').lower()})" in index
        assert f"\n## {holder}\n" in pages[path]
    text = "".join(pages.values())
    statements = [line for line in text.splitlines() if "| Allow |" in line or "| Deny |" in line]
    in_ledger = len(ledger.lines(templates))
    assert len(statements) < in_ledger / 3
    for permission in ledger.lines(templates):
        for action in permission.actions:
            assert action in text
