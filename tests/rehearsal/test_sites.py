"""The distributions of the account: what is read of each, what is served, and what follows when it changes."""

from __future__ import annotations

import io
import urllib.error
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from email.message import Message
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.deployment.errors import AwsError
from scripts.rehearsal.edge import sites
from scripts.rehearsal.edge.distribution import ALL_VIEWER, CACHE_POLICIES, Behavior, Distribution
from scripts.rehearsal.edge.server import NoSuchKeyError, StoredObject
from scripts.rehearsal.edge.sites import Distributions
from scripts.rehearsal.errors import UnsupportedError
from scripts.rehearsal.permissions import AccessDeniedError, PermissionChecker
from tests.support.rehearsal.prepared_aws import ACCOUNT, aws
from tests.support.rehearsal.releases import Account

ARN = f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"
BACKEND = "http://127.0.0.1:7"
OPTIMIZED, DISABLED = CACHE_POLICIES
ROUTING, LATER = (f"arn:aws:cloudfront::{ACCOUNT}:function/{name}" for name in ("routing", "later"))
PAGES = "pages.s3.us-east-1.amazonaws.com"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
HEADER = {"HeaderName": "X-Secret", "HeaderValue": "x"}
# As the local AWS answers: without the kinds of origins, functions, and what the response headers policy adds.
CONFIG: dict[str, Any] = {
    "Enabled": True,
    "DefaultRootObject": "index.html",
    "Aliases": {"Quantity": 1, "Items": ["page.test"]},
    "Origins": {
        "Items": [
            {"Id": "site", "DomainName": PAGES, "S3OriginConfig": {"OriginAccessIdentity": ""}},
            {"Id": "api", "DomainName": "balancer", "CustomHeaders": {"Items": [HEADER]}},
        ]
    },
    "DefaultCacheBehavior": {
        "TargetOriginId": "site",
        "CachePolicyId": OPTIMIZED,
        "ViewerProtocolPolicy": "redirect-to-https",
        "ResponseHeadersPolicyId": "policy",
    },
    "CacheBehaviors": {
        "Items": [
            {
                "PathPattern": "/api/*",
                "TargetOriginId": "api",
                "CachePolicyId": DISABLED,
                "OriginRequestPolicyId": ALL_VIEWER,
                "ViewerProtocolPolicy": "https-only",
            }
        ]
    },
}
DECLARED = {
    "Distribution": {
        "DistributionConfig": {
            "Origins": [
                {
                    "Id": "site",
                    "DomainName": "another name",
                    "OriginAccessControlId": {"Fn::GetAtt": ["Access", "Id"]},
                    "S3OriginConfig": {},
                },
                {
                    "Id": "api",
                    "DomainName": "another name",
                    "VpcOriginConfig": {"VpcOriginId": {"Ref": "ApiOrigin"}},
                    "OriginCustomHeaders": [HEADER],
                },
            ],
            "DefaultCacheBehavior": {
                "TargetOriginId": "site",
                "FunctionAssociations": [
                    {"EventType": "viewer-request", "FunctionARN": {"Fn::GetAtt": ["Routing", "FunctionARN"]}}
                ],
            },
            "CacheBehaviors": [
                {
                    "PathPattern": "/other/*",
                    "TargetOriginId": "api",
                    "FunctionAssociations": [{"EventType": "viewer-response", "FunctionARN": "wrong"}],
                }
            ],
        }
    },
    "ApiOrigin": {"VpcOriginEndpointConfig": {"Name": "api", "OriginProtocolPolicy": "http-only"}},
    "Policy": {
        "ResponseHeadersPolicyConfig": {
            "Name": "p",
            "SecurityHeadersConfig": {"ContentTypeOptions": {"Override": True}},
        }
    },
}
PHYSICAL = {"Distribution": "E1", "ApiOrigin": "vo-1", "Policy": "policy", "Access": "E-ACCESS", "Routing": ROUTING}
SITE = Behavior(
    pattern="*",
    on_s3=True,
    protocol="https",
    origin_headers={},
    viewer_protocol="redirect-to-https",
    methods=frozenset({"GET", "HEAD"}),
    request_function=ROUTING,
    response_function=None,
    cache=CACHE_POLICIES[OPTIMIZED],
    all_viewer=False,
    headers={"X-Content-Type-Options": ("nosniff", True)},
    compresses=False,
)
API = Behavior(
    pattern="/api/*",
    on_s3=False,
    protocol="http",
    origin_headers={"x-secret": "x"},
    viewer_protocol="https-only",
    methods=frozenset({"GET", "HEAD"}),
    request_function=None,
    response_function=None,
    cache=CACHE_POLICIES[DISABLED],
    all_viewer=True,
    headers={},
    compresses=False,
)


