"""One environment: everything that one branch is built into, as nested stacks.

The root decides and connects, and holds nothing else. Names that a child needs before their resource exists
(pipeline, cluster, service, projects) are computed here and passed down, so that no cycle arises over names: the
design's names verbatim in production, with the environment's name behind them elsewhere. Each optional part is a
whole child behind a condition. Nothing is exported or imported: two stacks that import from each other deadlock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from troposphere import And, Condition, Equals, If, Not, Output, Ref, Sub
from troposphere.cloudformation import Stack as NestedStack

from generator.cfn.names import NO_BOUNDARY, PRODUCTION
from generator.constructs.app_config import secret_arn
from generator.core import arns, ports
from generator.core.arns import Text
from generator.core.names import BEANSTALK, ECS, NONE
from generator.core.names import pipeline as pipeline_name
from generator.core.ports import Port
from generator.core.settings import add_to
from generator.core.stack import Stack
from generator.core.wiring import Offer, Wiring
from generator.project import Project
from generator.roots.environment import rules
from generator.roots.environment.parameters import read_by_the_script, settings
from generator.stacks import (
    address,
    configuration,
    data,
    delivery,
    encryption,
    ingress,
    monitoring,
    network,
    notifications,
    pipeline,
    registry,
    site,
    storage,
)
from generator.stacks import codebuild as projects
from generator.stacks.backend import beanstalk, ecs
from generator.version import VERSION

# Conditions of the root, and what else holds whenever one does.
(
    BACKEND,
    ON_ECS,
    ON_BEANSTALK,
    FRONTEND,
    OWN_ZONE,
    OWN_CERTIFICATE,
    NEW_KEY,
    NEW_REGISTRY,
    NEW_TABLES,
    VERBATIM,
    BOUNDED,
) = (
    "Backend",
    "OnEcs",
    "OnBeanstalk",
    "Frontend",
    "OwnZone",
    "OwnCertificate",
    "NewKey",
    "NewRegistry",
    "NewTables",
    "VerbatimNames",
    "BoundedRoles",
)
IMPLIES = {
    ON_ECS: frozenset({BACKEND}),
    ON_BEANSTALK: frozenset({BACKEND}),
    NEW_REGISTRY: frozenset({ON_ECS, BACKEND}),
    NEW_TABLES: frozenset({BACKEND}),
}
# A backend runs in one of two places.
EITHER = {BACKEND: frozenset({ON_ECS, ON_BEANSTALK})}


class Child(NamedTuple):
    """One nested stack: its logical id in the root, who builds it, when it exists, and what stands in for its
    outputs while it does not."""

    logical: str
    build: Callable[[Project], Stack]
    condition: str | None = None
    otherwise: Mapping[str, Text] = MappingProxyType({})


def children(project: Project) -> list[Child]:
    """The children in the order of their needs."""
    existing = Ref(ports.EXISTING_REPOSITORY.name)
    tables: dict[str, Text] = {}
    for table in project.tables:
        name = Ref(ports.table(table.logical).name)
        tables[ports.table_name(table.logical).name] = name
        tables[ports.table_arn(table.logical).name] = arns.dynamodb_table(name)
    return [
        Child("Encryption", encryption.build, NEW_KEY, {ports.KEY_ARN.name: Ref(ports.EXISTING_KEY.name)}),
        Child("Storage", storage.build),
        Child("Notifications", notifications.build),
        Child(
            "Registry",
            registry.build,
            NEW_REGISTRY,
            {
                ports.REGISTRY_NAME.name: existing,
                ports.REGISTRY_ARN.name: arns.ecr_repository(existing),
                ports.REGISTRY_URI.name: Sub(
                    "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/${ExistingRepositoryName}"
                ),
            },
        ),
        *([Child("Data", data.build, NEW_TABLES, tables)] if project.tables else []),
        Child("Network", network.build, BACKEND),
        Child("Site", site.build, FRONTEND),
        Child("Ingress", ingress.build, BACKEND),
        Child("Delivery", delivery.build),
        Child("Address", address.build, OWN_ZONE),
        Child("Configuration", configuration.build, BACKEND),
        Child("Backend", ecs.build, ON_ECS),
        Child("Beanstalk", beanstalk.build, ON_BEANSTALK),
        Child("Build", projects.build),
        Child("Pipeline", pipeline.build),
        Child("Monitoring", monitoring.build),
    ]


def build(project: Project) -> tuple[Stack, list[Stack]]:
    """The root and its children. Raises `LooseEndError` when they do not fit together."""
    root = Stack("environment", __name__, "one environment, as nested stacks", project, is_root=True)
    generator = {"Module": __name__, "Version": VERSION}
    # What every environment's application names alike, the deploy script keeps apart by accounts; where tags keep it
    # apart, preflight looks for what has none.
    alike = {"ClientSecrets": project.client_secrets} if project.shares_client_secrets else {}
    if project.client_secrets_tagged:
        alike = {"TaggedClientSecrets": project.client_secrets}
    root.template.set_metadata({"Generator": generator, **alike})
    own = settings(project)
    add_to(root.template, [*own, *read_by_the_script(project)])
    rules.add_to(root.template, project)
    _conditions(root, project)

    wiring = Wiring(root.name, IMPLIES, EITHER)
    for setting in own:
        wiring.offer(Offer(setting.port, f"parameter of {root.name}", root.takes(setting.port)))
    certificate = If(OWN_CERTIFICATE, Ref(ports.CERTIFICATE_ARN.name), Ref(ports.EDGE_CERTIFICATE.name))
    wiring.offer(Offer(ports.VIEWER_CERTIFICATE, f"chosen in {root.name}", certificate))
    unlimited = arns.aws_policy(NO_BOUNDARY)
    boundary = If(BOUNDED, Ref(ports.ACCESS_BOUNDARY.name), unlimited)
    wiring.offer(Offer(ports.ROLE_BOUNDARY, f"chosen in {root.name}", boundary))
    for port, value in names(project).items():
        wiring.offer(Offer(port, f"name computed in {root.name}", value))
    # The root's own choices; children see their outcome only.
    for port in (
        ports.EXISTING_KEY,
        ports.EXISTING_REPOSITORY,
        *([ports.DATA_TABLES] if project.tables else []),
        ports.CERTIFICATE_ARN,
        ports.EDGE_CERTIFICATE,
        ports.ACCESS_BOUNDARY,
    ):
        wiring.take(port, root.name)

    stacks = []
    for child in children(project):
        stack = child.build(project)
        stacks.append(stack)
        resource = NestedStack(
            child.logical, Parameters=wiring.connect(stack, child.condition), TemplateURL=f"{stack.name}.json"
        )
        if child.condition:
            resource.Condition = child.condition
        root.add(resource, f"Nested stack: {stack.template.description.partition(': ')[2]}.", ["DEP-1"])
        wiring.offer_outputs(stack, child.logical, child.condition, child.otherwise)
    _outputs(root, project, wiring)
    wiring.finish()
    return root, stacks


def _conditions(root: Stack, project: Project) -> None:
    def empty(port: Port) -> Equals:
        return Equals(Ref(port.name), "")

    backend_on = Not(Equals(Ref(ports.BACKEND_TARGET.name), NONE))
    for name, condition in (
        (BACKEND, backend_on),
        (ON_ECS, Equals(Ref(ports.BACKEND_TARGET.name), ECS)),
        (ON_BEANSTALK, Equals(Ref(ports.BACKEND_TARGET.name), BEANSTALK)),
        (FRONTEND, Not(Equals(Ref(ports.FRONTEND_TARGET.name), NONE))),
        (OWN_ZONE, Not(empty(ports.HOSTED_ZONE_ID))),
        (OWN_CERTIFICATE, Not(empty(ports.CERTIFICATE_ARN))),
        (NEW_KEY, empty(ports.EXISTING_KEY)),
        (NEW_REGISTRY, And(Condition(ON_ECS), empty(ports.EXISTING_REPOSITORY))),
        *(
            [(NEW_TABLES, And(Condition(BACKEND), Equals(Ref(ports.DATA_TABLES.name), "CREATE")))]
            if project.tables
            else []
        ),
        (VERBATIM, Equals(Ref(ports.ENVIRONMENT.name), PRODUCTION)),
        (BOUNDED, Not(empty(ports.ACCESS_BOUNDARY))),
    ):
        root.when(name, condition)


def names(project: Project) -> dict[Port, Text]:
    """Physical names that children need before the resource exists: the design's own in production."""

    def name(text: str) -> Text:
        return If(VERBATIM, text, Sub(f"{text}-${{{ports.ENVIRONMENT.name}}}"))

    return {
        ports.PIPELINE_NAME: name(pipeline_name(project.name)),
        ports.CLUSTER_NAME: name(f"{project.short}-cluster"),
        ports.SERVICE_NAME: name("backend-service"),
        ports.APPLICATION_NAME: name(project.short),
        ports.BEANSTALK_NAME: name("backend-environment"),
        ports.BACKEND_PROJECT: name("backend-build"),
        ports.FRONTEND_PROJECT: name("frontend-build"),
        ports.PUBLISH_PROJECT: name(f"{project.short}-publish"),
        ports.PUSH_PROJECT: name(f"{project.short}-push"),
        ports.SEAL_PROJECT: name(f"{project.short}-seal"),
        ports.VERIFY_PROJECT: name(f"{project.short}-verify"),
        # An environment may be called frontend, so the side does not stand at the end.
        ports.VERIFY_FRONTEND_PROJECT: name(f"{project.short}-frontend-verify"),
        ports.RAISE_PROJECT: name(f"{project.short}-raise"),
        ports.TOPIC_NAME: name(f"{project.short}-pipeline-notifications"),
        ports.CONFIGURATION_PREFIX: Sub(f"/{project.short}/backend/${{{ports.ENVIRONMENT.name}}}"),
        ports.CHANGES_PROJECT: name(f"{project.short}-changes"),
        ports.RELEASES: Sub(f"/{project.short}/release/${{{ports.ENVIRONMENT.name}}}"),
        ports.LAST_VERSION_PARAMETER: Sub(f"/{project.short}/release/${{{ports.ENVIRONMENT.name}}}/version"),
        ports.LAST_IMAGE_PARAMETER: Sub(f"/{project.short}/release/${{{ports.ENVIRONMENT.name}}}/image"),
    }


