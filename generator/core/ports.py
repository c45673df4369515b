"""The names that two templates must agree on, written once.

A port is a parameter of a child template that the root feeds, and often an output of another child. A stack takes
and gives ports by these constants, never by text, so that a misspelled name is an `AttributeError`; `connect()` in
`wiring.py` refuses loose ends and kinds that differ.

Long because it is one table: a port is one entry.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What a value is, so that a subnet cannot be wired where a group belongs."""

    NAME = "name"
    ARN = "ARN"
    URL = "URL"
    HOST = "host name"
    ID = "id"
    NUMBER = "number"
    SWITCH = "switch"
    TEXT = "text"
    CIDR = "address range"
    ADDRESS = "mail address or phone number"
    VPC = "VPC id"
    SUBNET = "subnet id"
    GROUP = "security group id"
    PREFIX_LIST = "prefix list id"
    DISTRIBUTION = "distribution id"


class Port(NamedTuple):
    """A value that crosses the border of a template: its CloudFormation name, its kind, and what it means."""

    name: str
    kind: Kind
    meaning: str


# What every environment says about itself.
ENVIRONMENT = Port("Environment", Kind.NAME, "Name of the environment; part of every account-wide name")
BRANCH = Port("BranchName", Kind.NAME, "Branch whose pushes start the pipeline")
REPOSITORY_NAME = Port("RepositoryName", Kind.NAME, "CodeCommit repository that holds the application")
PROTECTED_BRANCH = Port("ProtectedBranch", Kind.NAME, "Branch that the protection policy guards")
REPOSITORY_ARN = Port("RepositoryArn", Kind.ARN, "ARN of the repository")
IMAGE_SIGNING = Port(
    "ImageSigning",
    Kind.SWITCH,
    "true lets ECR sign each image of the application when it is pushed, with a profile of AWS Signer, and then no"
    " image is released without a signature; the signing configuration of the registry has to be ours alone",
)
SIGNING_PROFILE = Port(
    "SigningProfileArn", Kind.ARN, "Profile of AWS Signer that ECR signs images with; empty while none is signed"
)
CLONE_URL = Port("CloneUrlHttp", Kind.URL, "Address to clone from over HTTPS")
CLONE_URL_SSH = Port("CloneUrlSsh", Kind.URL, "Address to clone from over SSH")
REQUIRED_APPROVALS = Port(
    "RequiredApprovals", Kind.NUMBER, "Approvals that a pull request to the protected branch needs; 0 for no rule"
)
APPROVAL_RULE = Port("ApprovalRule", Kind.TEXT, "Content of the approval rule template that the deploy script keeps")
BRANCH_PROTECTION_ARN = Port(
    "BranchProtectionArn", Kind.ARN, "Policy that keeps those it is attached to from pushing to the branch"
)
# Whom branch protection and approval protection bind.
DEVELOPER_GROUPS = Port(
    "DeveloperGroups", Kind.NAME, "IAM groups of those who write the application, whom the protection binds"
)
DEVELOPER_ROLES = Port("DeveloperRoles", Kind.NAME, "Roles, without their paths, whom the protection binds as well")
DEVELOPER_PERMISSION_SETS = Port(
    "DeveloperPermissionSets",
    Kind.NAME,
    "Permission sets of IAM Identity Center that refer to the protection; preflight looks whether they do",
)
PROTECTION_WAIVED = Port(
    "ProtectionWaivedBecause", Kind.TEXT, "Why the protection binds nobody, where no group, role or set is named"
)
ACCOUNT_SHARED = Port(
    "AccountSharedBecause",
    Kind.TEXT,
    "Why another environment of this account may read the secrets of the application's clients; empty while none may",
)
BACKEND_TARGET = Port("BackendTarget", Kind.SWITCH, "Where the backend runs: ECS, BEANSTALK, or NONE for no backend")
FRONTEND_TARGET = Port(
    "FrontendTarget", Kind.SWITCH, "Where the frontend is served: CLOUDFRONT, or NONE for no frontend"
)

