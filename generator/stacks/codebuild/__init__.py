"""The CodeBuild projects: one job, one project, one role each.

The two builds run the application's code: its tests, its Dockerfile, the scripts of its packages. So they may write
nothing but their own artifacts, caches and reports. Pushing the image is a project of its own, which runs nothing of
the application and alone may write to the registry; sealing a bundle or a page is another. Publishing, raising and
verifying write to AWS, and run after a person may have approved; the verification of one side cannot record a release
of the other. So none shares a role. The projects carry their buildspecs, so that the application's repository needs no
copy of them; a parameter switches the two builds to the application's own.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from troposphere import And, Condition, Equals, If, Not, Sub

from generator.constructs.app_config import shape
from generator.core import conditions, ports
from generator.core.arns import Text
from generator.core.names import (
    BACKEND_OUTPUT,
    CACHES,
    COVERAGE_REPORT,
    DOCUMENTS_RECORD,
    FRONTEND_ASSETS,
    FRONTEND_DOCUMENTS,
    IMAGE_OUTPUT,
    IMAGE_RECORDS,
    RELEASED_TAG,
    SEALED_ASSETS,
    SEALED_BUNDLE,
    SEALED_DOCUMENTS,
    SEALED_RECORDS,
    TESTS_REPORT,
)
from generator.core.stack import Stack
from generator.project import Project
from generator.stacks.codebuild import permissions, projects
from generator.stacks.codebuild.buildspecs import digests, inline
from generator.stacks.codebuild.projects import Job

# Where a build looks above its own folder; the places of a workspace's packages are a convention.
REQUIREMENTS = ("requirements.txt", "requirements", "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml")
WORKSPACE = (
    *("package.json", "npm-shrinkwrap.json", "package-lock.json", "yarn.lock", "bun.lock", "bun.lockb"),
    *("pnpm-lock.yaml", "pnpm-workspace.yaml", "packages"),
)


def build(project: Project) -> Stack:
    stack = Stack("build", __name__, "CodeBuild projects", project)
    backend, frontend = conditions.add_to(stack)
    ecs = conditions.on_ecs(stack)
    ours = stack.when("InlineBuildspecs", Equals(stack.takes(ports.BUILDSPEC_SOURCE), "INLINE"))
    for job, grants in (
        (_backend(stack, project, backend, ours, ecs), ports.BACKEND_BUILD),
        (_frontend(stack, project, frontend, ours), ports.FRONTEND_BUILD),
        (_push(stack, ecs), ports.PUSH_BUILD),
        (_seal(stack), ports.SEAL_BUILD),
        (_publish(stack, frontend), ports.PUBLISH_BUILD),
        (_raise(stack, ecs), ports.RAISE_BUILD),
        (_changes(stack, project, backend, frontend), ports.CHANGES_BUILD),
        (_verify_backend(stack, project, backend, ecs), ports.VERIFY_BUILD),
        (_verify_frontend(stack, frontend), ports.VERIFY_FRONTEND_BUILD),
    ):
        added = projects.add(stack, job)
        stack.gives(grants, If(job.condition, added.ref(), "") if job.condition else added.ref())
    return stack


def _source(ours: str, name: str, directory: str) -> If:
    return If(ours, inline(name), f"{directory}/buildspec.yml")


def _backend(stack: Stack, project: Project, backend: str, ours: str, ecs: str) -> Job:
    facts = project.backend
    return Job(
        "BackendBuild",
        ports.BACKEND_PROJECT,
        "the build of the backend",
        ["BLD-1", "BLD-2", "BLD-3", "BLD-5", "BLD-6", "BLD-7", "BLD-8", "BLD-9", "BLD-10", "BLD-13"],
        _source(ours, "backend", facts.directory),
        {
            "APPLICATION_MODULE": facts.module,
            "BACKEND_DIRECTORY": facts.directory,
            "BASE_DIGESTS": digests(facts.base_image),
            "BASE_IMAGE": Sub(facts.base_image) if "${" in facts.base_image else facts.base_image,
            "CONFIGURATION": json.dumps(shape(project), separators=(",", ":")),
            "LINT_BLOCKS": stack.takes(ports.LINT_BLOCKS),
            "LINT_COLUMNS": str(facts.lint_columns),
            "PORT": str(facts.port),
            "PYTHON_VERSION": stack.takes(ports.PYTHON_VERSION),
            # Elastic Beanstalk takes the bundle.
            "MAKES_IMAGE": If(ecs, "true", "false"),
            "TESTS_BLOCK": stack.takes(ports.TESTS_BLOCK),
        },
        reports=[(TESTS_REPORT, "TEST"), (COVERAGE_REPORT, "CODE_COVERAGE")],
        cache=f"{CACHES}/backend",
        docker=If(ecs, True, False),
        outputs=[BACKEND_OUTPUT],
        condition=backend,
    )


def _frontend(stack: Stack, project: Project, frontend: str, ours: str) -> Job:
    facts = project.frontend
    variables: dict[str, Text | object] = {
        "ASSETS_DIRECTORY": stack.takes(ports.FRONTEND_ASSETS),
        "BUILD_VARIABLES": stack.takes(ports.BUILD_VARIABLES),
        "CONTENT_POLICY": facts.policy,
        "FRONTEND_DIRECTORY": facts.directory,
        "LINT_BLOCKS": stack.takes(ports.LINT_BLOCKS),
        "NODE_VERSION": stack.takes(ports.NODE_VERSION),
        "OUTPUT_DIRECTORY": stack.takes(ports.FRONTEND_OUTPUT),
        "TESTS_BLOCK": stack.takes(ports.TESTS_BLOCK),
    }
    for variable in facts.variables:
        variables[variable.name] = Sub(variable.value) if "${" in variable.value else variable.value
    return Job(
        "FrontendBuild",
        ports.FRONTEND_PROJECT,
        "the build of the frontend",
        ["BLD-1", "BLD-2", "BLD-3", "BLD-7", "BLD-8", "BLD-9", "BLD-11", "BLD-13"],
        _source(ours, "frontend", facts.directory),
        variables,
        reports=[(TESTS_REPORT, "TEST")],
        cache=f"{CACHES}/frontend",
        outputs=[FRONTEND_ASSETS, FRONTEND_DOCUMENTS],
        condition=frontend,
    )


def _push(stack: Stack, ecs: str) -> Job:
    profile = stack.takes(ports.SIGNING_PROFILE)
    signs = stack.when("SignsImages", And(Condition(ecs), Not(Equals(profile, ""))))
    return Job(
        "Push",
        ports.PUSH_PROJECT,
        "the push of the backend's image",
        ["BLD-8", "PIP-3", "PIP-8"],
        inline("push"),
        {
            "ACCEPTED_FINDINGS": " ".join(finding.name for finding in stack.project.accepted_findings),
            "ARTIFACT_BUCKET": stack.takes(ports.ARTIFACT_BUCKET_NAME),
            "CONTAINER_NAME": stack.project.backend.container,
            "RECORDS": IMAGE_RECORDS,
            "REPOSITORY_URI": stack.takes(ports.REGISTRY_URI),
            "SCAN_FINDINGS_BLOCK": stack.takes(ports.SCAN_FINDINGS_BLOCK),
            "SIGNING_PROFILE": If(signs, profile, ""),
        },
        docker=True,
        outputs=[IMAGE_OUTPUT],
        condition=ecs,
        grants=permissions.push_images(stack),
        optional=[(signs, permissions.sign_images(stack))],
    )


def _seal(stack: Stack) -> Job:
    """Always there: a project by itself costs nothing. On ECS it has the page alone."""
    return Job(
        "Seal",
        ports.SEAL_PROJECT,
        "the sealing of what was built",
        ["PIP-3", "PIP-4", "PIP-8"],
        inline("seal"),
        {
            "ARTIFACT_BUCKET": stack.takes(ports.ARTIFACT_BUCKET_NAME),
            "FRONTEND_DIRECTORY": stack.project.frontend.directory,
            "RECORDS": SEALED_RECORDS,
        },
        outputs=[SEALED_BUNDLE, SEALED_ASSETS, SEALED_DOCUMENTS],
    )


def _publish(stack: Stack, frontend: str) -> Job:
    return Job(
        "Publish",
        ports.PUBLISH_PROJECT,
        "the invalidation of the page in CloudFront",
        ["PIP-4"],
        inline("publish"),
        {"DISTRIBUTION_ID": stack.takes(ports.DISTRIBUTION_ID)},
        condition=frontend,
        grants=permissions.publish(stack),
    )


def _raise(stack: Stack, ecs: str) -> Job:
    return Job(
        "Raise",
        ports.RAISE_PROJECT,
        "the start of the first tasks",
        ["RUN-7"],
        inline("raise"),
        {
            "CLUSTER": stack.takes(ports.RUNNING_CLUSTER),
            "CONTAINER_NAME": stack.project.backend.container,
            "MINIMUM_TASKS": stack.takes(ports.TASKS_MINIMUM),
            "SERVICE": stack.takes(ports.RUNNING_SERVICE),
        },
        condition=ecs,
        grants=permissions.raise_from_zero(stack),
    )


def _changes(stack: Stack, project: Project, backend: str, frontend: str) -> Job:
    """Always there, and run when an option asks for it: a project by itself costs nothing."""
    return Job(
        "Changes",
        ports.CHANGES_PROJECT,
        "the comparison with the last release",
        ["BLD-12", "PIP-5"],
        inline("changes"),
        {
            # What the root has of a side, where that has none of its own or belongs to a workspace.
            "BACKEND_PATHS": " ".join((project.backend.directory, *REQUIREMENTS)),
            "BACKEND_PROJECT": If(backend, stack.takes(ports.BACKEND_PROJECT), ""),
            "DISTRIBUTION_ID": stack.takes(ports.DISTRIBUTION_ID),
            "ENVIRONMENT": stack.takes(ports.ENVIRONMENT),
            "FRONTEND_PATHS": " ".join((project.frontend.directory, *WORKSPACE)),
            "FRONTEND_PROJECT": If(frontend, stack.takes(ports.FRONTEND_PROJECT), ""),
            "ONLY_CHANGED": stack.takes(ports.ONLY_CHANGED),
            "RELEASES": stack.takes(ports.RELEASES),
            "REPOSITORY_NAME": stack.takes(ports.REPOSITORY_NAME),
            "REPOSITORY_URI": If(conditions.on_ecs(stack), stack.takes(ports.REGISTRY_URI), ""),
        },
        grants=permissions.find_changes(stack),
    )


def _verify_backend(stack: Stack, project: Project, backend: str, ecs: str) -> Job:
    smoke = [asdict(request) for request in project.smoke]
    last = If(ecs, stack.takes(ports.LAST_IMAGE_PARAMETER), stack.takes(ports.LAST_VERSION_PARAMETER))
    return Job(
        "Verify",
        ports.VERIFY_PROJECT,
        "the verification of the backend's release",
        ["PIP-7", "RUN-8"],
        inline("verify"),
        {
            "BACKEND_RECORD": _record(stack, "backend"),
            "BACKEND_TARGET": stack.takes(ports.BACKEND_TARGET),
            "CLUSTER": stack.takes(ports.RUNNING_CLUSTER),
            "CONTAINER_NAME": project.backend.container,
            "DOCUMENTS_RECORD": _record(stack, DOCUMENTS_RECORD),
            "HEALTH_ANSWER": json.dumps(dict(pair.split("=", 1) for pair in project.backend.health_answer)),
            "HEALTH_PATH": project.backend.health_path,
            "LAST_RELEASE_PARAMETER": last,
            "PUBLIC_URL": stack.takes(ports.PUBLIC_URL),
            "RELEASED_TAG": RELEASED_TAG,
            "SERVICE": stack.takes(ports.RUNNING_SERVICE),
            "SHIFT_MINUTES": stack.takes(ports.SHIFT_MINUTES),
            "SMOKE_REQUESTS": json.dumps(smoke, separators=(",", ":")),
            "TABLE_VARIABLES": ",".join(table.variable for table in project.tables),
        },
        condition=backend,
        grants=permissions.verify_backend(stack, project),
        optional=[
            (ecs, permissions.verify_ecs(stack)),
            (conditions.on_beanstalk(stack), permissions.verify_beanstalk(stack)),
        ],
    )


def _verify_frontend(stack: Stack, frontend: str) -> Job:
    return Job(
        "VerifyFrontend",
        ports.VERIFY_FRONTEND_PROJECT,
        "the verification of the frontend's release",
        ["PIP-7"],
        inline("verify_frontend"),
        {
            "FRONTEND_RECORD": _record(stack, "frontend"),
            "PUBLIC_URL": stack.takes(ports.PUBLIC_URL),
            "SITE_BUCKET": stack.takes(ports.SITE_BUCKET_NAME),
        },
        condition=frontend,
        grants=permissions.verify_frontend(stack),
    )


def _record(stack: Stack, name: str) -> Sub:
    return Sub(f"${{{stack.takes(ports.RELEASES).data['Ref']}}}/{name}")