def _outputs(root: Stack, project: Project, wiring: Wiring) -> None:
    """What people and the deploy script ask for. A conditional value is an output that may be absent."""
    for port, condition in (
        (ports.PUBLIC_URL, None),
        (ports.PIPELINE, None),
        (ports.PIPELINE_ARN, None),
        (ports.TOPIC_ARN, None),
        (ports.KEY_ARN, None),
        (ports.ARTIFACT_BUCKET_NAME, None),
        (ports.DISTRIBUTION_ID, None),
        (ports.RELEASES, None),
        (ports.SITE_BUCKET_NAME, FRONTEND),
        (ports.REGISTRY_NAME, ON_ECS),
        (ports.REGISTRY_URI, ON_ECS),
        (ports.RUNNING_CLUSTER, BACKEND),
        (ports.RUNNING_SERVICE, BACKEND),
        (ports.BACKEND_LOG_GROUP, BACKEND),
        (ports.CONFIGURATION_TREE, BACKEND),
        *((secret_arn(secret), BACKEND) for secret in project.secrets),
        (ports.LAST_IMAGE_PARAMETER, ON_ECS),
        (ports.LAST_VERSION_PARAMETER, ON_BEANSTALK),
    ):
        output = Output(
            port.name, Description=port.meaning, Value=wiring.take(port, f"outputs of {root.name}", condition)
        )
        if condition:
            output.Condition = condition
        root.template.add_output(output)