# access
DEPLOY_USERS = Port(
    "DeployUsers", Kind.NAME, "IAM users who may deploy after signing in with MFA; * for any text, empty for none"
)
DEPLOY_PERMISSION_SET = Port(
    "DeployPermissionSet", Kind.NAME, "Permission set of IAM Identity Center that may deploy; empty for none"
)
DEPLOY_CI_ROLE = Port(
    "DeployCiRole", Kind.NAME, "Role of a CI service that may deploy without a person; never for production"
)
APPROVER_USERS = Port(
    "ApproverUsers", Kind.NAME, "IAM users who may approve after signing in with MFA; * for any text, empty for none"
)
APPROVER_PERMISSION_SET = Port(
    "ApproverPermissionSet", Kind.NAME, "Permission set of IAM Identity Center that may approve; empty for none"
)
ACCESS_BOUNDARY = Port(
    "RoleBoundaryArn",
    Kind.ARN,
    "Policy of the stack `access` that limits what the roles of the environment may do; empty without that stack",
)
ROLE_BOUNDARY = Port(
    "PermissionsBoundaryArn", Kind.ARN, "Policy that is the permissions boundary of every role of the environment"
)
DEPLOY_ROLE_ARN = Port("DeployRoleArn", Kind.ARN, "Role to deploy the environment with")
CLOUDFORMATION_ROLE_ARN = Port(
    "CloudFormationRoleArn", Kind.ARN, "Role that CloudFormation deploys the environment with"
)
APPROVER_ROLE_ARN = Port("ApproverRoleArn", Kind.ARN, "Role to approve releases with")
APPROVAL_PROTECTION_ARN = Port(
    "ApprovalProtectionArn", Kind.ARN, "Policy that keeps those it is attached to from letting releases pass"
)

# Physical names that several children need before the resource exists; computed once in the root.
PIPELINE_NAME = Port("PipelineName", Kind.NAME, "Name of the pipeline")
CLUSTER_NAME = Port("ClusterName", Kind.NAME, "Name of the ECS cluster")
SERVICE_NAME = Port("ServiceName", Kind.NAME, "Name of the ECS service")
BACKEND_PROJECT = Port("BackendProjectName", Kind.NAME, "Name of the CodeBuild project that builds the backend")
FRONTEND_PROJECT = Port("FrontendProjectName", Kind.NAME, "Name of the CodeBuild project that builds the frontend")
PUBLISH_PROJECT = Port("PublishProjectName", Kind.NAME, "Name of the CodeBuild project that invalidates the cache")
PUSH_PROJECT = Port("PushProjectName", Kind.NAME, "Name of the CodeBuild project that pushes images")
SEAL_PROJECT = Port("SealProjectName", Kind.NAME, "Name of the CodeBuild project that seals what was built")
VERIFY_PROJECT = Port("VerifyProjectName", Kind.NAME, "Name of the CodeBuild project that verifies a backend's release")
VERIFY_FRONTEND_PROJECT = Port(
    "VerifyFrontendProjectName", Kind.NAME, "Name of the CodeBuild project that verifies a frontend's release"
)
RAISE_PROJECT = Port("RaiseProjectName", Kind.NAME, "Name of the CodeBuild project that starts the first tasks")
CHANGES_PROJECT = Port(
    "ChangesProjectName", Kind.NAME, "Name of the CodeBuild project that says what a release changes"
)
TOPIC_NAME = Port("TopicName", Kind.NAME, "Name of the notification topic")
APPLICATION_NAME = Port("BeanstalkApplicationName", Kind.NAME, "Name of the Elastic Beanstalk application")
BEANSTALK_NAME = Port("BeanstalkEnvironmentName", Kind.NAME, "Name of the Elastic Beanstalk environment")
CONFIGURATION_PREFIX = Port(
    "ConfigurationPrefix", Kind.NAME, "Path under which Parameter Store holds the configuration"
)
LAST_IMAGE_PARAMETER = Port(
    "LastImageParameter",
    Kind.NAME,
    "SSM parameter in which the verify action records the last good image; no stack owns it",
)
RELEASES = Port(
    "ReleasesPath",
    Kind.NAME,
    "Path of the SSM parameters that record the last release of each side; no stack owns them",
)
LAST_VERSION_PARAMETER = Port(
    "LastVersionParameter",
    Kind.NAME,
    "SSM parameter in which the verify action records the last good version on Elastic Beanstalk; no stack owns it",
)

