"""Service-linked roles under the names that AWS gives them: moto makes names of its own up from the service's.

Names: the services' user guides, "Using service-linked roles for ...".
"""

from typing import Any

NAMES = {
    "ecs.amazonaws.com": "ECS",
    "ecs.application-autoscaling.amazonaws.com": "ApplicationAutoScaling_ECSService",
    "elasticbeanstalk.amazonaws.com": "ElasticBeanstalk",
    "elasticloadbalancing.amazonaws.com": "ElasticLoadBalancing",
    "vpcorigin.cloudfront.amazonaws.com": "CloudFrontVPCOrigin",
}


def install() -> None:
    """Puts our names in place of moto's."""
    from moto.iam.exceptions import InvalidInput
    from moto.iam.models import IAMBackend

    made = IAMBackend.create_service_linked_role

    def create(backend: IAMBackend, service_name: str, description: str, suffix: str) -> Any:
        if service_name not in NAMES:
            return made(backend, service_name, description, suffix)
        name = f"AWSServiceRoleFor{NAMES[service_name]}" + (f"_{suffix}" if suffix else "")
        if any(role.name == name for role in backend.get_roles()):
            raise InvalidInput(
                f"Service role name {name} has been taken in this account, please try a different suffix."
            )
        role = made(backend, service_name, description, suffix)
        role.name = name
        return role

    setattr(IAMBackend, "create_service_linked_role", create)  # noqa: B010
