"""The rows of the table of effects, root by root, in the order of the roots' parameters.

Long because it is one table. Each row names its source: a page of AWS's documentation, the schema of a type
(`createOnlyProperties`), an issue in which a real run is reported, or the part of this repository that makes it so. A
source that ends in "not run on AWS" is a conclusion from those; docs/unverified.md lists them.
"""

from collections.abc import Mapping
from typing import Any

from generator.cfn.effects.row import (
    ALLOWED,
    ANY,
    CHANGED,
    CONFIGURATION,
    LOWERED,
    NOTHING,
    NOTICE,
    RAISED,
    REFUSED,
    REMOVED,
    SET,
    Row,
)
from generator.cfn.names import ACCESS, EDGE, SHARED, SHARED_ACCESS

ECS, BEANSTALK, NONE = ("ECS",), ("BEANSTALK",), ("NONE",)
BACKEND = "BackendTarget"
TABLE = "*Table"  # the names of the application's tables, which the project decides
OTHER_SECRETS = "Existing*SecretArn"  # those of the application that no data is encrypted with
SAME_WAY = "yes, the same way"
NEVER = "there is none"
DEPLOY_ALONE = "deploy it by itself, at a quiet hour"
NO_RELEASE = "the deployment waits for a running release with `--wait`"
PIPELINE_SOURCE = 'CodePipeline User Guide, "Set or change the pipeline execution mode"'
TASK_SOURCE = (
    "ECS developer guide, specifying-sensitive-data and deployment-circuit-breaker; aws/containers-roadmap #117"
)
BEANSTALK_SOURCE = "Elastic Beanstalk developer guide, environmentmgmt-updates-immutable"


def _pipeline(
    *parameters: str, happens: str = "", when: Mapping[str, tuple[str, ...]] | None = None, around: str = NO_RELEASE
) -> list[Row]:
    """Parameters that change the pipeline itself."""
    cancels = "the pipeline changes in place; what it executes, and what waits in it for its turn or an approval, is "
    cancels += "cancelled, and until the next good release there is none to retry or to go back to"
    return [
        Row(
            parameter,
            ANY,
            f"{happens}; {cancels}" if happens else cancels,
            "nothing; a release that was cancelled is pushed or started again",
            "yes, the same way; what was cancelled stays cancelled",
            PIPELINE_SOURCE,
            around,
            when=when or {},
        )
        for parameter in parameters
    ]


def _tasks(*parameters: str, happens: str = "", around: str = "") -> list[Row]:
    """Configuration of the application: read by tasks when they start, by instances when they are deployed to."""
    base = "the value changes in Parameter Store first, then new tasks start beside the old ones"
    bad = "a value with which tasks do not become healthy makes ECS return to the revision of before, which reads the "
    bad += "new value too, until CloudFormation has taken it back and started the tasks once more"
    more = f"{NO_RELEASE}{f'; {around}' if around else ''}"
    return [
        row
        for parameter in parameters
        for row in (
            Row(
                parameter,
                ANY,
                "nothing, there is no application to read it",
                NOTHING,
                SAME_WAY,
                "generator/roots/environment",
                when={BACKEND: NONE},
            ),
            Row(
                parameter,
                ANY,
                f"{f'{happens}; ' if happens else ''}the environment gets new instances beside the old ones, which "
                "replace them when they are healthy",
                "nothing; 5 to 10 minutes with twice the instances",
                "yes; instances that do not become healthy never replace the old ones",
                BEANSTALK_SOURCE,
                more,
                when={BACKEND: BEANSTALK},
            ),
            Row(
                parameter,
                ANY,
                f"{f'{happens}; ' if happens else ''}{base}",
                "nothing; 3 to 6 minutes during which old and new tasks answer",
                f"yes; {bad}",
                TASK_SOURCE,
                more,
            ),
        )
    ]


def _in_place(
    *parameters: str, happens: str, source: str, users: str = NOTHING, back: str = SAME_WAY, **more: Any
) -> list[Row]:
    """Changes that interrupt nothing; `more` are further fields of the rows."""
    more = {"change": ANY, **more}
    return [
        Row(parameter=parameter, happens=happens, source=source, users=users, back=back, **more)
        for parameter in parameters
    ]


def _shorter(parameter: str, what: str, source: str) -> list[Row]:
    """A time or a number for which something is kept."""
    return [
        Row(
            parameter,
            LOWERED,
            f"the rule changes in place; within a day or two {what} beyond the new limit are deleted for good",
            NOTHING,
            f"{NEVER} for what was deleted; a higher value keeps what is there from then on",
            source,
            "copy what is still needed first",
            ALLOWED,
            loss=f"{what} beyond the new limit",
        ),
        Row(parameter, RAISED, "the rule changes in place", NOTHING, SAME_WAY, source),
    ]


def _build(*parameters: str) -> list[Row]:
    return _in_place(
        *parameters,
        happens="the build project changes in place; a build that runs keeps the old value, the next one has the new",
        source="CodeBuild API reference, UpdateProject",
        around="with `OnlyChanged` the next release includes the side that is built by it, changed or not",
    )


def _named(root: str) -> list[Row]:
    return [
        Row(
            "Environment",
            ANY,
            "another name is another environment: a new stack is made beside the old one, which stays",
            NOTHING,
            "destroy the new one",
            "generator/roots; docs/renaming.md",
            "docs/renaming.md moves an environment to another name with its data and its domain",
            root=root,
        )
    ]