# encryption, storage, notifications, registry
KEY_ARN = Port("KeyArn", Kind.ARN, "Customer managed key for artifacts, logs, topic, secrets and tables")
ARTIFACT_BUCKET_NAME = Port("ArtifactBucketName", Kind.NAME, "Bucket for pipeline artifacts and build caches")
ARTIFACT_BUCKET_ARN = Port("ArtifactBucketArn", Kind.ARN, "ARN of the artifact bucket")
LOG_BUCKET_NAME = Port("LogBucketName", Kind.NAME, "Bucket for access logs")
LOG_BUCKET_DOMAIN = Port("LogBucketDomain", Kind.HOST, "Domain name of the log bucket, as CloudFront wants it")
ARTIFACT_DAYS = Port(
    "ArtifactDays", Kind.NUMBER, "Days that artifacts are kept; no release older than this can be rolled back to"
)
LOG_DAYS = Port("LogRetentionDays", Kind.NUMBER, "Days that log groups and access logs are kept")
TOPIC_ARN = Port("TopicArn", Kind.ARN, "Topic for pipeline messages and alarms")
NOTIFICATION_EMAIL = Port(
    "NotificationEmail", Kind.ADDRESS, "Mail address that gets every message; NONE: nobody, on purpose"
)
NOTIFICATION_PHONE = Port(
    "NotificationPhone", Kind.ADDRESS, "Phone number in E.164 form that gets every message; empty for none"
)
REGISTRY_NAME = Port("RegistryName", Kind.NAME, "ECR repository that the build pushes to")
REGISTRY_ARN = Port("RegistryArn", Kind.ARN, "ARN of the ECR repository")
REGISTRY_URI = Port("RegistryUri", Kind.URL, "Address of the ECR repository, without a tag")
EXISTING_KEY = Port("ExistingKeyArn", Kind.ARN, "Surviving key of an earlier environment; empty for a new one")
EXISTING_REPOSITORY = Port(
    "ExistingRepositoryName", Kind.NAME, "Surviving image repository of an earlier environment; empty for a new one"
)
DATA_TABLES = Port("DataTables", Kind.SWITCH, "CREATE makes the tables, EXISTING uses tables of these names")
DELETION_PROTECTION = Port(
    "DeletionProtection",
    Kind.SWITCH,
    "true makes tables and load balancer refuse to be deleted, whoever tries, from the deployment after the first "
    "release on; set it to false before you destroy",
)
IMAGES_KEPT = Port("ImagesKept", Kind.NUMBER, "How many images of good releases the registry keeps")


def table(logical: str) -> Port:
    """What the table is called, made here or existing; `logical` is the table's stem, such as `Clients`."""
    return Port(f"{logical}Table", Kind.NAME, f"Name of the {logical} table, to make or to use")


def table_name(logical: str) -> Port:
    """The name of one of the project's tables, once it exists."""
    return Port(f"{logical}TableName", Kind.NAME, f"Name of the {logical} table")


def table_arn(logical: str) -> Port:
    """The ARN of one of the project's tables."""
    return Port(f"{logical}TableArn", Kind.ARN, f"ARN of the {logical} table")


