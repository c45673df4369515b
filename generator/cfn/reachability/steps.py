"""What each identity could do next: every single step from who somebody is to what that lets them be, write or reach.

A step leads from a place to another: a role, a boundary that somebody could fill out, a content that somebody else
executes or believes (an artifact, a cache), or an asset. A step within IAM is taken as AWS takes it; what a build, a
pipeline or a deployment does with what was written is read off the templates (`contents.py`).

Not followed: what a person is talked into, faults of AWS and of the programs themselves, and the text of AWS's own
managed policies.
"""

from collections.abc import Iterator, Mapping

from generator.cfn.evaluate import Request, decide, matches_action
from generator.cfn.names import ACCESS_ROOTS
from generator.cfn.permissions import Permission
from generator.cfn.reachability.account import (
    BUCKET,
    MANAGED_POLICY,
    PARTITION,
    RECORD,
    Account,
    AccountResource,
    Principal,
)
from generator.cfn.reachability.contents import (
    actions_of,
    asks_approval,
    build_logs,
    client_secrets,
    contents,
    executors_of,
    is_approval,
    packaging,
    records,
    sites,
    tasks_of,
    validations,
)
from generator.cfn.reachability.rights import BOUNDARY, Allowed, Rights
from generator.cfn.reachability.terms import (
    ADMINISTRATOR,
    ADMINISTRATOR_POLICY,
    ALWAYS_ASKED,
    CHANGES_STACK,
    CRYPTO,
    DATA_READS,
    FREES_PEOPLE,
    HARMLESS,
    KEY,
    LOGS,
    MAKES_A_PART,
    MAKES_USERS,
    MAKING,
    PIPELINE,
    PROJECT,
    READING,
    REPOSITORY,
    RUNS_AS,
    RUNS_PROJECT,
    SECRET,
    TABLE,
    TAGS,
    Step,
    approved_in,
    data_of,
    domain_of,
    runs_in,
)
from generator.cfn.templates import STACK


class Steps:
    """The steps that an account allows."""

    def __init__(self, account: Account) -> None:
        self.account = account
        named = {a for p in self._statements() for a in (*p.actions, *p.not_actions) if "*" not in a and "?" not in a}
        self.actions = sorted({*named, *ALWAYS_ASKED})
        self.contents = list(contents(account))
        self.stores = frozenset(content.arn.partition("/")[0] for content in self.contents)
        self.no_data = frozenset({*self.stores, *sites(account), *build_logs(account)})
        self.unowned = [*client_secrets(account), *records(account), *validations(account)]
        self.packaging = list(packaging(account))
        self._assets: dict[str, list[tuple[str, list[str], AccountResource]]] = {}

    def _statements(self) -> Iterator[Permission]:
        for resource in self.account.resources:
            yield from resource.policy
        for role in self.account.roles:
            yield from role.identity

    def of(self, principal: Principal) -> dict[tuple[str, str, str], Step]:
        """Every step of one principal, by its key."""
        steps: dict[tuple[str, str, str], Step] = {}
        for step in _Walk(self, principal).steps():
            if step.target != step.source:
                steps.setdefault(step.key, step)
        return steps

    def of_contents(self) -> Iterator[Step]:
        """What becomes of contents, whoever wrote them."""
        for content in self.contents:
            yield from content.consumers

    def assets(self, action: str) -> list[tuple[str, list[str], AccountResource]]:
        """What an action reads or changes, whoever is allowed it: asset, ARNs to ask for, resource; the type that the
        action is about first, so that the step names it."""
        if action not in self._assets:
            service, _, verb = action.partition(":")
            resources = [*self.account.by_service.get(service, ()), *self.unowned]
            resources.sort(key=lambda resource: resource.type.rpartition("::")[2] not in verb)
            self._assets[action] = [
                (asset, [arn for arn in resource.arns if arn.split(":")[2] == service], resource)
                for resource in resources
                if (asset := self.asset(action, resource))
            ]
        return self._assets[action]

    def asset(self, action: str, resource: AccountResource) -> str:
        """The asset that an action on a resource reads or changes; empty for none."""
        verb = action.partition(":")[2]
        if resource.type.startswith("AWS::IAM::") or resource.type == STACK:
            return ""  # steps of their own
        if action in HARMLESS or TAGS.search(action) or (MAKING.match(verb) and action not in MAKES_A_PART):
            return ""
        if CRYPTO.match(action) or (action == "s3:PutObject" and resource.arn in self.stores):
            return ""  # contents are places of their own
        public = resource.arn in self.no_data
        if READING.match(verb):
            reads = action in DATA_READS.get(resource.type, ())
            return data_of(resource.environment) if reads and not public else ""
        if resource.type == RECORD:
            return domain_of(resource.environment)
        # The end of a delivery of logs shows nobody what is in them.
        is_data = resource.type in (TABLE, SECRET, KEY, LOGS, BUCKET) and not public and "LogDelivery" not in verb
        return (data_of if is_data else runs_in)(resource.environment)

    def boundaries(self) -> Iterator[Principal]:
        """Whoever fills out a boundary: everything that it lets pass."""
        for arn, statements in sorted(self.account.policies.items()):
            resource = self.account.by_arn[arn]
            if any(r.properties.get("PermissionsBoundary") == arn for r in self.account.resources):
                yield _filled_out(resource, statements)