def _people(root: str) -> list[Row]:
    source = "SNS developer guide, sns-email-notifications and sms_sandbox; schema of AWS::SNS::Subscription; AWS "
    source += "announcement of 2023-05-10 (what nobody confirms is deleted after 48 hours)"
    until = "until then nobody is told anything there, and AWS deletes an address that is not confirmed in two days; "
    until += "`status` says who has not confirmed"
    return [
        row
        for parameter, how in (
            ("NotificationEmail", "a mail with a link, which has to be clicked"),
            ("NotificationPhone", "an SMS, as far as the account may send SMS"),
        )
        for row in (
            Row(
                parameter,
                SET,
                f"the subscription is added; the new address gets {how}",
                NOTHING,
                SAME_WAY,
                source,
                f"confirm at once: {until}",
                NOTICE,
                root=root,
            ),
            Row(
                parameter,
                REMOVED,
                "the subscription is removed: nobody is told anything at this address any more",
                NOTHING,
                SAME_WAY,
                source,
                level=NOTICE,
                root=root,
            ),
            Row(
                parameter,
                ANY,
                f"the new subscription is made, then the old one is removed; the new address gets {how}",
                NOTHING,
                "the old address has to confirm once more",
                source,
                f"confirm at once: {until}",
                NOTICE,
                root=root,
            ),
        )
    ]


def _domain(root: str) -> list[Row]:
    """The domain and its certificates. The root `edge` goes first, the environment follows in the same run."""
    edge_first = "the root `edge` makes the new certificate first, and the old one stays, which the distribution still "
    edge_first += "uses; then the environment gives the distribution its new name (3 to 5 minutes) and the zone its "
    edge_first += (
        "records; the script removes the old certificate afterwards. The application is told its new address, so "
    )
    edge_first += "that new tasks start"
    source = "ACM user guide, gs-acm-delete (a certificate in use is not deleted); CloudFront developer guide, "
    source += "CNAMEs; schema of AWS::CertificateManager::Certificate"
    moved = "the old address answers 403 from then on, and everybody signs in again at the new one"
    other = "tell people the new address first; keep the old name alive elsewhere, with a redirect, if it is known"
    beanstalk = Row(
        "DomainName",
        ANY,
        "Elastic Beanstalk cannot change the host names of its rule at a shared load balancer",
        NOTHING,
        SAME_WAY,
        "Elastic Beanstalk developer guide, environments-cfg-alb-shared",
        "set BackendTarget to ECS and deploy, then to BEANSTALK again together with the new domain, and release",
        REFUSED,
        when={BACKEND: BEANSTALK},
        was={BACKEND: BEANSTALK},
        root=root,
    )
    return [
        *([beanstalk] if root == "environment" else []),
        Row(
            "DomainName",
            SET,
            edge_first,
            "nothing; the address at cloudfront.net goes on answering",
            SAME_WAY,
            source,
            root=root,
        ),
        Row(
            "DomainName",
            REMOVED,
            "the distribution loses the name in place, new tasks start with the other address, then the records go",
            "the address that people know answers no more; the one at cloudfront.net does, and everybody signs in "
            "again there, because browsers keep sessions by address",
            "yes, once the same name is set again; name servers may go on for a while with what they have cached",
            source,
            "tell people the new address first",
            ALLOWED,
            loss="the address that users know",
            root=root,
        ),
        *([_public_domain(edge_first, other)] if root == "environment" else []),
        Row(
            "DomainName",
            ANY,
            edge_first,
            moved,
            "yes, the same way",
            source,
            other,
            ALLOWED,
            loss="the address that users know",
            root=root,
        ),
        Row(
            "HostedZoneId",
            SET,
            "a certificate is made in the zone and the records are added; the distribution takes it in place",
            NOTHING,
            SAME_WAY,
            source,
            root=root,
        ),
        Row(
            "HostedZoneId",
            REMOVED,
            "the records in the zone are removed, and the certificate that was made there leaves the stack once the "
            "distribution has the one of CertificateArn",
            "the domain resolves to nothing until a record for it is set where its zone is now",
            SAME_WAY,
            source,
            "make the record at the other place first; CertificateArn has to be given in the same deployment",
            ALLOWED,
            loss="the records of the address that users know",
            root=root,
        ),
        Row(
            "HostedZoneId",
            ANY,
            f"the records move to the other zone; {edge_first}",
            "as long as both zones answer for the domain, nothing; the records of the old zone go",
            SAME_WAY,
            source,
            "the registrar has to name the servers of the new zone first",
            ALLOWED,
            loss="the records of the address that users know",
            root=root,
        ),
        *_in_place(
            "CertificateArn",
            happens="the distribution takes the other certificate in place (3 to 5 minutes); one that the root `edge` "
            "made stays until no distribution uses it, and the script removes it afterwards",
            source=source,
            around="it has to cover the domain, or CloudFront refuses it and the update is rolled back",
            root=root,
        ),
    ]


def _public_domain(happens: str, around: str) -> Row:
    """Another domain in front of a public load balancer: its listener has the new certificate before the distribution
    has the new name, and the old one that CloudFront hands on as Host matches neither."""
    return Row(
        "DomainName",
        CHANGED,
        happens,
        "every call of the API answers 502 for 3 to 5 minutes, until CloudFront has the new name; from then on the old "
        "address answers 403, and everybody signs in again at the new one",
        "yes, the same way, with the same minutes",
        "CloudFront developer guide, http-502-bad-gateway; tests/local_aws/test_findings.py has the order",
        f"{around}; do it at a quiet hour",
        ALLOWED,
        loss="the address that users know",
        when={"LoadBalancerScheme": ("PUBLIC",)},
    )


