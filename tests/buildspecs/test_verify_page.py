"""The verify build of the frontend: the page that is served is the page of this run, byte for byte."""

import pytest

from scripts.rehearsal.builds.phases import Outcome
from tests.support.buildspecs.releases import Site, changed_after
from tests.support.buildspecs.running import Workshop

PAGE = "<!DOCTYPE html><script src=/static/js/main.0a1b2c3d.js></script>\n"
STALE = "<!DOCTYPE html><script src=/static/js/main.ffffffff.js></script>\n"


def page(empty: Workshop, site: Site, **more: str) -> Outcome:
    empty.write("index.html", PAGE)
    variables: dict[str, str] = {
        "PUBLIC_URL": site.url,
        "SITE_BUCKET": "site",
        "FRONTEND_RECORD": "/cloud-health/production/frontend",
        "RELEASE": "run:0123:d2",
        "WAIT_SECONDS": "0",
        "PAUSE_SECONDS": "0",
        **more,
    }
    return empty.build("verify_frontend", variables)


def test_the_page_of_this_run_is_green(empty: Workshop, site: Site) -> None:
    site.answers = {"GET /": (200, PAGE), "GET /index.html": (200, PAGE)}
    empty.machine.answer("ssm put-parameter", {"Version": 2})
    outcome = page(empty, site)
    assert outcome.succeeded, outcome.log
    assert outcome.result_lines() == [
        f"GREEN page: {site.url} serves the {len(PAGE)} bytes of this run's index.html",
        "RESULT last good release: run:0123:d2",
    ]
    [put] = empty.machine.calls("aws")
    record = ["--name", "/cloud-health/production/frontend", "--value", "run:0123:d2"]
    assert put == ["aws", "ssm", "put-parameter", *record, "--type", "String", "--overwrite"]
    assert site.requests == ["GET /", "GET /index.html"]


def test_a_page_that_comes_later_is_waited_for_and_each_difference_is_shown_once(empty: Workshop, site: Site) -> None:
    site.answers = {"GET /": (503, PAGE), "GET /index.html": (200, PAGE)}
    empty.machine.answer("s3api get-object", PAGE)
    empty.machine.answer("ssm put-parameter", {"Version": 2})
    with changed_after(lambda: site.requests.count("GET /") > 2, lambda: site.answers.update({"GET /": (200, PAGE)})):
        outcome = page(empty, site, WAIT_SECONDS="60", PAUSE_SECONDS="0.1")
    assert outcome.succeeded, outcome.log
    assert site.requests.count("GET /") > 2
    length = len(PAGE)
    assert outcome.log.splitlines()[:-1] == [
        f"waiting, page: {site.url}/ status 503, from byte {length}: wanted b'', found b''; the bucket holds this run's"
        " page, so the invalidation is the problem",
        f"GREEN page: {site.url} serves the {length} bytes of this run's index.html",
        "RESULT last good release: run:0123:d2",
    ]


def test_a_redirect_is_no_page(empty: Workshop, site: Site) -> None:
    """Not even one to the right page."""
    site.answers = {"GET /": (200, PAGE), "GET /index.html": (301, "")}
    empty.machine.answer("s3api get-object", PAGE)
    outcome = page(empty, site)
    assert not outcome.succeeded
    assert f"RED page: {site.url}/index.html status 301, from byte 0: wanted b'<!DOCTYPE" in outcome.log
    assert not empty.machine.calls("aws", "ssm"), "a red page is no last good release"


def test_no_answer_at_all_is_red(empty: Workshop) -> None:
    outcome = page(empty, Site("http://127.0.0.1:1"))
    assert not outcome.succeeded and "Traceback" not in outcome.log
    assert "RED page: GET http://127.0.0.1:1/: no answer, " in outcome.log and "ERROR red: page\n" in outcome.log


@pytest.mark.parametrize(
    ("stored", "cause"),
    [
        (PAGE, "the bucket holds this run's page, so the invalidation is the problem"),
        (STALE, "the bucket holds another page, so the upload is the problem"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_a_stale_page_is_red_and_says_where_to_look(
    empty: Workshop, site: Site, path: str, stored: str, cause: str
) -> None:
    site.answers = {"GET /": (200, PAGE), "GET /index.html": (200, PAGE), f"GET {path}": (200, STALE)}
    empty.machine.answer("s3api get-object", stored)
    outcome = page(empty, site)
    assert not outcome.succeeded
    (line,) = (line for line in outcome.result_lines() if line.startswith("RED"))
    assert line.startswith(f"RED page: {site.url}{path} status 200, from byte 43: wanted b'0a1b2c3d.js>")
    assert "found b'ffffffff.js>" in line
    assert line.endswith(cause)
    (call,) = empty.machine.calls("aws")
    assert call[3:7] == ["--bucket", "site", "--key", "index.html"]


def test_the_right_page_with_another_status_is_red(empty: Workshop, site: Site) -> None:
    site.answers = {"GET /": (503, PAGE), "GET /index.html": (200, PAGE)}
    empty.machine.answer("s3api get-object", PAGE)
    outcome = page(empty, site)
    assert not outcome.succeeded
    assert f"RED page: {site.url}/ status 503" in outcome.log


def test_a_bucket_that_cannot_be_read_is_said(empty: Workshop, site: Site) -> None:
    empty.machine.answer("s3api get-object", status=254, error="AccessDenied")
    outcome = page(empty, site)
    assert not outcome.succeeded
    assert "status 404, from byte 0" in outcome.log
    assert "the bucket's own page cannot be read: `aws s3api get-object" in outcome.log


def test_a_page_under_a_key_of_ours_is_said(empty: Workshop, site: Site) -> None:
    """CloudFront answers 403 for a page that it may not decrypt; that is neither the upload nor the invalidation."""
    sealed = {"Body": PAGE, "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "arn:aws:kms:us-east-1:0:key/1"}
    empty.machine.answer("s3api get-object", sealed)
    outcome = page(empty, site)
    assert not outcome.succeeded
    assert "is encrypted with aws:kms and arn:aws:kms:us-east-1:0:key/1, which CloudFront may have to be let use" in (
        outcome.log
    )
