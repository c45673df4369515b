"""Does each role have what it needs, and nothing else? The rows of `needs_rows.py` against the roles' statements."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import Any

from generator.cfn.broadening import covers
from generator.cfn.evaluate import holds, like
from generator.cfn.intrinsics import conditions_in, decide, met, outcomes, render
from generator.cfn.names import ACCESS_ROOTS
from generator.cfn.permissions import Condition, Permission, of
from generator.cfn.places import walk
from generator.cfn.role_needs.rows import MANAGED
from generator.cfn.templates import Resource, Template, TemplateSet
from generator.gate.contracts import TASK
from generator.gate.role_needs.collect import READERS, Need, needs
from generator.gate.role_needs.terms import Terms

ROLE = "AWS::IAM::Role"
ATTACHED = ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy")
CONTEXT = {"aws:ResourceAccount": "${AWS::AccountId}"}


@dataclass(frozen=True, order=True)
class Gap:
    """One disagreement: `role` is the address of the role (or of what needs one), `action` what it is about, `source`
    where the need is written or the Sid of the statement that nothing needs."""

    role: str
    action: str
    message: str
    source: str

    def __str__(self) -> str:
        return f"{self.role}: {self.message} ({self.source})"


class _Rights:
    """The statements of a role that stand under one outcome of its template's conditions."""

    def __init__(self, grants: Iterable[Permission]) -> None:
        self.grants = tuple(grants)
        self._about: dict[Need, list[Permission]] = {}  # most outcomes bring the same needs

    def about(self, need: Need) -> list[Permission]:
        """The statements that are about a need; none about a thing that no row knows, whatever `*` would match."""
        if need not in self._about:
            self._about[need] = self._judged(need)
        return self._about[need]

    def _judged(self, need: Need) -> list[Permission]:
        exact, patterns = self._written
        action = need.action.lower()
        if not action:
            return []
        named = [*exact.get(action, ()), *(grant for pattern, grant in patterns if like(pattern, action))]
        return [grant for grant in named if _serves(grant, need)]

    def meets(self, need: Need) -> bool:
        grants = self.about(need)
        return bool(grants) and all(grant.allows for grant in grants)

    @cached_property
    def _written(self) -> tuple[dict[str, list[Permission]], list[tuple[str, Permission]]]:
        """The statements by their actions in lower case, and those whose action is a pattern."""
        exact: dict[str, list[Permission]] = {}
        patterns: list[tuple[str, Permission]] = []
        for grant in self.grants:
            for action in map(str.lower, grant.actions):
                if "*" in action or "?" in action:
                    patterns.append((action, grant))
                else:
                    exact.setdefault(action, []).append(grant)
        return exact, patterns


@dataclass(frozen=True)
class _Form:
    """A role under one outcome of its template's conditions."""

    needs: tuple[Need, ...]
    rights: _Rights


def compare(templates: TemplateSet) -> list[Gap]:
    """What roles lack, and what they have and nothing needs; each gap once, sorted. Empty when all is well.

    The roles of the root `access` are left out, because nothing in the templates runs as them: the proofs of access
    hold them to the calls of the deploy script and to the resource types of the templates.

    A thing that `ROWS` does not know (a provider, a command, a setting) is a gap too, and so is a policy that is
    attached to a role from elsewhere, because only inline policies are read.
    """
    terms = Terms(templates)
    gaps = set(_elsewhere(templates))
    applications = _application_roles(terms)
    for template in (template for template in templates if template.name not in ACCESS_ROOTS):
        roles = [resource for resource in template.resources.values() if resource.type == ROLE]
        arns = {role.logical_id: f"${{{role.address}.Arn}}" for role in roles}
        forms: dict[str, list[_Form]] = {role.address: [] for role in roles}
        stated = {role.address: tuple(_stated(terms, template, role)) for role in roles}
        rights: dict[tuple[str, tuple[bool, ...]], _Rights] = {}
        needing = _Needing(terms, template)
        for outcome in outcomes(template) if roles else ():
            there = [
                resource for resource in template.resources.values() if outcome.get(resource.condition or "", True)
            ]
            needed = [need for resource in there for need in needing.under(resource, outcome)]
            by_role: dict[str, list[Need]] = {arns[role.logical_id]: [] for role in there if role.type == ROLE}
            gaps |= {_unknown(need) for need in needed if not need.action}
            gaps |= {_foreign(need) for need in needed if need.action and need.role not in by_role}
            for need in needed:
                by_role.setdefault(need.role, []).append(need)
            for role in (resource for resource in there if resource.type == ROLE):
                grants = stated[role.address]
                stands = (role.address, tuple(met(grant.when, outcome) for grant in grants))
                if stands not in rights:
                    rights[stands] = _Rights(compress(grants, stands[1]))
                form = _Form(tuple(by_role[arns[role.logical_id]]), rights[stands])
                if form not in forms[role.address]:
                    forms[role.address].append(form)
        for address, forms_of_role in forms.items():
            gaps.update(_missing(address, forms_of_role))
            gaps.update(gap for form in forms_of_role for gap in _superfluous(address, form, address in applications))
    return sorted(gaps)