def _environment() -> list[Row]:
    switch = "generator/roots/environment; schemas of AWS::CloudFront::VpcOrigin and AWS::EC2::VPC"
    names = "aws-cloudformation/cloudformation-coverage-roadmap #1327 and #744; not run on AWS"
    adopt = "`apply --adopt` uses tables, images and secrets that the backend left, so that its data can be read "
    adopt += "and sessions go on; without it the script refuses and names them"
    return [
        *_named("environment"),
        *_pipeline(
            "BranchName",
            happens="the rule that starts the pipeline follows the other branch",
            around=f"nothing is released until the next push to the other branch; {NO_RELEASE}",
        ),
        Row(
            BACKEND,
            "ECS -> BEANSTALK",
            "the environment of Elastic Beanstalk is made (5 to 10 minutes) while the service goes on answering; then "
            "the rule, the service and the cluster go, and the sample application answers until a release has been "
            "deployed (8 to 15 minutes); the pipeline changes",
            "the page works; the API answers with a sample application's 404 from the end of the deployment until the "
            "release is through: 10 to 20 minutes",
            "yes until the deployment has ended: the service goes last. Afterwards the way back is the other change",
            f"{switch}; not run on AWS",
            f"start a release as soon as the deployment has ended; {DEPLOY_ALONE}; the images stay, outside "
            "of the stack",
            NOTICE,
        ),
        Row(
            BACKEND,
            "BEANSTALK -> ECS",
            "the service is made without tasks and without an image, its rule stands behind Elastic Beanstalk's; then "
            "the environment of Elastic Beanstalk goes; the pipeline changes",
            "the page works; the API answers 503 from the end of the deployment until the release is through: 10 to 20 "
            "minutes",
            "yes until the deployment has ended: the old environment goes last. Afterwards the way back is the other "
            "change",
            f"{switch}; Elastic Load Balancing API reference, PriorityInUse",
            f"start a release as soon as the deployment has ended; {DEPLOY_ALONE}",
            NOTICE,
        ),
        # One update, and not one for the distribution and one for the network: the second would have to wait until
        # CloudFront has left the network, for which AWS names no time, with NAT gateways and load balancer standing
        # and paid for meanwhile. So they go at once. What can stay behind costs nothing, is named with the commands
        # that remove it, and `status` says when they work: that is the second step, without an environment between.
        Row(
            BACKEND,
            "* -> NONE",
            "the load balancer would refuse to be deleted, leave the stack and stay, with what it holds on to",
            NOTHING,
            SAME_WAY,
            "Elastic Load Balancing user guide, deletion-protection; CloudFormation user guide, troubleshooting",
            "deploy `DeletionProtection` as false first, and this change by itself afterwards",
            REFUSED,
            was={"DeletionProtection": ("true",)},
        ),
        Row(
            BACKEND,
            "* -> NONE",
            "the distribution loses its way to the API first, then the backend, its network and its configuration go "
            "and the pipeline changes; tables, images, secrets and logs stay behind, outside of any stack. CloudFront "
            "takes its interfaces out of the network when it pleases, and what of the network cannot be deleted until "
            "then leaves the stack and stays (three tries, about 45 minutes): it costs nothing but a VPC of the quota, "
            "and is named at the end with the commands that remove it",
            "the API is gone, and its addresses answer with the page, which stays and cannot do anything",
            "yes, with `apply --adopt`",
            names,
            "nothing has to come first; an hour later, remove what was named when it had ended: `status` names it "
            "again, and says whether something of CloudFront is still in the way",
            NOTICE,
        ),
        Row(
            BACKEND,
            "NONE -> *",
            "network, load balancer, configuration and backend are made; the distribution gets its way to the API; the "
            "pipeline changes",
            "the API answers 503 until the release is through",
            "yes; what was made goes again, and what was adopted stays",
            "scripts/operations/adoption.py",
            f"{adopt}; then start a release",
            NOTICE,
        ),
        Row(
            "FrontendTarget",
            "CLOUDFRONT -> NONE",
            "the distribution sends every path to the API in place; then the function, the policies and the projects "
            "go, the pipeline changes, and the bucket with the page stays behind",
            "the page is gone; the API stays",
            "a new bucket is made, which is empty until a release",
            "generator/stacks/delivery",
            level=NOTICE,
        ),
        Row(
            "FrontendTarget",
            "NONE -> CLOUDFRONT",
            "a new, empty bucket is made, then the distribution serves it; the pipeline changes",
            "the page answers 403 until the release is through: 5 to 10 minutes",
            SAME_WAY,
            "generator/stacks/delivery",
            "start a release as soon as the deployment has ended; a bucket of an earlier time is not used again: copy "
            "what is needed out of it and remove it",
            NOTICE,
        ),
        *_domain("environment"),
    ]


def _source() -> list[Row]:
    unused = _in_place(
        "ConnectionArn",
        "SourceRepository",
        "ExcludedPaths",
        happens="nothing, the source is a repository in CodeCommit",
        source="generator/stacks/pipeline",
        when={"SourceProvider": ("CODECOMMIT",)},
    )
    return [
        *_pipeline(
            "SourceProvider",
            happens="triggers of the connection, or the rule that starts the pipeline with its role and alarm, are "
            "added, and those of the other provider go last",
            around=f"the connection has to be completed in the console first; {NO_RELEASE}",
        ),
        *[row for row in unused if row.parameter == "ExcludedPaths"],
        *_pipeline(
            "ConnectionArn",
            "SourceRepository",
            around=f"the connection has to be completed in the console first; {NO_RELEASE}",
        ),
        *_pipeline("ExcludedPaths"),
    ]


