"""The steps that are there on purpose, each with the reason; any other one fails the gate.

`{E}` stands for an environment and `{O}` for another one, `*` for any text, as in `fnmatch`. The first rule that fits a
step counts. A rule that accepts no step of ours fails a test, so that what was mended stays mended.
"""

from dataclasses import dataclass

# What a rule says about a step. MEANT: the job. LIMIT: what cannot be kept apart in one account, or not with AWS's
# means. OPEN: a fault that is known and not mended yet; `row` is its number in the list of findings.
MEANT, LIMIT, OPEN = "meant", "limit", "open"
KINDS = (MEANT, LIMIT, OPEN)


@dataclass(frozen=True)
class Rule:
    """Steps that are accepted: from where, to where, by which statement or property."""

    source: str
    target: str
    by: str
    reason: str
    kind: str = MEANT
    row: str = ""


DEPLOYER, EXECUTION = "access.DeployRole of {E}", "access.ExecutionRole of {E}"
BACKEND_BUILD, FRONTEND_BUILD = "build.BackendBuildRole of {E}", "build.FrontendBuildRole of {E}"
PUSH, VERIFY, PIPELINE = "build.PushRole of {E}", "build.VerifyRole of {E}", "pipeline.PipelineRole of {E}"
TASK, RUNS, DATA, APPROVED = "backend.TaskRole of {E}", "what runs in {E}", "data of {E}", "what is approved in {E}"
INSTANCE, SERVICE = "beanstalk.InstanceRole of {E}", "beanstalk.ServiceRole of {E}"
BEANSTALK_DEPLOY = "pipeline.DeployRole of {E}"
OTHER_RUNS, OTHER_DATA = "what runs in {O}", "data of {O}"
USER = "*a user*"
OWN_ROLE = "a role of one's own within access.RoleBoundary of {E}"

CLIENTS = (
    "the application names clients' secrets alike in every environment and tags none: a second one is refused unless "
    "its file gives a reason (AccountSharedBecause)"
)

