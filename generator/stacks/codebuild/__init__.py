"""The CodeBuild projects: one job, one project, one role each.

The backend's build pushes images, and the frontend's must not be able to; publishing, raising and verifying write to
AWS, and run after a person may have approved. So none shares a role. The projects carry their buildspecs, so that
the application's repository needs no copy of them; a parameter switches the two builds to the application's own.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from troposphere import Equals, If, Sub

from generator.constructs.app_config import shape
from generator.core import conditions, ports
from generator.core.arns import Text
from generator.core.names import COVERAGE_REPORT, RELEASED_TAG, TESTS_REPORT
from generator.core.stack import Stack
from generator.project import Project
from generator.stacks.codebuild import permissions, projects
from generator.stacks.codebuild.buildspecs import inline
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
        (_publish(stack, frontend), ports.PUBLISH_BUILD),
        (_raise(stack, ecs), ports.RAISE_BUILD),
        (_changes(stack, project, backend, frontend), ports.CHANGES_BUILD),
        (_verify(stack, project, backend, frontend), ports.VERIFY_BUILD),
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
            "BASE_IMAGE": Sub(facts.base_image) if "${" in facts.base_image else facts.base_image,
            "CONFIGURATION": json.dumps(shape(project), separators=(",", ":")),
            "CONTAINER_NAME": facts.container,
            "LINT_BLOCKS": stack.takes(ports.LINT_BLOCKS),
            "LINT_COLUMNS": str(facts.lint_columns),
            "PORT": str(facts.port),
            "PYTHON_VERSION": stack.takes(ports.PYTHON_VERSION),
            # Without a registry there is no image: Elastic Beanstalk takes the bundle.
            "REPOSITORY_URI": If(ecs, stack.takes(ports.REGISTRY_URI), ""),
            "TESTS_BLOCK": stack.takes(ports.TESTS_BLOCK),
        },
        reports=[(TESTS_REPORT, "TEST"), (COVERAGE_REPORT, "CODE_COVERAGE")],
        cache="cache/backend",
        docker=If(ecs, True, False),
        outputs=True,
        condition=backend,
        optional=[(ecs, permissions.push_images(stack))],
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
        cache="cache/frontend",
        outputs=True,
        condition=frontend,
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


def _verify(stack: Stack, project: Project, backend: str, frontend: str) -> Job:
    smoke = [asdict(request) for request in project.smoke]
    path = stack.takes(ports.RELEASES).data["Ref"]
    last = If(
        conditions.on_ecs(stack), stack.takes(ports.LAST_IMAGE_PARAMETER), stack.takes(ports.LAST_VERSION_PARAMETER)
    )
    return Job(
        "Verify",
        ports.VERIFY_PROJECT,
        "the verification of a release",
        ["PIP-7", "RUN-8"],
        inline("verify"),
        {
            "BACKEND_RECORD": Sub(f"${{{path}}}/backend"),
            "BACKEND_TARGET": stack.takes(ports.BACKEND_TARGET),
            "CLUSTER": stack.takes(ports.RUNNING_CLUSTER),
            "CONTAINER_NAME": project.backend.container,
            "FRONTEND_RECORD": Sub(f"${{{path}}}/frontend"),
            "HEALTH_ANSWER": json.dumps(dict(pair.split("=", 1) for pair in project.backend.health_answer)),
            "HEALTH_PATH": project.backend.health_path,
            "LAST_RELEASE_PARAMETER": last,
            "PUBLIC_URL": stack.takes(ports.PUBLIC_URL),
            "RELEASED_TAG": RELEASED_TAG,
            "SERVICE": stack.takes(ports.RUNNING_SERVICE),
            "SHIFT_MINUTES": stack.takes(ports.SHIFT_MINUTES),
            "SITE_BUCKET": stack.takes(ports.SITE_BUCKET_NAME),
            "SMOKE_REQUESTS": json.dumps(smoke, separators=(",", ":")),
            "TABLE_VARIABLES": ",".join(table.variable for table in project.tables),
        },
        optional=[
            (backend, permissions.verify_backend(stack, project)),
            (conditions.ON_ECS, permissions.verify_ecs(stack)),
            (conditions.on_beanstalk(stack), permissions.verify_beanstalk(stack)),
            (frontend, permissions.verify_frontend(stack)),
        ],
    )