def _application() -> list[Row]:
    data = "schema of AWS::DynamoDB::Table; CloudFormation user guide, DeletionPolicy"
    in_the_way = "the table of that name exists already, outside of the stack, and CloudFormation makes none over it"
    access = (
        "with an access stack `access` comes first: CloudFormation's role may make exactly the tables that it was told"
    )
    return [
        *_tasks(
            "SenderEmail",
            happens="what mail needs is added before the tasks change and removed after",
            around="the address, or its domain, is verified in SES first",
        ),
        *_tasks("RedisUrl", happens="the way out to Redis is opened before the tasks change and closed after"),
        *[
            row
            for change, happens, users, back, around in (
                (
                    "CREATE -> EXISTING",
                    "the tables leave the stack and stay as they are; new tasks start with the same names",
                    "nothing, where the names stay; another name shows the data of another table",
                    "not by CREATE, for the tables are in the way; EXISTING goes on working, and an import brings "
                    "them back into the stack",
                    "",
                ),
                (
                    "EXISTING -> CREATE",
                    "tables of these names are made, empty, and new tasks start with them; refused where one of them "
                    f"exists: {in_the_way}",
                    "the application shows none of the data of before",
                    "`EXISTING` with the names of before; the new tables stay behind",
                    f"choose names that are free, or stay with `EXISTING`, or import the tables; {access}",
                ),
            )
            for row in _data_rows(change, happens, users, back, around, data)
        ],
        *[
            row
            for table in (TABLE,)
            for row in (
                Row(
                    table,
                    ANY,
                    "nothing, there is no application to use it",
                    NOTHING,
                    SAME_WAY,
                    "generator/roots/environment",
                    when={BACKEND: NONE},
                ),
                Row(
                    table,
                    ANY,
                    "new tasks use the other table, which has to exist, under a key that the environment may use: the "
                    "script looks at both first",
                    "the application shows the data of the other table, and nothing of the old one",
                    SAME_WAY,
                    "scripts/operations/adoption.py",
                    "move the data first",
                    NOTICE,
                    when={"DataTables": ("EXISTING",)},
                ),
                Row(
                    table,
                    ANY,
                    "a new, empty table is made, new tasks use it, and the old one stays behind with its data, outside "
                    "of the stack; no data is moved",
                    "the application shows none of the data of before",
                    "not by the old name: its table is in the way. DataTables `EXISTING` uses the old table, or an "
                    "import brings it back into the stack",
                    data,
                    f"export and import the data yourself; {access}",
                    NOTICE,
                ),
            )
        ],
    ]


def _data_rows(change: str, happens: str, users: str, back: str, around: str, source: str) -> list[Row]:
    nothing = "nothing, there is no application to use them"
    return [
        Row("DataTables", change, nothing, NOTHING, SAME_WAY, "generator/roots/environment", when={BACKEND: NONE}),
        Row("DataTables", change, happens, users, back, source, around, NOTICE),
    ]


