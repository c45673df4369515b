"""Parameters and outputs of the root templates that the scripts read, written once. `tests/cfn/test_template_names.py`
compares them with the templates."""

# Parameters of `environment` that the deployment computes.
ZONES = ("ZoneA", "ZoneB")
PREFIX_LIST_ID, CERTIFICATE, PLATFORM_ARN = "CloudFrontPrefixListId", "EdgeCertificateArn", "PlatformArn"
DIGEST, IMAGE, BOOTSTRAP = "ConfigurationDigest", "BackendImage", "BackendBootstrap"
# Those that take over what an earlier environment of the same name has left.
EXISTING_KEY, EXISTING_REPOSITORY, TABLES = "ExistingKeyArn", "ExistingRepositoryName", "DataTables"
# Those that somebody chooses.
BRANCH, CONNECTION, BUILD_LAYOUT = "BranchName", "ConnectionArn", "BuildLayout"
BUILDSPEC_SOURCE = "BuildspecSource"
BUILD_IMAGE, BUILD_COMPUTE, ARTIFACT_DAYS, IMAGES_KEPT = "BuildImage", "BuildComputeType", "ArtifactDays", "ImagesKept"
DOMAIN, ZONE, OWN_CERTIFICATE = "DomainName", "HostedZoneId", "CertificateArn"
EDGE_ALARMS, SENDER, SCAN_BLOCK = "CloudFrontAlarms", "SenderEmail", "ScanFindingsBlock"
EMAIL, PHONE = "NotificationEmail", "NotificationPhone"
TARGET, PYTHON, INSTANCE, TASK_CPU, MOST_TASKS = (
    "BackendTarget",
    "PythonVersion",
    "InstanceType",
    "TaskCpu",
    "MaximumTasks",
)
DELETION_PROTECTION = "DeletionProtection"
FRONTEND, TARGET_GROUPS, NAT_GATEWAYS = "FrontendTarget", "TargetGroups", "NatGatewayCount"
PROTECTED_BRANCH = "ProtectedBranch"  # of `shared`
# Of `shared` and `access`: whose permission sets refer to the protection, and why it binds nobody.
ACCOUNT_SHARED = "AccountSharedBecause"
PROTECTED_SETS, PROTECTION_WAIVED = "DeveloperPermissionSets", "ProtectionWaivedBecause"

# Parameters of one root that are outputs of another.
REPOSITORY, DISTRIBUTION = "RepositoryName", "DistributionId"
SIGNING_PROFILE = "SigningProfileArn"

# Outputs.
LAST_IMAGE = "LastImageParameter"  # the name of the SSM parameter that holds the last good image
REGISTRY, RELEASES, CONFIGURATION_TREE = "RegistryUri", "ReleasesPath", "ConfigurationTree"
KEY_ARN, REGISTRY_NAME = "KeyArn", "RegistryName"
BRANCH_PROTECTION = "BranchProtectionArn"  # of `shared-access`
APPROVAL_PROTECTION = "ApprovalProtectionArn"  # of `access`
PIPELINE, PIPELINE_ARN = "Pipeline", "PipelineArn"
PUBLIC_URL, TOPIC = "PublicUrl", "TopicArn"
RUNNING_CLUSTER, RUNNING_SERVICE = "RunningCluster", "RunningService"
CLONE_URL, APPROVAL_RULE = "CloneUrlHttp", "ApprovalRule"  # of `shared`
BOUNDARY = "RoleBoundaryArn"  # of `access`, and the parameter of `environment` that it becomes
DEPLOY_ROLE, CLOUDFORMATION_ROLE = "DeployRoleArn", "CloudFormationRoleArn"  # of `access`
