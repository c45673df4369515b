"""The environment's own name in DNS: records in a hosted zone of this account that lead to the distribution.

Alias records and no CNAME, which the name of a zone itself cannot have; one for IPv4 and one for IPv6, because the
distribution answers to both. Without a zone of ours, whoever owns the domain points it to the distribution.
"""

from __future__ import annotations

from troposphere import route53

from generator.core import ports
from generator.core.stack import Stack
from generator.project import Project

# The hosted zone of every CloudFront distribution (Route53 APIReference, API_AliasTarget).
CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"


def build(project: Project) -> Stack:
    stack = Stack("address", __name__, "DNS records of the domain", project)
    domain, zone = stack.takes(ports.DOMAIN_NAME), stack.takes(ports.HOSTED_ZONE_ID)
    target = stack.takes(ports.DISTRIBUTION_DOMAIN)
    for title, kind in (("Ipv4", "A"), ("Ipv6", "AAAA")):
        stack.add(
            route53.RecordSetType(
                title,
                AliasTarget=route53.AliasTarget(
                    DNSName=target, EvaluateTargetHealth=False, HostedZoneId=CLOUDFRONT_ZONE
                ),
                HostedZoneId=zone,
                Name=domain,
                Type=kind,
            ),
            f"Leads the domain to the distribution over {title.replace('Ip', 'IP')}.",
            ["RUN-2"],
        )
    return stack
