"""A certificate for the environment's domain, proven by a record in a hosted zone of this account."""

from __future__ import annotations

from collections.abc import Sequence

from troposphere import certificatemanager

from generator.core import ports
from generator.core.stack import Stack


def add(
    stack: Stack, condition: str, says: str, serves: Sequence[str], **policies: str
) -> certificatemanager.Certificate:
    """Adds it under the condition, in the stack's Region; `policies` are what happens to a replaced or removed one,
    where it is not just deleted. The stack waits until the record in the zone has been seen;
    ACM renews the certificate for as long as it stays there (acm userguide, dns-validation)."""
    domain = stack.takes(ports.DOMAIN_NAME)
    return stack.add(
        certificatemanager.Certificate(
            "Certificate",
            Condition=condition,
            DomainName=domain,
            DomainValidationOptions=[
                certificatemanager.DomainValidationOption(
                    DomainName=domain, HostedZoneId=stack.takes(ports.HOSTED_ZONE_ID)
                )
            ],
            ValidationMethod="DNS",
            **policies,
        ),
        says,
        serves,
    )