def _filled_out(resource: AccountResource, statements: tuple[Permission, ...]) -> Principal:
    everything = Permission(resource.address, "identity", "", "", "Allow", actions=("*",), resources=("*",))
    arn = resource.arn.replace(":policy/", ":role/")
    return Principal(
        boundary_label(resource),
        resource.environment,
        resource.address,
        arn,
        (everything,),
        (),
        statements,
        resource.arn,
    )


def boundary_label(resource: AccountResource) -> str:
    return f"a role of one's own within {resource.label}"


class _Walk:
    """The steps of one principal."""

    def __init__(self, steps: Steps, principal: Principal) -> None:
        self.context, self.account, self.principal = steps, steps.account, principal
        self.rights = Rights(steps.account, principal)

    def steps(self) -> Iterator[Step]:
        yield from self._assuming()
        yield from self._open()
        if not any(permission.allows for permission in self.principal.identity):
            return
        yield from self._identities()
        yield from self._passing()
        yield from self._executing()
        yield from self._contents()
        yield from self._assets()

    def _step(self, target: str, allowed: Allowed, what: str = "") -> Step:
        how = what or f"{allowed.action} on {allowed.on}"
        if allowed.after_tagging:
            tagging = allowed.after_tagging
            how = f"gives it another tag first ({tagging.holder} {tagging.sid}), then {how}"
        return Step(self.principal.label, target, allowed.place, how)

    def _assuming(self) -> Iterator[Step]:
        for role in self.account.roles:
            if role.arn == self.principal.arn:
                continue
            by = may_assume(self.rights, role)
            if by:
                yield Step(self.principal.label, role.label, f"{by.holder} {by.sid}", "sts:AssumeRole")

    def _open(self) -> Iterator[Step]:
        """What the policy of a resource gives to the principal, or to everybody."""
        for resource in self.account.resources:
            for statement in resource.policy:
                if statement.kind != "resource" or not statement.allows or not _names(statement, self.principal):
                    continue
                for action in (a for a in self.context.actions if matches_action(statement, a)):
                    asset = self.context.asset(action, resource)
                    for arn in resource.arns if asset else ():
                        if allowed := self.rights.may(action, arn, resource):
                            yield self._step(asset, allowed)

    def _identities(self) -> Iterator[Step]:
        """Making or changing roles, policies and users."""
        for action in MAKES_USERS:
            if allowed := self._anywhere(action):
                yield self._step(ADMINISTRATOR, allowed)
        for pipeline in filter(asks_approval, self.account.of_type(PIPELINE)):
            for allowed in filter(None, map(self._anywhere, FREES_PEOPLE)):
                yield self._step(approved_in(pipeline.environment), allowed, f"{allowed.action}, which frees people")
        for arn in self._patterns("iam:CreateRole"):
            yield from self._made_role(arn)
        for resource in self.account.of_type("AWS::IAM::Role"):
            yield from self._changed_role(resource)
        for resource in self.account.of_type(MANAGED_POLICY):
            for action in ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"):
                if allowed := self.rights.may(action, resource.arn, resource):
                    yield from (self._step(target, allowed) for target in self._holders_of(resource))

    def _made_role(self, arn: str) -> Iterator[Step]:
        """A new role, with whatever boundary the principal may leave it with, and everything that this lets pass."""
        boundaries: list[tuple[str, dict[str, str]]] = [(ADMINISTRATOR, {})]
        for boundary in self.account.of_type(MANAGED_POLICY):
            boundaries.append((boundary_label(boundary), {BOUNDARY: boundary.arn}))
        for target, chosen in boundaries:
            properties = {"PermissionsBoundary": chosen[BOUNDARY]} if chosen else {}
            role = AccountResource(self.principal.environment, "", "AWS::IAM::Role", (arn,), {}, properties)
            creation = self._within(self.rights.may("iam:CreateRole", arn, None, chosen), chosen)
            grant = self.rights.may("iam:PutRolePolicy", arn, role) or self.rights.may(
                "iam:AttachRolePolicy", arn, role, {"iam:PolicyARN": ADMINISTRATOR_POLICY}
            )
            if creation and grant:
                yield self._step(target, creation, f"iam:CreateRole and {grant.action} on {creation.on}")
                return

    @staticmethod
    def _within(allowed: Allowed | None, chosen: Mapping[str, str]) -> Allowed | None:
        """A role that is made without a boundary must not have been allowed because of one."""
        asks = allowed is not None and any(condition.key == BOUNDARY for condition in allowed.by.conditions)
        return None if asks and not chosen else allowed

    def _changed_role(self, resource: AccountResource) -> Iterator[Step]:
        boundary = str(resource.properties.get("PermissionsBoundary", ""))
        unbound = boundary not in self.account.policies
        if not unbound:
            for action in ("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"):
                if allowed := self.rights.may(action, resource.arn, resource, {BOUNDARY: "none-of-ours"}):
                    unbound = True
                    yield self._step(resource.label, allowed, f"{action} on {resource.label}")
        target = ADMINISTRATOR if unbound else boundary_label(self.account.by_arn[boundary])
        grant = self.rights.may("iam:PutRolePolicy", resource.arn, resource) or self.rights.may(
            "iam:AttachRolePolicy", resource.arn, resource, {"iam:PolicyARN": ADMINISTRATOR_POLICY}
        )
        if grant:
            on = "itself" if resource.label == self.principal.label else resource.label
            yield self._step(target, grant, f"{grant.action} on {on}")
        if trusted := self.rights.may("iam:UpdateAssumeRolePolicy", resource.arn, resource):
            yield self._step(resource.label, trusted, f"iam:UpdateAssumeRolePolicy on {resource.label}")

    def _holders_of(self, policy: AccountResource) -> Iterator[str]:
        for role in self.account.roles:
            resource = self.account.by_arn[role.arn]
            if policy.arn in resource.properties.get("ManagedPolicyArns", ()):
                yield role.label if role.boundary is not None else ADMINISTRATOR
            if role.boundary_arn == policy.arn:
                yield ADMINISTRATOR

    def _passing(self) -> Iterator[Step]:
        for role in self.account.roles:
            services = {
                p.removeprefix("Service:") for t in role.trust for p in t.principals if p.startswith("Service:")
            }
            for service in sorted(services & RUNS_AS.keys()):
                passed = self.rights.may(
                    "iam:PassRole", role.arn, self.account.by_arn[role.arn], {"iam:PassedToService": service}
                )
                if passed and (allowed := next(filter(None, map(self._anywhere, RUNS_AS[service])), None)):
                    yield self._step(role.label, passed, f"iam:PassRole to {service}, and {allowed.action}")

    def _executing(self) -> Iterator[Step]:
        """Changing or starting what runs as another role."""
        for project in self.account.of_type(PROJECT):
            for action in RUNS_PROJECT:
                if allowed := self.rights.may(action, project.arn, project):
                    of_own = "commands" if "Sandbox" in action else "a buildspec"
                    what = f"{action} on {project.label}, with {of_own} of one's own"
                    yield from self._to_role(project.properties["ServiceRole"], allowed, what)
        yield from self._inside()
        yield from self._machines()
        for pipeline in self.account.of_type(PIPELINE):
            yield from self._pipeline(pipeline)
        for repository in self.account.of_type(REPOSITORY):
            if allowed := self.rights.may("ecr:PutImage", repository.arn, repository):
                for role in tasks_of(self.account, repository.environment):
                    yield self._step(role.label, allowed, f"ecr:PutImage to {repository.label}")
        for stack in self.account.of_type(STACK):
            yield from self._stack(stack)

    def _inside(self) -> Iterator[Step]:
        """A shell in a container of the application, which has its role (Amazon ECS developer guide, ecs-exec)."""
        for service in self.account.of_type("AWS::ECS::Service"):
            cluster = service.arn.rpartition("/")[0].replace(":service/", ":cluster/")
            for arn in (cluster, f"{cluster.replace(':cluster/', ':task/')}/any"):
                if allowed := self.rights.may("ecs:ExecuteCommand", arn, service):
                    for role in tasks_of(self.account, service.environment):
                        yield self._step(role.label, allowed, f"{allowed.action} in {service.label}")

    def _machines(self) -> Iterator[Step]:
        for machine in self.account.of_type("AWS::StepFunctions::StateMachine"):
            if allowed := self.rights.may("states:UpdateStateMachine", machine.arn, machine):
                yield from self._to_role(machine.properties["RoleArn"], allowed, f"{allowed.action} on {machine.label}")

    def _pipeline(self, pipeline: AccountResource) -> Iterator[Step]:
        if allowed := self.rights.may("codepipeline:UpdatePipeline", pipeline.arn, pipeline):
            yield from self._to_role(pipeline.properties["RoleArn"], allowed, f"{allowed.action} on {pipeline.label}")
            yield self._step(approved_in(pipeline.environment), allowed, f"{allowed.action} without the approval")
        approvals = [f"{pipeline.arn}/{s['Name']}/{a['Name']}" for s, a in actions_of(pipeline) if is_approval(a)]
        for arn in approvals:
            if allowed := self.rights.may("codepipeline:PutApprovalResult", arn, pipeline):
                yield self._step(approved_in(pipeline.environment), allowed)
            stage = arn.rpartition("/")[0]
            if allowed := self.rights.may("codepipeline:OverrideStageCondition", stage, pipeline):
                yield self._step(approved_in(pipeline.environment), allowed)

    def _stack(self, stack: AccountResource) -> Iterator[Step]:
        """CloudFormation changes a stack with the role that it was made with, which nobody has to pass again."""
        if stack.address.partition(".")[0] in ACCESS_ROOTS:
            return  # made by an administrator with rights of their own
        for action in ("cloudformation:CreateChangeSet", "cloudformation:UpdateStack"):
            if allowed := self.rights.may(action, stack.arn, stack):
                for role in executors_of(self.account, stack.environment):
                    yield self._step(role.label, allowed, f"{action} on a stack of {stack.environment}")
        for action in CHANGES_STACK:
            if allowed := self.rights.may(action, stack.arn, stack):
                yield self._step(runs_in(stack.environment), allowed, f"{action} on a stack of {stack.environment}")

    def _contents(self) -> Iterator[Step]:
        """Writing what others execute or believe."""
        for content in self.context.contents:
            resource = self.account.by_arn.get(content.arn.partition("/")[0])
            if allowed := self.rights.may("s3:PutObject", content.arn, resource):
                yield self._step(content.label, allowed, f"s3:PutObject to {allowed.on}")
        for environment, key in self.context.packaging:
            bucket = key.partition("/")[0]
            for action, arn in (("s3:PutObject", key), ("s3:PutBucketPolicy", bucket)):
                if allowed := self.rights.may(action, arn):
                    for role in executors_of(self.account, environment):
                        what = f"{action} where the templates of {environment} lie"
                        yield self._step(role.label, allowed, what)

    def _assets(self) -> Iterator[Step]:
        """Reading or changing data, changing what runs."""
        for action in self.context.actions:
            if not self.rights.allowing(action):
                continue
            for asset, arns, resource in self.context.assets(action):
                for arn in arns:
                    if allowed := self.rights.may(action, arn, resource):
                        yield self._step(asset, allowed)
                        break

    def _to_role(self, arn: str, allowed: Allowed, what: str) -> Iterator[Step]:
        if role := self.account.role_by_arn.get(arn):
            yield self._step(role.label, allowed, what)

    def _patterns(self, action: str) -> list[str]:
        """ARNs that the principal's statements about an action are for: something that they match."""
        patterns = {pattern for statement in self.rights.allowing(action) for pattern in statement.resources}
        if "*" in patterns:
            service = action.partition(":")[0]
            account = self.principal.arn.split(":")[4]
            patterns.add(f"arn:{PARTITION}:{service}:{'' if service == 'iam' else 'any'}:{account}:role/any")
        return sorted({p.replace("*", "any").replace("?", "a") for p in patterns if p != "*"})

    def _anywhere(self, action: str) -> Allowed | None:
        """How the principal may do something on any resource at all."""
        for arn in self._patterns(action):
            if allowed := self.rights.may(action, arn, self.account.by_arn.get(arn)):
                return allowed
        return None


def _names(statement: Permission, principal: Principal) -> bool:
    return any(named in ("*", "AWS:*", f"AWS:{principal.arn}") for named in statement.principals)


def may_assume(rights: Rights, role: Principal) -> Permission | None:
    """The statement by which a principal may become a role; None when it may not.

    A trust policy that names the caller is enough in one account; one that names the account leaves the rest to the
    caller's own policies (IAM user guide, reference_policies_evaluation-logic_policy-eval-basics-single-account).
    """
    principal = rights.principal
    by = rights.trusted(role)
    if by is None:
        return None
    own = rights.may("sts:AssumeRole", role.arn, rights.account.by_arn.get(role.arn))
    if any(named == f"AWS:{principal.arn}" for named in by.principals):
        denied = decide(Request("sts:AssumeRole", role.arn), [p for p in principal.identity if not p.allows])
        return by if own or denied.by is None else None
    return by if own or principal.arn.split(":")[4] != role.arn.split(":")[4] else None