# network, site, ingress, delivery
VPC_CIDR = Port("VpcCidr", Kind.CIDR, "Address range of the VPC; the four subnets are cut from it")
ZONE_A = Port("ZoneA", Kind.NAME, "First availability zone of the VPC")
ZONE_B = Port("ZoneB", Kind.NAME, "Second availability zone of the VPC")
NAT_GATEWAYS = Port("NatGatewayCount", Kind.NUMBER, "NAT gateways: 1 is cheaper, 2 survive the loss of a zone")
PREFIX_LIST = Port(
    "CloudFrontPrefixListId", Kind.PREFIX_LIST, "Managed prefix list of CloudFront's origin-facing addresses"
)
VPC_ID = Port("VpcId", Kind.VPC, "The VPC")
PRIVATE_SUBNET_A = Port("PrivateSubnetA", Kind.SUBNET, "Private subnet in the first zone")
PRIVATE_SUBNET_B = Port("PrivateSubnetB", Kind.SUBNET, "Private subnet in the second zone")
LOAD_BALANCER_SUBNET_A = Port("LoadBalancerSubnetA", Kind.SUBNET, "The load balancer's subnet in the first zone")
LOAD_BALANCER_SUBNET_B = Port("LoadBalancerSubnetB", Kind.SUBNET, "The load balancer's subnet in the second zone")
LOAD_BALANCER_SCHEME = Port(
    "LoadBalancerScheme",
    Kind.SWITCH,
    "INTERNAL behind a CloudFront VPC origin, which passes no WebSockets and no gRPC, or PUBLIC with a certificate of "
    "its own and a secret header",
)
LOAD_BALANCER_CERTIFICATE = Port(
    "LoadBalancerCertificateArn",
    Kind.ARN,
    "ACM certificate for DomainName in the environment's own Region, for a PUBLIC load balancer; empty for a new one "
    "in the hosted zone",
)
ORIGIN_SECRET_ARN = Port(
    "OriginSecretArn", Kind.ARN, "Secret that CloudFront sends a public load balancer; empty while it is internal"
)
LOAD_BALANCER_GROUP = Port("LoadBalancerGroupId", Kind.GROUP, "Security group of the load balancer")
TASK_GROUP = Port("TaskGroupId", Kind.GROUP, "Security group of the tasks")
SITE_BUCKET_NAME = Port("SiteBucketName", Kind.NAME, "Bucket that holds the built frontend")
SITE_BUCKET_ARN = Port("SiteBucketArn", Kind.ARN, "ARN of the site bucket")
SITE_BUCKET_DOMAIN = Port("SiteBucketDomain", Kind.HOST, "Regional domain name of the site bucket")
TRANSFER_ACCELERATION = Port(
    "TransferAcceleration",
    Kind.SWITCH,
    "Enabled for faster uploads to the site bucket from far away; Suspended ends it",
)
LOAD_BALANCER_ARN = Port("LoadBalancerArn", Kind.ARN, "The load balancer")
LOAD_BALANCER_DNS = Port("LoadBalancerDnsName", Kind.HOST, "DNS name of the load balancer")
LOAD_BALANCER_METRIC = Port("LoadBalancerFullName", Kind.NAME, "Load balancer as CloudWatch names it")
TARGET_GROUP_ARN = Port("TargetGroupArn", Kind.ARN, "Target group that the service registers its tasks with")
TARGET_GROUP_METRIC = Port("TargetGroupFullName", Kind.NAME, "Target group as CloudWatch names it")
ALTERNATE_TARGET_GROUP_ARN = Port(
    "AlternateTargetGroupArn", Kind.ARN, "Second target group, between which and the first a deployment shifts traffic"
)
ALTERNATE_TARGET_GROUP_METRIC = Port(
    "AlternateTargetGroupFullName", Kind.NAME, "Second target group as CloudWatch names it"
)
PRODUCTION_RULE_ARN = Port("ProductionRuleArn", Kind.ARN, "Listener rule whose weights a deployment moves")
DOMAIN_NAME = Port("DomainName", Kind.HOST, "Own domain of the environment; empty for the CloudFront address")
FORMER_DOMAIN_NAME = Port(
    "FormerDomainName",
    Kind.HOST,
    "Domain that the environment had before and moves away from: its records may be taken back; empty for none",
)
HOSTED_ZONE_ID = Port(
    "HostedZoneId",
    Kind.ID,
    "Route 53 hosted zone of the domain, when it is in this account: certificate and DNS record are made there",
)
CERTIFICATE_ARN = Port(
    "CertificateArn",
    Kind.ARN,
    "ACM certificate in us-east-1 for the domain; empty without a domain, or when the hosted zone is known",
)
EDGE_CERTIFICATE = Port("EdgeCertificateArn", Kind.ARN, "Certificate that the root edge made for the domain, if it did")
VIEWER_CERTIFICATE = Port("ViewerCertificateArn", Kind.ARN, "Certificate of the domain, given or made")
DISTRIBUTION_DOMAIN = Port("DistributionDomain", Kind.HOST, "CloudFront's own name of the distribution")
PRICE_CLASS = Port("PriceClass", Kind.SWITCH, "CloudFront edge locations that serve the environment")
DISTRIBUTION_ID = Port("DistributionId", Kind.DISTRIBUTION, "The CloudFront distribution")
DISTRIBUTION_ARN = Port("DistributionArn", Kind.ARN, "ARN of the CloudFront distribution")
PUBLIC_URL = Port("PublicUrl", Kind.URL, "Public address of the environment, without a final slash")