def _backend() -> list[Row]:
    unused = "nothing, the backend does not run on ECS"
    shift = (
        "ECS developer guide, update-rolling-to-bluegreen; aws-cloudformation/cloudformation-coverage-roadmap #1529 "
    )
    shift += "(every property is sent, so a deployment may start); not run on AWS"
    may_start = "the service changes in place; AWS may start new tasks for it, with all its bake time inside the update"
    on_ecs = {BACKEND: ECS}

    def elsewhere(*parameters: str) -> list[Row]:
        return [
            Row(
                each, ANY, unused, NOTHING, SAME_WAY, "generator/roots/environment", when={BACKEND: (*BEANSTALK, *NONE)}
            )
            for each in parameters
        ]

    return [
        *_in_place(
            "AccountSharedBecause",
            happens="nothing of the stack changes: while it is empty, a second environment of the account is refused, "
            "because both could read the secrets of the application's clients",
            source="scripts/operations/client_secrets.py",
        ),
        *elsewhere("TaskCpu", "TaskMemory"),
        *_in_place(
            "TaskCpu",
            "TaskMemory",
            happens="a new revision of the task definition is made and new tasks start beside the old ones, by the "
            "strategy of the environment; the old revision is kept",
            source="schema of AWS::ECS::TaskDefinition; ECS developer guide, deployment-type-ecs",
            around=NO_RELEASE,
            users="nothing; 3 to 6 minutes with old and new tasks, with a strategy that shifts its bake time",
        ),
        *[
            row
            for each in ("MinimumTasks", "MaximumTasks")
            for row in (
                Row(
                    each,
                    ANY,
                    "nothing, there is no backend",
                    NOTHING,
                    SAME_WAY,
                    "generator/roots/environment",
                    when={BACKEND: NONE},
                ),
                Row(
                    each,
                    ANY,
                    "the range changes in place; tasks or instances are started or stopped one by one, without a "
                    "deployment",
                    NOTHING,
                    SAME_WAY,
                    "Application Auto Scaling API reference, RegisterScalableTarget",
                    "before the first release there is no range yet",
                ),
            )
        ],
        Row(
            "DeploymentStrategy",
            ANY,
            "nothing, there is no backend",
            NOTHING,
            SAME_WAY,
            "generator/roots/environment",
            when={BACKEND: NONE},
        ),
        Row(
            "DeploymentStrategy",
            ANY,
            "the deployment policy changes in place; the next release uses it",
            NOTHING,
            SAME_WAY,
            "Elastic Beanstalk developer guide, using-features.rolling-version-deploy",
            when={BACKEND: BEANSTALK},
        ),
        *[
            Row(
                "DeploymentStrategy",
                f"ROLLING -> {strategy}",
                "AWS shifts traffic only for a service that has had both target groups for one rolling deployment",
                NOTHING,
                SAME_WAY,
                shift,
                "set TargetGroups to TWO with DeploymentStrategy ROLLING, deploy, release, then change the strategy",
                REFUSED,
                was={"TargetGroups": ("ONE",), BACKEND: ECS, "BackendBootstrap": ("false",)},
            )
            for strategy in ("BLUE_GREEN", "CANARY")
        ],
        *_in_place(
            "DeploymentStrategy",
            happens=may_start,
            source=shift,
            around=NO_RELEASE,
            level=NOTICE,
            users="nothing; a deployment, if one starts, takes as long as its bake times",
        ),
        *elsewhere("TargetGroups"),
        Row(
            "TargetGroups",
            "ONE -> TWO",
            "the role that shifts traffic is made, then the service gets the second target group, and all tasks are "
            "replaced in a rolling deployment",
            "nothing; 3 to 6 minutes during which old and new tasks answer",
            SAME_WAY,
            "ECS API reference, UpdateService: loadBalancers (a change starts a deployment)",
            f"one release with DeploymentStrategy ROLLING afterwards, before a strategy that shifts; {NO_RELEASE}",
        ),
        Row(
            "TargetGroups",
            "TWO -> ONE",
            "all tasks are replaced and register with the first group alone; refused unless the rule sends everything "
            "to the first group: nobody moves the rule's weights, and with weight on the second one requests would be "
            "sent to nobody",
            "nothing; 3 to 6 minutes during which old and new tasks answer",
            SAME_WAY,
            "ECS API reference, UpdateService: loadBalancers; scripts/operations/refusals.py",
            f"set DeploymentStrategy to ROLLING first, and release until the first group has all weight; {NO_RELEASE}",
        ),
        *[
            row
            for each in ("BakeMinutes", "CanaryPercent", "CanaryBakeMinutes")
            for row in (
                Row(
                    each,
                    ANY,
                    "nothing, there is no backend",
                    NOTHING,
                    SAME_WAY,
                    "generator/roots/environment",
                    when={BACKEND: NONE},
                ),
                Row(
                    each,
                    ANY,
                    "nothing with ROLLING; with CANARY the policy of Elastic Beanstalk changes in place",
                    NOTHING,
                    SAME_WAY,
                    "generator/stacks/backend",
                    when={BACKEND: BEANSTALK},
                ),
                Row(
                    each,
                    ANY,
                    "nothing, the service deploys rolling",
                    NOTHING,
                    SAME_WAY,
                    "generator/stacks/backend/strategy.py",
                    when={"DeploymentStrategy": ("ROLLING",)},
                ),
                Row(
                    each,
                    ANY,
                    f"with a strategy that uses it {may_start}; with another one nothing",
                    "nothing; a deployment, if one starts, takes as long as its bake times",
                    SAME_WAY,
                    shift,
                    NO_RELEASE,
                    NOTICE,
                ),
            )
        ],
        Row(
            "InstanceType",
            ANY,
            "the environment gets new instances beside the old ones, which replace them when they are healthy",
            "nothing; 5 to 10 minutes with twice the instances",
            "yes; instances that do not become healthy never replace the old ones",
            BEANSTALK_SOURCE,
            NO_RELEASE,
            when={BACKEND: BEANSTALK},
        ),
        *_in_place(
            "InstanceType", happens="nothing, the backend does not run on instances", source="generator/stacks/backend"
        ),
        *_shorter("ImagesKept", "images", "ECR user guide, lifecycle_policy_parameters"),
        *_pipeline("DeploymentTimeoutMinutes", when=on_ecs),
        *elsewhere("DeploymentTimeoutMinutes"),
    ]


def _frontend() -> list[Row]:
    bucket = "S3 user guide, transfer-acceleration; S3 API reference, PutBucketAccelerateConfiguration"
    return [
        *_build("FrontendOutput", "FrontendAssets", "BuildVariables"),
        *_in_place(
            "PriceClass",
            happens="the distribution changes in place (3 to 5 minutes)",
            source="CloudFront developer guide, PriceClass",
            users="nothing, but for the way to the nearest edge location",
        ),
        Row(
            "TransferAcceleration",
            "Enabled -> Off",
            "S3 keeps what it was told last: taking the property out may leave the acceleration on, and its price",
            NOTHING,
            SAME_WAY,
            f"{bucket} (Enabled and Suspended are all there is)",
            "choose `Suspended`, which ends it",
            REFUSED,
        ),
        *_in_place("TransferAcceleration", happens="the bucket changes in place", source=bucket),
    ]


def _network() -> list[Row]:
    vpc = "schemas of AWS::EC2::VPC, AWS::EC2::Subnet and AWS::EC2::VPCGatewayAttachment (replacementStrategy); "
    vpc += "pulumi-aws #1483"
    another = "make a second environment and move to it (docs/renaming.md), or destroy this one first"
    return [
        Row(
            "VpcCidr",
            ANY,
            "the network would be replaced under what runs in it, which cannot work: gateways, addresses and the load "
            "balancer hold on to the old one",
            NOTHING,
            SAME_WAY,
            vpc,
            another,
            REFUSED,
        ),
        Row(
            "NatGatewayCount",
            RAISED,
            "an address and a gateway are added, then the route of the second zone moves to it in place",
            "open connections of the second zone to other services end once, within seconds",
            SAME_WAY,
            "VPC user guide, vpc-nat-gateway; EC2 quotas, Elastic IPs (5 a Region)",
            "whoever admits the environment by its address needs the second one too; the Region needs a free address",
            NOTICE,
        ),
        Row(
            "NatGatewayCount",
            LOWERED,
            "the route of the second zone moves to the first gateway in place, then the second one and its address go",
            "open connections of the second zone to other services end once, within seconds; without the first zone "
            "nothing gets out",
            "a second gateway gets another address",
            "VPC user guide, vpc-nat-gateway",
            "whoever admits the environment by its address loses one of two",
            NOTICE,
        ),
        Row(
            "LoadBalancerScheme",
            ANY,
            "the load balancer would be replaced, and its target groups belong to one load balancer alone",
            NOTHING,
            SAME_WAY,
            "schema of AWS::ElasticLoadBalancingV2::LoadBalancer; aws-cdk #33253",
            another,
            REFUSED,
        ),
        *_in_place(
            "LoadBalancerCertificateArn",
            happens="the listener takes the other certificate in place; one that the stack made goes afterwards, when "
            "nothing uses it any more",
            source="Elastic Load Balancing API reference, ModifyListener",
            around="it has to cover the domain, or CloudFront answers 502",
            level=NOTICE,
        ),
    ]