class _Needing:
    """What the resources of a template need, by the outcomes of the conditions that they ask: most ask few."""

    def __init__(self, terms: Terms, template: Template) -> None:
        self._terms = terms
        self._asked = {
            resource.logical_id: sorted({*conditions_in(dict(resource.properties))})
            for resource in template.resources.values()
            if resource.type in READERS
        }
        self._found: dict[tuple[str, tuple[bool, ...]], tuple[Need, ...]] = {}

    def under(self, resource: Resource, outcome: Mapping[str, bool]) -> tuple[Need, ...]:
        """The needs of one resource."""
        if resource.logical_id not in self._asked:
            return ()
        key = (resource.logical_id, tuple(outcome[name] for name in self._asked[resource.logical_id]))
        if key not in self._found:
            required = needs(self._terms, resource, decide(dict(resource.properties), outcome))
            self._found[key] = tuple(dict.fromkeys(required))
        return self._found[key]


def _application_roles(terms: Terms) -> set[str]:
    """The roles that the application itself runs as: what they may do are facts of the application, which no row can
    know, so nothing in them is superfluous but a wrong trust. The one place that says so."""
    tasks = terms.templates.resources(TASK)
    roles = (terms.resource(terms.text(task.template, task.get("TaskRoleArn"))) for task in tasks)
    profiles = terms.templates.resources("AWS::IAM::InstanceProfile")
    of_instances = {f"{profile.template}.{profile.get('Roles', 0, 'Ref')}" for profile in profiles}
    return {role.address for role in roles if role} | of_instances


def _elsewhere(templates: TemplateSet) -> Iterator[Gap]:
    jobs = {template.name: _jobs(template) for template in templates if template.name not in ACCESS_ROOTS}
    for resource in (resource for resource in templates.resources(ROLE) if resource.template not in ACCESS_ROOTS):
        if resource.properties.get("PermissionsBoundary") not in (None, {"Ref": "PermissionsBoundaryArn"}):
            message = "has a PermissionsBoundary which this comparison does not read"
            yield Gap(resource.address, "PermissionsBoundary", message, "IAM user guide")
        yield from _managed(resource, jobs[resource.template].get(resource.logical_id, set()))
    for resource in templates.resources(*ATTACHED):
        if all(not statement.allows for statement in of(resource)) and _named_by_parameter(resource.get("Roles")):
            continue  # it forbids something to people's roles, which are none of the templates'
        for key in {"Roles", "RoleName"} & resource.properties.keys():
            message = "is attached to a role; this comparison reads inline policies alone"
            yield Gap(resource.address, key, message, "IAM user guide")


def _named_by_parameter(roles: Any) -> bool:
    """Whether a list of roles is the text of a parameter, so that none of the templates' own is in it."""
    match roles:
        case {"Fn::If": [str(), {"Fn::Split": [",", {"Ref": str()}]}, {"Ref": "AWS::NoValue"}]}:
            return True
    return False


def _jobs(template: Template) -> dict[str, set[tuple[str, str]]]:
    """What uses a resource's ARN, by the resource's logical id: resource types, and the properties that name it."""
    jobs: dict[str, set[tuple[str, str]]] = {}
    for resource in template.resources.values():
        for key, settings in resource.properties.items():
            for _, value in walk(settings):
                match value:
                    case {"Fn::GetAtt": [str() as logical_id, "Arn"]}:
                        jobs.setdefault(logical_id, set()).add((resource.type, key))
    return jobs