# configuration
CONFIGURATION_TREE = Port("ConfigurationTree", Kind.NAME, "Path of the configuration, once it exists")

# backend
IMAGE = Port("BackendImage", Kind.URL, "Image that the service runs, by its digest; `none` before the first release")
BOOTSTRAP = Port("BackendBootstrap", Kind.SWITCH, "true only while no service exists: it starts with zero tasks")
TASK_CPU = Port("TaskCpu", Kind.NUMBER, "CPU units of a task; 1024 are one vCPU")
TASK_MEMORY = Port("TaskMemory", Kind.NUMBER, "Memory of a task in MiB")
TASKS_MINIMUM = Port("MinimumTasks", Kind.NUMBER, "Tasks that always run")
TASKS_MAXIMUM = Port("MaximumTasks", Kind.NUMBER, "Tasks that autoscaling may start")
INSTANCE_TYPE = Port("InstanceType", Kind.NAME, "EC2 instance type on Elastic Beanstalk")
PLATFORM_ARN = Port(
    "PlatformArn", Kind.ARN, "Platform version of Elastic Beanstalk, the newest for PythonVersion; `none` on ECS"
)
DEPLOYMENT_STRATEGY = Port(
    "DeploymentStrategy",
    Kind.SWITCH,
    "How a release replaces the last one: ROLLING (on Elastic Beanstalk immutable), BLUE_GREEN (ECS only) or CANARY;"
    " ROLLING at first, because AWS shifts traffic only for a service that knows two target groups",
)
TARGET_GROUPS = Port(
    "TargetGroups",
    Kind.SWITCH,
    "ONE target group for the tasks, or TWO, between which BLUE_GREEN and CANARY shift traffic",
)
BAKE_MINUTES = Port(
    "BakeMinutes", Kind.NUMBER, "Minutes that old tasks stay after the shift, while alarms can take the traffic back"
)
CANARY_PERCENT = Port("CanaryPercent", Kind.NUMBER, "Percent of the requests that a canary answers first")
CANARY_BAKE_MINUTES = Port("CanaryBakeMinutes", Kind.NUMBER, "Minutes that a canary answers its part of the requests")
SHIFT_MINUTES = Port(
    "ShiftMinutes",
    Kind.TEXT,
    "Minutes, one number or two, that a deployment may wait before it has shifted all traffic",
)
CONFIGURATION_DIGEST = Port(
    "ConfigurationDigest", Kind.TEXT, "Digest of the configuration; a change of it rolls the tasks"
)
RUNNING_CLUSTER = Port("RunningCluster", Kind.NAME, "The ECS cluster or Elastic Beanstalk application, once it exists")
RUNNING_SERVICE = Port("RunningService", Kind.NAME, "The ECS service or Elastic Beanstalk environment, once it exists")
BACKEND_LOG_GROUP = Port("BackendLogGroup", Kind.NAME, "CloudWatch log group with what the application writes")
SERVICE_ARN = Port("ServiceArn", Kind.ARN, "ARN of the ECS service or Elastic Beanstalk environment")
TASK_ROLE_ARN = Port("TaskRoleArn", Kind.ARN, "Role that the application runs as")
EXECUTION_ROLE_ARN = Port(
    "ExecutionRoleArn",
    Kind.ARN,
    "Role that ECS starts the tasks with, or Elastic Beanstalk watches the environment with",
)
TASK_FAMILY = Port("TaskFamily", Kind.NAME, "Family of the task definition")