def _releases() -> list[Row]:
    unapproved = _in_place(
        "ApprovalTimeoutMinutes",
        happens="nothing, releases wait for nobody",
        source="generator/stacks/pipeline",
        when={"ApprovalRequired": ("false",)},
    )
    platform = "Elastic Beanstalk developer guide, using-features.platform.upgrade"
    return [
        *_pipeline("BuildLayout", "OnlyChanged", "ExecutionMode", "ApprovalRequired"),
        *_in_place(
            "ExecutionTimeoutMinutes",
            happens="the rule that hands each execution to its watch changes in place; a release that runs keeps the "
            "limit that it started with",
            source="EventBridge user guide, eb-transform-target-input; generator/stacks/pipeline",
        ),
        *unapproved,
        *_pipeline("ApprovalTimeoutMinutes"),
        *_build("TestsBlock", "LintBlocks", "ScanFindingsBlock", "BuildspecSource"),
        *_build("BuildImage", "BuildComputeType", "BuildTimeoutMinutes"),
        Row(
            "PythonVersion",
            ANY,
            "the environment moves to another branch of the platform in place: every instance is replaced, and the "
            "application's dependencies are installed anew on the other Python",
            "nothing, when it comes up; AWS advises a second environment for such a step",
            "yes, as long as the old branch is offered",
            platform,
            f"try it in another environment first; {DEPLOY_ALONE}; {NO_RELEASE}",
            NOTICE,
            when={BACKEND: BEANSTALK},
        ),
        *_build("PythonVersion", "NodeVersion"),
    ]


def _people_of_environment() -> list[Row]:
    alarm = "CloudWatch API reference, PutMetricAlarm; CloudFormation API reference, RollbackConfiguration"
    return [
        *_people("environment"),
        *_in_place(
            "LatencyAlarmSeconds",
            "ErrorAlarmCount",
            happens="the alarm changes in place",
            source=alarm,
            around="a limit below what happens right now raises the alarm, which takes this very update back: "
            "`--without-alarms` leaves it out",
        ),
        *_in_place("BuildDurationAlarmSeconds", happens="the alarm changes in place", source=alarm),
        *_in_place(
            "MonthlyBudget",
            happens="the limit changes in place; what was spent is remembered",
            source="schema of AWS::Budgets::Budget",
        ),
    ]


def _keeping() -> list[Row]:
    own = "the roles of the tasks would lose the old one at once and get the new one, while images and data stay where "
    own += "they are: everything goes on until the next task starts, which cannot read them"
    first = "leave it as it is; it is for the first deployment of an environment that is made again beside its old data"
    living = {BACKEND: (*ECS, *BEANSTALK)}
    return [
        *_shorter(
            "ArtifactDays",
            "artifacts, with the releases that can be rolled back to,",
            "S3 user guide, intro-lifecycle-rules",
        ),
        *_in_place(
            "DeletionProtection",
            change="false -> true",
            happens="tables and load balancer refuse to be deleted, in place, from the first release on",
            source="DynamoDB API reference, UpdateTable; Elastic Load Balancing user guide, deletion-protection",
        ),
        *_in_place(
            "DeletionProtection",
            change="true -> false",
            happens="tables and load balancer may be deleted again, in place",
            source="DynamoDB API reference, UpdateTable; Elastic Load Balancing user guide, deletion-protection",
            level=NOTICE,
        ),
        *_shorter(
            "LogRetentionDays",
            "logs and access logs",
            "CloudWatch Logs user guide, SettingLogRetention; S3 user guide, intro-lifecycle-rules",
        ),
        Row(
            "ExistingKeyArn",
            ANY,
            f"{own}; artifacts, caches and images under the old key could not be read",
            NOTHING,
            SAME_WAY,
            "Secrets Manager user guide, manage_update-encryption-key; schema of AWS::ECR::Repository",
            f"{first}. The key that the environment has already may be named",
            REFUSED,
        ),
        Row(
            "ExistingEncryptionSecretArn",
            ANY,
            "nothing while there is no backend: nothing is encrypted; the next one encrypts with the secret that is "
            "named then",
            NOTHING,
            SAME_WAY,
            "generator/stacks/configuration.py",
            "before a backend comes back, name the secret that the data was encrypted with; `apply --adopt` finds it",
            when={BACKEND: NONE},
        ),
        Row(
            "ExistingEncryptionSecretArn",
            SET,
            "the backend that is made encrypts with the secret that is named, so that it reads the data of before",
            NOTHING,
            "the backend goes again",
            "generator/stacks/configuration.py",
            "name the secret that the data was encrypted with; `apply --adopt` finds it",
            was={BACKEND: NONE},
        ),
        Row(
            "ExistingEncryptionSecretArn",
            ANY,
            "the backend would get another encryption secret, which could not read what was encrypted before",
            NOTHING,
            SAME_WAY,
            "generator/stacks/configuration.py",
            first,
            REFUSED,
        ),
        Row(
            OTHER_SECRETS,
            ANY,
            "nothing while there is no backend; the next one reads it",
            NOTHING,
            SAME_WAY,
            "generator/stacks/configuration.py",
            when={BACKEND: NONE},
        ),
        Row(
            OTHER_SECRETS,
            SET,
            "the backend that is made reads the secret that is named",
            NOTHING,
            "the backend goes again",
            "generator/stacks/configuration.py",
            "`apply --adopt` finds it",
            was={BACKEND: NONE},
        ),
        Row(
            OTHER_SECRETS,
            ANY,
            "new tasks read the other secret; the one that the stack made leaves it and stays behind, outside of any "
            "stack, and another is made when the parameter is emptied",
            "what was signed or encrypted with the value of before is worth nothing: with the key of the sessions "
            "everybody signs in once more",
            "yes, with the ARN of the secret of before; an empty parameter makes a new one",
            "generator/stacks/configuration.py; schema of AWS::SecretsManager::Secret",
            "a value alone is exchanged with `delivery config ENVIRONMENT --secret NAME`, and the secret stays",
            ALLOWED,
            loss="the value with which the application has signed until now",
        ),
        *_in_place(
            "ExistingRepositoryName",
            happens="nothing while the backend does not run on ECS",
            source="generator/roots/environment",
            when={BACKEND: (*BEANSTALK, *NONE)},
            around="name the repository that the images are in before the backend runs on ECS again",
        ),
        Row(
            "ExistingRepositoryName",
            ANY,
            "the backend that is made pulls its images from the repository that is named",
            NOTHING,
            "the backend goes again",
            "generator/roots/environment",
            "`apply --adopt` finds it",
            was={BACKEND: (*BEANSTALK, *NONE)},
        ),
        Row(
            "ExistingRepositoryName",
            ANY,
            own,
            NOTHING,
            SAME_WAY,
            "generator/stacks/backend/roles.py",
            f"{first}. The repository that the environment has already may be named",
            REFUSED,
            when=living,
        ),
    ]