RULES = (
    # Exceptions from wider rules below.
    Rule(BACKEND_BUILD, "artifact BackendBuildOutput of {E}", "build.BackendBuildRole *Artifacts",
         "a build writes its own output"),
    Rule(BACKEND_BUILD, "cache of build.BackendBuild of {E}", "build.BackendBuildRole *Artifacts",
         "a build writes its own cache"),
    Rule(FRONTEND_BUILD, "artifact Frontend* of {E}", "build.FrontendBuildRole *Artifacts",
         "a build writes its own output"),
    Rule(FRONTEND_BUILD, "cache of build.FrontendBuild of {E}", "build.FrontendBuildRole *Artifacts",
         "a build writes its own cache"),
    Rule(EXECUTION, APPROVED, "access.*",
         "whoever deploys an environment may deploy its pipeline without the approval; the plan shows it", LIMIT),
    Rule(TASK, OTHER_DATA, "backend.TaskRole KeepClientSecrets", CLIENTS, LIMIT),
    Rule(OWN_ROLE, OTHER_DATA, "access.RoleBoundary*", CLIENTS, LIMIT),
    Rule(EXECUTION, OTHER_RUNS, "access.DeployingDelivery CloudFront*",
         "CloudFront knows neither tag nor name of origin access controls, header policies and monitoring "
         "subscriptions (Service Authorization Reference): an account of its own keeps production from it", LIMIT),
    Rule(EXECUTION, OTHER_RUNS, "access.DeployingRuntime ECSTaskDefinitionRead",
         "ecs:DeregisterTaskDefinition knows no resource: what runs goes on, and a release makes a revision", LIMIT),
    Rule(EXECUTION, OTHER_RUNS, "access.DeployingConfiguration SNSSubscriptionChange",
         "a subscription is changed and ended without a resource: whoever gets no message any more is not told", LIMIT),
    Rule(EXECUTION, OTHER_RUNS, "access.DeployingGateways EC2FlowLogDeliver",
         "logs:DeleteLogDelivery knows no resource: a flow log of another environment can be ended", LIMIT),
    Rule(USER, "access.ApproverRole of *", "access.ApproverRole AssumeWithMfa",
         "who approves is who ApproverUsers names; in production never everybody, and in no environment whom the "
         "protection of the approval binds"),
    # Who deploys what all environments share.
    Rule(USER, "shared-access.DeployRole of shared", "shared-access.DeployRole AssumeWithMfa",
         "users who have shown a second factor deploy what is shared, as DeployUsers of its file says"),
    Rule("shared-access.DeployRole of shared", "shared-access.ExecutionRole of shared", "shared-access.DeployRole *",
         "deploying is handing changes to CloudFormation"),
    Rule("shared-access.*Role of shared", "what all environments share", "shared-access.*",
         "whoever deploys the repository controls it, and nothing on IAM"),
    # Who deploys an environment, and what that is.
    Rule(USER, "access.DeployRole of *", "access.DeployRole AssumeWithMfa",
         "users who have shown a second factor deploy, as DeployUsers says; give it the names of those who may"),
    Rule(DEPLOYER, EXECUTION, "access.DeployRole *", "deploying is handing changes to CloudFormation"),
    Rule(DEPLOYER, RUNS, "access.*", "releases are repeated, rolled back and held by whoever deploys"),
    Rule(DEPLOYER, DATA, "access.*", "secrets are written, and the last words of a task are read, by whoever deploys"),
    Rule(EXECUTION, "*{E}", "access.*", "whoever deploys an environment controls everything in it"),
    Rule(OWN_ROLE, "*{E}", "access.RoleBoundary*",
         "a role that a deployment makes for itself does within the boundary what roles of the environment do"),
    Rule("access.ApproverRole of {E}", APPROVED, "access.ApproverRole DecideOnRelease", "the approver's job"),
    # A release.
    Rule("a push to *", "build.*Role of {E}", "pipeline.Pipeline Build_*", "a push is built and tested"),
    Rule("a push to *", RUNS, "pipeline.Pipeline without approval", "without approval each push is released"),
    Rule("a push to *", TASK, "pipeline.Pipeline without approval", "without approval each push is released"),
    Rule("artifact *Output of {E}", "build.*BuildRole of {E}", "pipeline.Pipeline Build_*", "a build takes its input"),
    Rule("artifact * of {E}", RUNS, "pipeline.Pipeline Build*", "what was built is pushed or sealed, to be deployed"),
    Rule("artifact Sealed* of {E}", RUNS, "pipeline.Pipeline Deploy_*", "what was sealed is deployed"),
    Rule("artifact BackendImage of {E}", RUNS, "pipeline.Pipeline Deploy_*", "the image that was pushed is deployed"),
    Rule("artifact Sealed* of {E}", APPROVED, "pipeline.Pipeline Deploy_*", "what was sealed is what was asked about"),
    Rule("artifact BackendImage of {E}", APPROVED, "pipeline.Pipeline Deploy_*",
         "what was pushed is what was asked about"),
    Rule("artifact * of {E}", TASK, "pipeline.Pipeline Deploy_*", "what was built is deployed"),
    Rule("cache of * of {E}", "build.*BuildRole of {E}", "build.*", "a build starts with what the one before it left"),
    Rule(PIPELINE, "*{E}", "pipeline.PipelineRole *", "the pipeline builds and deploys; it runs no code of its own"),
    Rule("pipeline.StartRole of {E}", RUNS, "pipeline.StartRole StartPipeline", "a push starts the pipeline"),
    Rule("pipeline.Watch*Role of {E}", RUNS, "pipeline.Watch*", "an execution that takes too long is stopped"),
    Rule("build.RaiseRole of {E}", "*{E}", "build.RaiseRole *", "the first tasks are started before the deployment"),
    Rule(PUSH, RUNS, "build.PushRole *",
         "the image that a build made is pushed and recorded, by a project that runs nothing of the application"),
    Rule(PUSH, TASK, "build.PushRole PushImage",
         "the image that a build made is pushed, by a project that runs nothing of the application"),
    Rule("build.SealRole of {E}", "artifact Sealed* of {E}", "build.SealRole *Artifacts",
         "what a build made is sealed, by a project that runs nothing of the application"),
    Rule(PUSH, "artifact BackendImage of {E}", "build.PushRole *Artifacts", "the push names the image by its digest"),
    Rule(VERIFY, RUNS, "build.VerifyRole Record*", "a release that was verified is recorded"),
    Rule("build.VerifyFrontendRole of {E}", RUNS, "build.VerifyFrontendRole RecordFrontend",
         "a page that was verified is recorded, and no backend with it"),
    Rule(VERIFY, RUNS, "build.VerifyRole KeepImage", "an image that was verified gets the tag that keeps it"),
    Rule(VERIFY, TASK, "build.VerifyRole KeepImage", "an image that was verified gets the tag that keeps it"),
    Rule("build.ChangesRole of {E}", RUNS, "build.ChangesRole AnnounceRelease",
         "a release is announced before it runs"),
    Rule("build.ChangesRole of {E}", APPROVED, "pipeline.Pipeline *",
         "the approver's question is what that build prints, so that whoever controls the build writes it", LIMIT),
    # The same with the backend on Elastic Beanstalk.
    Rule(PIPELINE, BEANSTALK_DEPLOY, "pipeline.DeployRole Assume", "the action that deploys the bundle acts as it"),
    Rule(BEANSTALK_DEPLOY, "*{E}", "pipeline.DeployRole *", "the bundle that was built is deployed"),
    Rule(SERVICE, "*{E}", "aws.AWSElasticBeanstalk*",
         "Elastic Beanstalk keeps the environment as it is, with the policies that AWS wrote for it"),
    Rule("a push to *", INSTANCE, "pipeline.Pipeline without approval", "without approval each push is released"),
    Rule("artifact * of {E}", INSTANCE, "pipeline.Pipeline Deploy_*", "what was built is deployed"),
    Rule(INSTANCE, DATA, "beanstalk.InstanceRole *", "the application's own data"),
    Rule(INSTANCE, OTHER_DATA, "beanstalk.InstanceRole KeepClientSecrets", CLIENTS, LIMIT),
    Rule(INSTANCE, RUNS, "beanstalk.InstanceRole ReportHealth", "an instance says how it is"),
    # The application.
    Rule(TASK, DATA, "backend.TaskRole *", "the application's own data"),
    Rule("backend.ExecutionRole of {E}", DATA, "backend.ExecutionRole ReadSecrets", "ECS gives a task its secrets"),
)  # fmt: skip
