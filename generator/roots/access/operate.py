"""What the deploy role may do around a deployment: look before it, release and configure after it.

Sources: Service Authorization Reference of each service.
"""

from __future__ import annotations

from collections.abc import Mapping

from awacs import (
    acm,
    codebuild,
    codecommit,
    codeconnections,
    codepipeline,
    codestar_connections,
    ec2,
    ecr,
    ecs,
    elasticbeanstalk,
    elasticloadbalancing,
    iam,
    kms,
    route53,
    secretsmanager,
    servicequotas,
    ses,
    sns,
    ssm,
)
from awacs.aws import StringEquals
from troposphere import Ref, Sub

from generator.cfn.names import SHARED_ACCESS
from generator.core import arns, paths, ports
from generator.core.arns import Text
from generator.core.iam import Grant, allow, unscoped
from generator.core.names import DEPLOY, DOCUMENTS_RECORD
from generator.core.ports import Port
from generator.core.stack import Stack
from generator.roots.access.handler_permissions.types import tagged

# The services whose roles an environment needs (scripts/operations/preflight/account.py makes what is missing).
LINKED = (
    "autoscaling.amazonaws.com",
    "ecs.amazonaws.com",
    "ecs.application-autoscaling.amazonaws.com",
    "elasticbeanstalk.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "vpcorigin.cloudfront.amazonaws.com",
)


def grants(stack: Stack, names: Mapping[Port, Text]) -> list[Grant]:
    """The statements. `names` are the physical names that the environment computes."""
    return [*_looking(stack), *_repository(stack), *_releasing(names), *_configuring(stack, names)]