def _computed() -> list[Row]:
    return [
        *_pipeline(
            "RepositoryName",
            happens="the rule that starts the pipeline, and the roles that read the repository, follow the new name",
            around="`apply shared` renames the repository first, and with an access stack `access` comes before that",
        ),
        *_in_place(
            "SigningProfileArn",
            happens="PushImage may sign with the profile and asks for its signature, or for none",
            source="ECR user guide, managed-signing",
            around="it follows `ImageSigning` of `shared`",
            level=NOTICE,
        ),
        *_in_place(
            "RoleBoundaryArn",
            happens="every role gets the policy as its permissions boundary, or loses the one that it had",
            source="schema of AWS::IAM::Role: PermissionsBoundary changes in place",
            around="it follows the access stack, which `access` makes and an administrator alone deletes",
            level=NOTICE,
        ),
        *_in_place(
            "CloudFrontPrefixListId",
            happens="the rule that lets CloudFront in is replaced, the new one first. A Region has one such list, so "
            "that this does not happen to a living environment",
            source="schema of AWS::EC2::SecurityGroupIngress",
            level=NOTICE,
        ),
        *[
            Row(
                zone,
                ANY,
                "all four subnets would be replaced while their address ranges are taken",
                NOTHING,
                SAME_WAY,
                "schema of AWS::EC2::Subnet",
                "make a second environment and move to it (docs/renaming.md), or destroy this one first",
                REFUSED,
            )
            for zone in ("ZoneA", "ZoneB")
        ],
        *_in_place(
            "EdgeCertificateArn",
            happens="the distribution takes the other certificate in place (3 to 5 minutes)",
            source="CloudFront developer guide, cnames-and-https-requirements",
        ),
        *_in_place(
            "PlatformArn",
            happens="every instance is replaced by one of the new version of the platform; a newer version of the same "
            "branch is taken when nothing else changes, in a deployment of its own",
            source="Elastic Beanstalk developer guide, using-features.platform.upgrade",
            users="nothing; 5 to 10 minutes with twice the instances",
            around=NO_RELEASE,
            when={BACKEND: BEANSTALK},
        ),
        *_in_place("PlatformArn", happens="nothing, the backend does not run on instances", source="the script"),
        *_in_place(
            "BackendBootstrap",
            happens="the script sets it once, after the first release: autoscaling is added, and decides the count of "
            "tasks from then on",
            source="generator/stacks/backend/ecs.py",
            back=NEVER,
        ),
        *_in_place(
            "BackendImage",
            happens="new tasks start with the image of the last good release, in a deployment of its own before all "
            "else, so that a rollback lands on it",
            source="scripts/operations/image_first.py",
        ),
        *_tasks(CONFIGURATION),
    ]


def _edge() -> list[Row]:
    alarms = "AmazonCloudFront developer guide, programming-cloudwatch-metrics"
    return [
        *_named(EDGE),
        *_domain(EDGE),
        *_people(EDGE),
        *_in_place(
            "LatencyAlarmSeconds",
            "CloudFrontErrorPercent",
            happens="the alarm changes in place",
            source=alarms,
            root=EDGE,
        ),
        Row(
            "CloudFrontAlarms",
            "false -> true",
            "a key, a topic and two alarms are made in us-east-1, and CloudFront's additional metrics are switched on, "
            "which cost extra",
            NOTHING,
            SAME_WAY,
            alarms,
            "the address of the topic has to confirm once more",
            NOTICE,
            root=EDGE,
        ),
        Row(
            "CloudFrontAlarms",
            "true -> false",
            "alarms, topic and metrics go; the key that encrypted their messages stays, outside of the stack, for a "
            "dollar a month",
            NOTHING,
            "yes, with another key and another topic, whose subscriber has to confirm once more",
            f"{alarms}; generator/core/retention.py (a key is never deleted)",
            "no data is encrypted with the key: `aws kms schedule-key-deletion --region us-east-1 --key-id ID` ends it "
            "and its price; the plan names it among what is kept",
            NOTICE,
            root=EDGE,
        ),
        *_in_place(
            "DistributionId",
            happens="the script sets it once, after the first deployment of the environment: the alarms are added; no "
            "parameter ever replaces the distribution",
            source=alarms,
            root=EDGE,
        ),
    ]