class Functions:
    """The functions of a distribution, which nobody runs."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources, self.stopped = sources, False

    def stop(self) -> None:
        self.stopped = True


@dataclass
class Served:
    """A distribution that nobody asks; what it is told is kept."""

    distribution: Distribution
    objects: Callable[[str], StoredObject | None]
    backend_url: str
    functions: Functions
    url: str = "http://127.0.0.1:9"
    calls: list[Any] = field(default_factory=list)

    def start(self) -> None:
        self.calls.append("start")

    def stop(self) -> None:
        self.calls.append("stop")

    def lead_to(self, backend_url: str) -> None:
        self.calls.append(backend_url)

    def invalidate(self, paths: list[str]) -> None:
        self.calls.append(paths)


@dataclass
class Edge:
    """The account's one distribution with its functions, and what CloudFront may do in its name."""

    account: Account
    distributions: Distributions
    config: dict[str, Any]
    sources: dict[str, str]
    allowed: set[tuple[str, str]] = field(default_factory=set)
    checked: list[tuple[Any, ...]] = field(default_factory=list)
    visits: list[Any] = field(default_factory=list)

    @property
    def served(self) -> Served:
        return cast(Served, self.distributions.served["E1"])

    def check_service_call(self, *words: Any) -> None:
        self.checked.append(words)
        if words[1:3] not in self.allowed:
            raise AccessDeniedError("no")


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    account, config, sources = Account(), deepcopy(CONFIG), {"routing": "function 1", "later": "function 2"}
    names = {physical: name for name, physical in PHYSICAL.items()}

    def stack_resources(PhysicalResourceId: str) -> Any:
        name = names.get(PhysicalResourceId)
        return {"StackResources": [{"StackName": "delivery", "LogicalResourceId": name}] if name else []}

    account.answers = {
        "cloudfront.list_distributions": {
            "DistributionList": {"Items": [{"Id": "E1", "ARN": ARN, "DomainName": "d1.cloudfront.net"}]}
        },
        "cloudfront.get_distribution_config": lambda **_: {"DistributionConfig": deepcopy(config)},
        "cloudfront.get_function": lambda Name: {"FunctionCode": io.BytesIO(sources[Name].encode())},
        "cloudformation.describe_stack_resources": stack_resources,
        "cloudformation.describe_stack_resource": lambda **names: {
            "StackResourceDetail": {"PhysicalResourceId": PHYSICAL[names["LogicalResourceId"]]}
        },
        "cloudformation.get_template": {
            "TemplateBody": {"Resources": {name: {"Properties": body} for name, body in DECLARED.items()}}
        },
        "cloudformation.describe_stacks": {"Stacks": [{}]},
    }
    holder: list[Edge] = []
    checker = SimpleNamespace(account=ACCOUNT, check_service_call=lambda *words: holder[0].check_service_call(*words))
    own = Edge(account, Distributions(aws(account), cast(PermissionChecker, checker), BACKEND), config, sources)
    holder.append(own)

    def visit(url: str, timeout: float) -> Any:
        own.visits.append((url, timeout))
        if len(own.visits) == 1:
            raise urllib.error.HTTPError(url, 403, "Forbidden", Message(), None)
        return io.BytesIO(b"page")

    monkeypatch.setattr(sites, "ServedDistribution", Served)
    monkeypatch.setattr(sites, "Functions", Functions)
    monkeypatch.setattr(sites, "urlopen", visit)
    return own


def test_a_distribution_is_served_as_it_is_deployed_with_what_only_its_template_says(edge: Edge) -> None:
    edge.distributions.start()
    assert edge.served.distribution == Distribution((API, SITE), "index.html")
    assert edge.served.functions.sources == {ROUTING: "function 1"}
    assert (edge.served.backend_url, edge.served.calls) == (BACKEND, ["start"])
    assert edge.distributions.names == {"E1": {"d1.cloudfront.net", "page.test"}}
    assert edge.distributions.arns == {"E1": ARN}
    assert edge.visits == [("http://127.0.0.1:9/", 10), ("http://127.0.0.1:9/index.html", 10)], "as visitors before"
    assert edge.distributions.configs == {"E1": CONFIG}
    assert ("cloudfront.get_distribution_config", {"Id": "E1"}) in edge.account.calls