def _looking(stack: Stack) -> list[Grant]:
    """What must be there before a deployment begins."""
    application = stack.project.name
    own = arns.global_arn("iam", f"role{paths.path(application, '-access')}*")
    linked = Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/*")
    # GetRole names a role without its path. What IAM judges while there is none of the name, which is how a fresh
    # account is, no page says: an ARN without the path is allowed as well, so that the answer is NoSuchEntity.
    unmade = arns.global_arn("iam", "role/AWSServiceRoleFor*")
    return [
        allow(
            "FindConnection",
            # The prefix of the action follows that of the ARN, which is the older one for older connections (Service
            # Authorization Reference, AWS CodeConnections and AWS CodeStar Connections).
            [codeconnections.GetConnection, codestar_connections.GetConnection],
            [arns.arn("codeconnections", "connection/*"), arns.arn("codestar-connections", "connection/*")],
            "an environment is refused while nobody has completed its connection, whichever its parameter names",
        ),
        allow(
            "FindPlatform",
            [elasticbeanstalk.ListPlatformVersions],
            [arns.beanstalk_platforms()],
            "an environment on Elastic Beanstalk gets the newest version of its platform",
        ),
        allow(
            "LookAtAccount",
            [
                acm.ListCertificates,
                codebuild.ListCuratedEnvironmentImages,
                ec2.DescribeAddresses,
                ec2.DescribeAvailabilityZones,
                ec2.DescribeInstanceTypeOfferings,
                ec2.DescribeInstanceTypes,
                ec2.DescribeManagedPrefixLists,
                ec2.DescribeVpcs,
                ecr.GetRegistryScanningConfiguration,
                elasticloadbalancing.DescribeRules,
                servicequotas.ListServiceQuotas,
                ses.GetAccount,
                sns.GetSMSSandboxAccountStatus,
            ],
            unscoped(),
            "what would stop a first deployment is told before it: quotas, build images, instance types, sandboxes, "
            "and whether images are scanned (ecr:GetRegistryScanningConfiguration); "
            "the load balancer's group names CloudFront's prefix list, whose id differs by region, and zones are "
            "chosen by their ids and by the instances that they offer; a second target group is not taken from under "
            "the traffic, which the weights of the rule tell; a replaced certificate is found among all",
        ),
        allow(
            "FindZone",
            [route53.GetHostedZone],
            [Sub("arn:${AWS::Partition}:route53:::hostedzone/*")],
            "route53:GetHostedZone tells whether the zone, whichever the parameter names, is public and the domain's",
        ),
        allow(
            "FindSender",
            [ses.GetEmailIdentity],
            [arns.ses_identities()],
            "the sender of mail has to be verified, whichever the parameter names",
        ),
        allow(
            "LinkServices",
            [iam.CreateServiceLinkedRole],
            [linked],
            "a service that is used for the first time needs its role before the deployment",
            [StringEquals({"iam:AWSServiceName": list(LINKED)})],
        ),
        allow(
            "SeeProtection",
            [iam.ListEntitiesForPolicy],
            [
                arns.global_arn("iam", f"policy{paths.path(application, environment=SHARED_ACCESS)}*"),
                arns.global_arn("iam", f"policy{paths.path(application, '-access')}*"),
            ],
            "whether the protections bind anybody is told before a deployment: that of the branch in "
            f"policy{paths.path(application, environment=SHARED_ACCESS)}*, and that of the approval",
        ),
        allow(
            "FindRoles",
            [iam.GetRole],
            [linked, unmade, own],
            "roles of services, made or not, and the one that deploys, are looked up",
        ),
        allow(
            "KnowOwnRights",
            [iam.SimulatePrincipalPolicy],
            [own],
            "a permission that is lacking is told before the deployment, not in the middle of it",
        ),
    ]


def _repository(stack: Stack) -> list[Grant]:
    repository = arns.codecommit_repository(stack.takes(ports.REPOSITORY_NAME))
    return [
        allow(
            "FindBranch",
            [codecommit.GetBranch],
            [repository],
            "an environment is refused while its branch does not exist",
        ),
        allow("FindRepository", [codecommit.ListRepositories], unscoped(), "it may not exist yet"),
    ]


def standing(stack: Stack, names: Mapping[Port, Text]) -> list[Grant]:
    """What `status` and `preflight` look at besides. In a policy of its own: those of the role itself share 10,240
    characters (IAM user guide, reference_iam-quotas)."""
    application, environment = stack.project.name, f"${{{ports.ENVIRONMENT.name}}}"
    record = f"/{stack.project.short}/release/{environment}/{DOCUMENTS_RECORD}"
    return [
        allow(
            "SeeSubscribers",
            [sns.ListSubscriptionsByTopic],
            [
                arns.arn("sns", "${Name}", Name=names[ports.TOPIC_NAME]),
                # The topic of the root `edge`, whose name CloudFormation makes.
                Sub(f"arn:${{AWS::Partition}}:sns:us-east-1:${{AWS::AccountId}}:{application}-{environment}-*"),
            ],
            "who has not confirmed that they want the messages is told: a failed release reaches nobody else",
        ),
        allow(
            "FindDocuments",
            [ssm.GetParameter],
            [arns.ssm_parameter(Sub(record))],
            "`status` names the documents about the image of the last good release",
        ),
    ]


def _releasing(names: Mapping[Port, Text]) -> list[Grant]:
    pipeline = names[ports.PIPELINE_NAME]
    return [
        allow(
            "SeeReleases",
            [
                codepipeline.GetPipeline,
                codepipeline.GetPipelineExecution,
                codepipeline.ListActionExecutions,
                codepipeline.ListPipelineExecutions,
            ],
            [arns.codepipeline(pipeline)],
            "a deployment waits for a release that runs, and an earlier good one is found, with the stages that it ran",
        ),
        allow(
            "ReleaseAgain",
            [codepipeline.StartPipelineExecution],
            [arns.codepipeline(pipeline)],
            "an earlier commit is released again by hand",
        ),
        allow(
            "SeeInstances",
            [elasticbeanstalk.DescribeEnvironments],
            [arns.beanstalk_environment(names[ports.APPLICATION_NAME], names[ports.BEANSTALK_NAME])],
            "Elastic Beanstalk takes no change while another one runs, so that a deployment waits for it",
        ),
        allow(
            "GoBack",
            [codepipeline.RollbackStage],
            [arns.codepipeline(pipeline, f"/{DEPLOY}_*")],
            "a stage that deploys goes back to an earlier good release by hand",
        ),
    ]


def _configuring(stack: Stack, names: Mapping[Port, Text]) -> list[Grant]:
    prefix = names[ports.CONFIGURATION_PREFIX]
    service = arns.ecs_service(names[ports.CLUSTER_NAME], names[ports.SERVICE_NAME])
    return [
        allow(
            "FindRelease",
            [ssm.GetParameter],
            [arns.ssm_parameter(Sub(f"/{stack.project.short}/release/${{{ports.ENVIRONMENT.name}}}/image"))],
            "an update of the backend keeps the image of the last good release",
        ),
        allow(
            "ReadConfiguration",
            [ssm.GetParameter, ssm.GetParametersByPath],
            [arns.ssm_parameter(prefix), arns.ssm_parameter(prefix, "/*")],
            "the configuration is listed and compared; before it is created, its names are looked up",
        ),
        allow(
            "WriteSecrets",
            [secretsmanager.PutSecretValue],
            [arns.arn("secretsmanager", "secret:*")],
            "secrets are written directly; their names are generated, so the environment's tag tells them",
            tagged(),
        ),
        # Secrets Manager user guide, security-encryption: "permissions for the KMS key".
        allow(
            "EncryptSecrets",
            [kms.Decrypt, kms.GenerateDataKey],
            [arns.arn("kms", "key/*")],
            "Secrets Manager encrypts what is written with the rights of whoever writes it",
            [
                StringEquals(
                    {
                        "aws:ResourceTag/Environment": Ref(ports.ENVIRONMENT.name),
                        "kms:ViaService": Sub("secretsmanager.${AWS::Region}.amazonaws.com"),
                    }
                )
            ],
        ),
        allow("RollTasks", [ecs.UpdateService], [service], "a secret that was written is read by new tasks only"),
    ]