# build and pipeline: the projects' names are computed in the root, and given back by `build` once they exist
BUILD_IMAGE = Port("BuildImage", Kind.NAME, "CodeBuild image of the builds")
BUILD_COMPUTE = Port("BuildComputeType", Kind.SWITCH, "CodeBuild compute type of the builds")
BUILD_TIMEOUT = Port("BuildTimeoutMinutes", Kind.NUMBER, "Minutes after which a build is stopped")
BUILDSPEC_SOURCE = Port(
    "BuildspecSource", Kind.SWITCH, "INLINE uses the buildspecs of the templates, REPOSITORY those in the application"
)
PYTHON_VERSION = Port("PythonVersion", Kind.NAME, "Python of the backend build")
NODE_VERSION = Port(
    "NodeVersion", Kind.NAME, "Node.js of the frontend build; 22, because the design's 18 is out of support since 2025"
)
FRONTEND_OUTPUT = Port("FrontendOutput", Kind.NAME, "Folder that the frontend build writes: build, or dist with Vite")
FRONTEND_ASSETS = Port(
    "FrontendAssets", Kind.NAME, "Folder of hashed files below the output: static, or assets with Vite"
)
BUILD_VARIABLES = Port(
    "BuildVariables",
    Kind.TEXT,
    "Further variables of the frontend build, NAME=value with commas between them; they end up in the public page",
)
TESTS_BLOCK = Port(
    "TestsBlock",
    Kind.SWITCH,
    "true lets a failing test stop the release; false reports it only, as the design says: production blocks, because"
    " nobody else stands between a red test and the users",
)
LINT_BLOCKS = Port(
    "LintBlocks",
    Kind.SWITCH,
    "true lets a lint finding stop the release, as the design's buildspec does; false reports it, because style breaks"
    " nothing at runtime",
)
SCAN_FINDINGS_BLOCK = Port(
    "ScanFindingsBlock",
    Kind.SWITCH,
    "The severity from which on a finding of the image's scan stops the release; NONE does not look at the scan",
)
DEPLOYMENT_TIMEOUT = Port(
    "DeploymentTimeoutMinutes", Kind.NUMBER, "Minutes that the ECS deploy action waits for a steady service"
)
SOURCE_PROVIDER = Port(
    "SourceProvider",
    Kind.SWITCH,
    "CODECOMMIT is the repository of the stack `shared`, CONNECTION one at GitHub, GitLab or Bitbucket",
)
CONNECTION_ARN = Port(
    "ConnectionArn", Kind.ARN, "Connection to GitHub, GitLab or Bitbucket; empty for a source in CodeCommit"
)
SOURCE_REPOSITORY = Port(
    "SourceRepository", Kind.NAME, "Repository behind the connection, as owner/name; empty for a source in CodeCommit"
)
EXCLUDED_PATHS = Port(
    "ExcludedPaths",
    Kind.TEXT,
    "Paths, with commas between them, that start no release when a push through the connection changes nothing else",
)
BUILD_LAYOUT = Port(
    "BuildLayout",
    Kind.SWITCH,
    "SEQUENTIAL builds in a stage for each side, the design's five stages; PARALLEL in one stage side by side, which is"
    " faster and makes four stages of them",
)
ONLY_CHANGED = Port(
    "OnlyChanged",
    Kind.SWITCH,
    "true skips the stages of a side that is as it was last released, and says so; false releases both sides in the"
    " design's five stages, because true adds a stage",
)
EXECUTION_MODE = Port(
    "ExecutionMode", Kind.SWITCH, "QUEUED releases every push in turn; SUPERSEDED lets a newer one overtake"
)
APPROVAL = Port("ApprovalRequired", Kind.SWITCH, "true waits for a person before anything is deployed")
EXECUTION_TIMEOUT = Port(
    "ExecutionTimeoutMinutes",
    Kind.NUMBER,
    "Minutes of work after which a pipeline execution is stopped; waiting for an approval or for another execution does"
    " not count",
)
APPROVAL_TIMEOUT = Port("ApprovalTimeoutMinutes", Kind.NUMBER, "Minutes after which a waiting approval fails")
BACKEND_BUILD = Port("BackendBuild", Kind.NAME, "CodeBuild project that builds the backend, once it exists")
FRONTEND_BUILD = Port("FrontendBuild", Kind.NAME, "CodeBuild project that builds the frontend, once it exists")
PUBLISH_BUILD = Port("PublishBuild", Kind.NAME, "CodeBuild project that invalidates the cache, once it exists")
RAISE_BUILD = Port("RaiseBuild", Kind.NAME, "CodeBuild project that starts the first tasks, once it exists")
CHANGES_BUILD = Port("ChangesBuild", Kind.NAME, "CodeBuild project that says what a release changes, once it exists")
PUSH_BUILD = Port("PushBuild", Kind.NAME, "CodeBuild project that pushes images, once it exists")
SEAL_BUILD = Port("SealBuild", Kind.NAME, "CodeBuild project that seals what was built, once it exists")
VERIFY_BUILD = Port("VerifyBuild", Kind.NAME, "CodeBuild project that verifies a backend's release, once it exists")
VERIFY_FRONTEND_BUILD = Port(
    "VerifyFrontendBuild", Kind.NAME, "CodeBuild project that verifies a frontend's release, once it exists"
)
PIPELINE = Port("Pipeline", Kind.NAME, "The pipeline, once it exists")
PIPELINE_ARN = Port("PipelineArn", Kind.ARN, "ARN of the pipeline")
START_RULE = Port("StartRuleName", Kind.NAME, "EventBridge rule that starts the pipeline")
WATCH_ARN = Port("WatchArn", Kind.ARN, "ARN of the state machine that stops an execution at its limit")
WATCH_RULE = Port("WatchRuleName", Kind.NAME, "EventBridge rule that starts the watch of an execution")

# monitoring
BUILD_ALARM_SECONDS = Port(
    "BuildDurationAlarmSeconds", Kind.NUMBER, "A build longer than this raises an alarm, in seconds"
)
ERROR_ALARM_COUNT = Port("ErrorAlarmCount", Kind.NUMBER, "Server errors in five minutes that raise an alarm")
LATENCY_ALARM_SECONDS = Port(
    "LatencyAlarmSeconds", Kind.NUMBER, "Latency of the slowest 5% of requests that raises an alarm, in seconds"
)
CLOUDFRONT_ALARMS = Port(
    "CloudFrontAlarms",
    Kind.SWITCH,
    "true watches the distribution in us-east-1, with CloudFront's additional metrics, which cost extra",
)
CLOUDFRONT_ERROR_PERCENT = Port(
    "CloudFrontErrorPercent", Kind.NUMBER, "Percentage of server errors at CloudFront that raises an alarm"
)
BUDGET_AMOUNT = Port("MonthlyBudget", Kind.NUMBER, "Monthly budget of the environment in US dollars")