def _access() -> list[Row]:
    trust = "IAM user guide, id_roles_use_revoke-sessions"
    return [
        *_named(ACCESS),
        *_in_place(
            "DeployUsers",
            "DeployPermissionSet",
            "DeployCiRole",
            "ApproverUsers",
            "ApproverPermissionSet",
            happens="the trust policy of the role changes in place; a session that is open stays open for its hour",
            source=trust,
            around="an administrator runs `access`",
            root=ACCESS,
        ),
        *_protection(ACCESS, "access"),
        *_in_place(
            "DomainName",
            happens="the records of the new domain may be written, and those of the one before no more",
            source="generator/roots/access",
            around="give the one before in FormerDomainName until the environment has moved: CloudFormation takes its "
            "records back last",
            root=ACCESS,
            level=NOTICE,
        ),
        *_in_place(
            "FormerDomainName",
            happens="its records may be taken back, and made again",
            source="generator/roots/access",
            around="empty it, and run `access` once more, when the environment has moved",
            root=ACCESS,
        ),
        *_in_place(
            TABLE,
            "RepositoryName",
            happens="the roles may make and read what has the new name, and no longer what has the old one",
            source="generator/roots/access",
            around="`access` comes before the deployment that makes it: `apply` refuses until then",
            root=ACCESS,
            level=NOTICE,
        ),
    ]


def _protection(root: str, command: str) -> list[Row]:
    """Whom the policies bind that protect by being attached."""
    source = "schema of AWS::IAM::ManagedPolicy (`Groups`, `Roles`); CustomerManagedPolicyReference of permission sets"
    around = f"an administrator runs `{command}`; the groups and roles have to be there already"
    return [
        *_in_place(
            "DeveloperGroups",
            "DeveloperRoles",
            happens="the policy is attached to whom the list names from then on, and detached from the others",
            source=source,
            around=around,
            root=root,
        ),
        *_in_place(
            "DeveloperPermissionSets",
            happens="nothing of the stack changes: the preflight looks at these sets and says how to attach the policy",
            source=source,
            root=root,
        ),
        *_in_place(
            "ProtectionWaivedBecause",
            happens="nothing of the stack changes: the gate and the preflight repeat the reason",
            source="generator/roots/developers.py",
            root=root,
        ),
    ]


def _shared() -> list[Row]:
    return [
        Row(
            "RepositoryName",
            ANY,
            "the repository is renamed in place, and its ARN and clone addresses change at once: the start rules, the "
            "pipelines and everybody's remotes point to nothing",
            "nothing; no push releases anything until every environment has been deployed again, which cancels its "
            "running releases",
            SAME_WAY,
            "CodeCommit API reference, UpdateRepositoryName",
            "an administrator runs `access shared`, and the same for every environment; then `apply shared`, then "
            "every environment is deployed, then `git remote set-url` on every clone",
            NOTICE,
            root=SHARED,
        ),
        *_in_place(
            "ProtectedBranch",
            happens="nothing of the stack changes; the script brings the rule template along",
            source="scripts/operations/releases/approvals.py",
            root=SHARED,
        ),
        *_in_place(
            "RequiredApprovals",
            happens="nothing of the stack changes; the script brings the rule template along",
            source="scripts/operations/releases/approvals.py",
            root=SHARED,
        ),
        Row(
            "ImageSigning",
            "false -> true",
            "the account's registry signs each image of the application that is pushed from then on; a signing "
            "configuration that somebody else made of this registry is in the way",
            "nothing; once an environment has been deployed again, PushImage hands on no image without a signature, "
            "nor one that was pushed before",
            SAME_WAY,
            "ECR user guide, managed-signing: of each registry there is one configuration",
            "`access shared`, and the same for every environment; then `apply shared`, then the environments",
            NOTICE,
            root=SHARED,
        ),
        Row(
            "ImageSigning",
            "true -> false",
            "the profile is canceled, and the registry signs nothing more; what was signed stays signed",
            "nothing; until an environment has been deployed again, its PushImage waits for a signature in vain",
            "the same way, with another profile: whoever verifies signatures has to be told its ARN",
            "Signer API reference, CancelSigningProfile; ECR API reference, DeleteSigningConfiguration",
            "`apply shared`, then the environments",
            NOTICE,
            root=SHARED,
        ),
    ]


def _shared_access() -> list[Row]:
    return [
        *_in_place(
            "DeployUsers",
            "DeployPermissionSet",
            happens="the trust policy of the role changes in place; a session that is open stays open for its hour",
            source="IAM user guide, id_roles_use_revoke-sessions",
            around="an administrator runs `access shared`",
            root=SHARED_ACCESS,
        ),
        *_in_place(
            "RepositoryName",
            "ProtectedBranch",
            happens="the roles may make, and the protection is about, what has the new name",
            source="generator/roots/access/shared.py",
            around="`access shared` comes before the deployment: `apply shared` refuses until then",
            root=SHARED_ACCESS,
            level=NOTICE,
        ),
        *_protection(SHARED_ACCESS, "access shared"),
    ]


ROWS: tuple[Row, ...] = (
    *_environment(),
    *_source(),
    *_application(),
    *_backend(),
    *_frontend(),
    *_network(),
    *_releases(),
    *_people_of_environment(),
    *_keeping(),
    *_computed(),
    *_edge(),
    *_access(),
    *_shared(),
    *_shared_access(),
)