def _managed(role: Resource, jobs: Collection[tuple[str, str]]) -> Iterator[Gap]:
    """Whether the role has just those of AWS's own policies that `MANAGED` gives to what the role is for."""
    required = {policy: source for policy, (kind, key, source) in MANAGED.items() if (kind, key) in jobs}
    attached = {render(policy) for policy in role.get("ManagedPolicyArns", default=[])}
    for policy in sorted(attached - required.keys()):
        yield Gap(
            role.address, policy, f"has {policy} in ManagedPolicyArns, and nothing needs it", "needs_rows.MANAGED"
        )
    for policy in sorted(required.keys() - attached):
        yield Gap(role.address, policy, f"lacks {policy} in ManagedPolicyArns", required[policy])


def _stated(terms: Terms, template: Template, role: Resource) -> Iterator[Permission]:
    """The role's statements, resources and condition values in the root's terms."""

    def texts(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(terms.text(template.name, {"Fn::Sub": value}) for value in values)

    for permission in of(role):
        conditions = tuple(Condition(kind, key, texts(values)) for kind, key, values in permission.conditions)
        parts = {"resources": texts(permission.resources), "not_resources": texts(permission.not_resources)}
        yield Permission(**{**vars(permission), **parts, "conditions": conditions})


def _unknown(need: Need) -> Gap:
    message = f"{need.who} has a {need.thing}, and no row says what that needs: add it with its source"
    return Gap(need.who.split()[0], need.thing, message, "generator/cfn/role_needs/rows.py")


def _foreign(need: Need) -> Gap:
    message = f"{need.who} runs as {need.role}, which is no role of its template, so nobody can say what that may do"
    return Gap(need.who.split()[0], need.action, message, need.source)


def _missing(role: str, forms: list[_Form]) -> Iterator[Gap]:
    for form in forms:
        for need in form.needs:
            if not need.action or form.rights.meets(need):
                continue
            if need.certain or not any(other.rights.meets(need) for other in forms):
                what = f"trust in {need.service}" if need.service else f"{need.action} on {need.on}"
                yield Gap(role, need.action, f"lacks {what}, which {need.who} needs ({need.thing})", need.source)


def _superfluous(role: str, form: _Form, application: bool) -> Iterator[Gap]:
    uses: dict[Permission, list[Need]] = {grant: [] for grant in form.rights.grants}
    for need in form.needs:
        for grant in form.rights.about(need):
            uses[grant].append(need)
    for grant, used in uses.items():
        if grant.allows and grant.kind == "trust":
            yield from _unused_trust(role, grant, used)
        elif grant.allows and not application:
            yield from _unused_rights(role, grant, used)


def _unused_trust(role: str, grant: Permission, used: Sequence[Need]) -> Iterator[Gap]:
    for who in grant.principals:
        if not any(who == _principal(need) for need in used):
            yield Gap(role, "sts:AssumeRole", f"trusts {who}, and nothing that {who} does uses the role", grant.sid)


def _unused_rights(role: str, grant: Permission, used: Sequence[Need]) -> Iterator[Gap]:
    for action in grant.actions or ("NotAction",):
        if not any(like(action.lower(), need.action.lower()) for need in used):
            yield Gap(role, action, f"may {action} by {grant.sid}, and nothing needs it", grant.sid)
    for arn in grant.resources or ("NotResource",):
        if not any(_same(need.on, arn) for need in used):
            actions = ", ".join(grant.actions)
            yield Gap(role, actions, f"may do {actions} on {arn} by {grant.sid}, and nothing needs that", grant.sid)


def _serves(grant: Permission, need: Need) -> bool:
    """Whether a statement on a need's action is about the need: resource or service, and its conditions as AWS will
    send them."""
    if (grant.kind == "trust") != bool(need.service):
        return False
    if need.service and _principal(need) not in grant.principals:
        return False
    resources = not grant.resources or any(_same(need.on, arn) for arn in grant.resources)
    return resources and all(_holds(condition, {**CONTEXT, **need.when}) for condition in grant.conditions)


def _principal(need: Need) -> str:
    """Who becomes the role: a service, or another role as `AWS:` and its ARN."""
    return need.service if need.service.startswith("AWS:") else f"Service:{need.service}"


def _same(need: str, grant: str) -> bool:
    """Whether a grant is on what is needed; an action that knows no resource needs `*` itself."""
    return grant == "*" if need == "*" else covers(need, grant) or covers(grant, need)


def _holds(condition: Condition, context: Mapping[str, str]) -> bool:
    """As IAM compares; a value of which only a part is known meets what it covers."""
    value = {key.lower(): text for key, text in context.items()}.get(condition.key.lower(), "")
    return holds(condition, context) or ("*" in value and any(covers(value, pattern) for pattern in condition.values))