def test_an_account_without_distributions_serves_none(edge: Edge) -> None:
    edge.account.answers["cloudfront.list_distributions"] = {"DistributionList": {"Quantity": 0}}
    edge.distributions.start()
    assert (edge.distributions.served, edge.visits) == ({}, [])


def test_a_distribution_without_a_name_of_its_own(edge: Edge) -> None:
    del edge.config["Aliases"], edge.config["CacheBehaviors"]
    edge.distributions.start()
    assert edge.distributions.names == {"E1": {"d1.cloudfront.net"}}
    assert edge.served.distribution.behaviors == (SITE,)


def test_a_policy_that_no_stack_declares_is_refused(edge: Edge) -> None:
    edge.config["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] = "managed"
    with pytest.raises(UnsupportedError, match="ResponseHeadersPolicyId is 'managed', the rehearsal simulates: none"):
        edge.distributions.start()


def test_what_has_changed_is_served_from_the_next_request_on(edge: Edge) -> None:
    edge.distributions.start()
    before = edge.served.functions
    edge.distributions.refresh()
    assert edge.served.functions is before, "nothing has changed"
    edge.config["DefaultRootObject"] = "home.html"
    edge.distributions.refresh()
    assert (edge.served.distribution.root, edge.served.functions) == ("home.html", before)
    edge.sources["routing"] = "function 3"
    edge.config["DefaultRootObject"] = "index.html"
    edge.distributions.refresh()
    assert edge.served.functions.sources == {ROUTING: "function 3"}
    assert cast(Any, edge.distributions.former) == [before] and not cast(Any, before).stopped
    edge.distributions.stop()
    assert cast(Any, before).stopped and edge.served.calls == ["start", "stop"]


def test_each_distribution_follows_its_own_configuration(edge: Edge) -> None:
    others = [{"Id": name, "ARN": f"arn:{name}", "DomainName": name} for name in ("E0", "E2")]
    own = edge.account.answers["cloudfront.list_distributions"]["DistributionList"]["Items"]
    own[:] = [others[0], *own, others[1]]
    configs = {name: deepcopy(edge.config) for name in ("E0", "E1", "E2")}
    answers, declared = edge.account.answers, edge.account.answers["cloudformation.describe_stack_resources"]
    answers["cloudfront.get_distribution_config"] = lambda Id: {"DistributionConfig": deepcopy(configs[Id])}
    answers["cloudformation.describe_stack_resources"] = lambda PhysicalResourceId: declared(
        PhysicalResourceId="E1" if PhysicalResourceId in configs else PhysicalResourceId
    )
    edge.distributions.start()
    configs["E2"]["DefaultRootObject"] = "home.html"
    edge.distributions.refresh()
    roots = {name: served.distribution.root for name, served in edge.distributions.served.items()}
    assert roots == {"E0": "index.html", "E1": "index.html", "E2": "home.html"}
    edge.distributions.set_backend("http://127.0.0.1:8")
    edge.distributions.stop()
    assert [cast(Served, served).calls[1:] for served in edge.distributions.served.values()] == [
        ["http://127.0.0.1:8", "stop"]
    ] * 3


def test_what_cannot_be_read_goes_on_as_before_and_is_read_again(edge: Edge) -> None:
    edge.distributions.start()
    edge.config["Enabled"] = False
    for _ in range(2):
        with pytest.raises(UnsupportedError, match="switched off"):
            edge.distributions.refresh()
    assert edge.served.distribution == Distribution((API, SITE), "index.html")
    edge.config |= {"Enabled": True, "DefaultRootObject": "home.html"}
    edge.distributions.refresh()
    assert edge.served.distribution.root == "home.html"


def test_a_distribution_that_was_deleted_is_served_as_long_as_caches_have_it(edge: Edge) -> None:
    gone = AwsError("cloudfront.get_distribution_config", "NoSuchDistribution", "")
    edge.account.answers["cloudfront.get_distribution_config"] = gone
    with pytest.raises(AwsError):
        edge.distributions.start()
    edge.account.answers["cloudfront.get_distribution_config"] = {"DistributionConfig": CONFIG}
    edge.distributions.start()
    edge.account.answers["cloudfront.get_distribution_config"] = gone
    edge.distributions.refresh()
    assert edge.served.distribution == Distribution((API, SITE), "index.html")
    edge.account.answers["cloudfront.get_distribution_config"] = AwsError("cloudfront.get", "Throttling", "")
    with pytest.raises(AwsError, match="Throttling"):
        edge.distributions.refresh()


def test_all_of_them_lead_to_another_backend(edge: Edge) -> None:
    edge.distributions.start()
    edge.distributions.set_backend("http://127.0.0.1:8")
    assert edge.distributions.backend_url == "http://127.0.0.1:8"
    assert edge.served.calls == ["start", "http://127.0.0.1:8"]


def test_invalidations_work_at_once(edge: Edge) -> None:
    edge.distributions.start()
    hooks: Any = edge.distributions.hooks()
    arguments = {"DistributionId": "E1", "InvalidationBatch": {"Paths": {"Items": ["/*"]}}}
    hooks["cloudfront.create_invalidation"](arguments, {})
    answer = {"Invalidation": {"Id": "I1", "Status": "InProgress"}}
    hooks["cloudfront.get_invalidation"]({}, answer)
    assert (edge.served.calls[-1], answer["Invalidation"]["Status"]) == (["/*"], "Completed")


LIST, DECRYPT = ("s3:ListBucket", "arn:aws:s3:::pages"), ("kms:Decrypt", KEY)
PAGE = StoredObject(b"<p>", "text/html", "no-cache")


@pytest.mark.parametrize(
    ("answer", "allowed", "result", "checks"),
    [
        ({"ContentType": "text/html", "CacheControl": "no-cache"}, [], PAGE, []),
        ({"ContentType": "text/html"}, [], StoredObject(b"<p>", "text/html"), []),
        ({"ContentType": "text/html", "CacheControl": "no-cache", "SSEKMSKeyId": KEY}, [DECRYPT], PAGE, [DECRYPT]),
        ({"ContentType": "text/html", "SSEKMSKeyId": KEY}, [], None, [DECRYPT]),
        (AwsError("s3.get_object", "NoSuchKey", ""), [], None, [LIST]),
        (AwsError("s3.get_object", "NoSuchKey", ""), [LIST], NoSuchKeyError, [LIST]),
        (AwsError("s3.get_object", "AccessDenied", ""), [LIST], None, []),
        (AwsError("s3.get_object", "SlowDown", ""), [LIST], AwsError, []),
    ],
)
def test_an_object_of_the_bucket_is_what_cloudfront_may_read(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, answer: Any, allowed: list[Any], result: Any, checks: list[Any]
) -> None:
    edge.distributions.start()
    edge.allowed.update(allowed)

    def get(service: str, operation: str, /, **arguments: Any) -> Any:
        assert (service, operation, arguments) == ("s3", "get_object", {"Bucket": "pages", "Key": "index.html"})
        if isinstance(answer, AwsError):
            raise answer
        return {"Body": io.BytesIO(b"<p>"), **answer}

    monkeypatch.setattr(edge.account, "call", get)
    if isinstance(result, type):
        with pytest.raises(result):
            edge.served.objects("index.html")
    else:
        assert edge.served.objects("index.html") == result
    source = {"aws:SourceArn": ARN, "aws:SourceAccount": ACCOUNT}
    assert edge.checked == [("cloudfront.amazonaws.com", *check, source) for check in checks]


def test_a_distribution_over_a_backend_alone_has_no_objects(edge: Edge) -> None:
    config = {"Origins": {"Items": [{"DomainName": "balancer"}]}}
    assert edge.distributions._objects(ARN, config)("index.html") is None
    assert edge.account.calls == []


@pytest.mark.parametrize("second", ["more.s3.us-east-1.amazonaws.com", "more.s3-us-west-2.amazonaws.com"])
def test_two_buckets_are_refused(edge: Edge, second: str) -> None:
    origin = {"Id": "more", "DomainName": second, "S3OriginConfig": {}, "OriginAccessControlId": "x"}
    edge.config["Origins"]["Items"].append(origin)
    with pytest.raises(UnsupportedError) as refused:
        edge.distributions.start()
    assert str(refused.value) == "a distribution has 2 buckets among its origins, one is simulated"
