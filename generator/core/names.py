"""Names and numbers that more than one template uses and that are not values of a port.

What a stack gives another by value is a port (`ports.py`); what two templates must spell alike stands here: stages,
actions and artifacts of the pipeline, log prefixes, the listener's port.
"""

from __future__ import annotations

# The port on which CloudFront reaches the load balancer, internal or public: opened by `network`, listened on by
# `ingress`, named by the origin of `delivery`.
LISTENER_PORT, PUBLIC_LISTENER_PORT = 80, 443
# The header with which CloudFront proves itself to a public load balancer; S3 and CloudFront forbid no such name.
ORIGIN_HEADER = "X-Origin-Verify"

# Key prefixes in the log bucket: allowed by `storage`, written by the resource named.
LOAD_BALANCER_LOGS = "load-balancer"
CLOUDFRONT_LOGS = "cloudfront/"
BUCKET_LOGS = "s3/"

# Stages, in the order of the design.
# `Changes` and `Approve` are there when a parameter says so.
CHANGES = "Changes"
SOURCE, BUILD_BACKEND, BUILD_FRONTEND = "Source", "Build_Backend", "Build_Frontend"
# The one stage that stands in for the two build stages in the parallel layout.
BUILD = "Build"
# The stages whose failed actions are tried once more by themselves.
RETRIED = (CHANGES, BUILD, BUILD_BACKEND, BUILD_FRONTEND)
APPROVE, DEPLOY_BACKEND, DEPLOY_FRONTEND = ("Approve", "Deploy_Backend", "Deploy_Frontend")
# What a stage's name starts with when a failure in it rolls back.
DEPLOY = "Deploy"

# The action that waits for a person.
APPROVAL_ACTION = "ApproveRelease"

# The action that the start rule hands the pushed commit to.
SOURCE_ACTION = "SourceAction"

# Artifacts; the frontend's two are also the identifiers of secondary artifacts in its buildspec.
# So many characters of an artifact's name stand in its key, and a role writes what begins as its own outputs do: so
# these differ in them. Sources: AWS CLI reference, codebuild batch-get-builds (`CodeBuild-Python-Pip/BuildArtif/...`);
# CodePipeline API reference, ListActionExecutions (`myPipeline/SourceArti/key`).
ARTIFACT_PREFIX = 10
SOURCE_OUTPUT, BACKEND_OUTPUT, IMAGE_OUTPUT = "SourceOutput", "BackendBuildOutput", "BackendImage"
FRONTEND_ASSETS, FRONTEND_DOCUMENTS = "FrontendAssets", "FrontendDocuments"
# What the deploy actions take: the output of a build as it was when the build had ended, which no build can write.
SEALED_BUNDLE, SEALED_ASSETS, SEALED_DOCUMENTS = "SealedBundle", "SealedAssets", "SealedDocuments"
IMAGE_DEFINITIONS = "imagedefinitions.json"
# The prefix in the artifact bucket below which the push records its images, and nobody else writes.
IMAGE_RECORDS = "images"
# The same of what is sealed, in folders called as the artifacts are: so the sealing writes there as it writes these.
SEALED_RECORDS = "sealed"
# The prefix of build caches there. What else lies there is the pipeline's: below its name, of which so many characters
# stand in a key (awsdocs/aws-cloudformation-user-guide, pull request 733).
CACHES = "cache"
PIPELINE_PREFIX = 20

# The last part of the parameter that names the documents about the last good image.
DOCUMENTS_RECORD = "documents"

# How the second tag of a released and verified image begins: written by the verification, kept by the registry.
RELEASED_TAG = "released-"

# The versions of Python that an environment may choose.
PYTHON_VERSIONS = ("3.11", "3.12", "3.13", "3.14")

# Report groups are `<project>-<report>`; the same words stand in the buildspecs' `reports`.
TESTS_REPORT, COVERAGE_REPORT = "tests", "coverage"

# What switches a side off, and the values that switch it on.
NONE, ECS, BEANSTALK, CLOUDFRONT = "NONE", "ECS", "BEANSTALK", "CLOUDFRONT"
# Where Elastic Beanstalk keeps the bundles and logs of environments in its bucket.
BEANSTALK_RUNTIME = "resources/environments"
# The port of the proxy on instances of Elastic Beanstalk, which forwards to the application on the same instance.
INSTANCE_PORT = 80

# Where the load balancer stands.
INTERNAL, PUBLIC = "INTERNAL", "PUBLIC"

# Where the source comes from, and in what order it is built.
CODECOMMIT, CONNECTION = "CODECOMMIT", "CONNECTION"
SEQUENTIAL, PARALLEL = "SEQUENTIAL", "PARALLEL"


def pipeline(project: str) -> str:
    """How the names of the pipelines of an application begin."""
    return f"{project}-pipeline"
