"""How a store in a bucket is written."""

from __future__ import annotations

import pytest

from reconciler.core.validate import store_url


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("gs://state-of-jobs", "state-of-jobs", ""),
        ("gs://state-of-jobs/", "state-of-jobs", ""),
        ("gs://a.example.com/team/vision", "a.example.com", "team/vision/"),
        ("gs://abc/v=1/x_y.z/", "abc", "v=1/x_y.z/"),
    ],
)
def test_a_store_names_a_bucket_and_a_prefix(url: str, bucket: str, prefix: str) -> None:
    assert store_url.parse(url) == store_url.Address(bucket, prefix)


@pytest.mark.parametrize(
    "url",
    [
        "gs://",
        "gs://a",
        "gs://Bucket/x",
        "gs://abc/.x",
        "gs://abc@evil.example/x",
        "gs://abc/x?y",
        "s3://abc/x",
        "gs://abc//x",
        "gs://abc/../x",
        "gs://abc/x y",
        "gs://abc/x\n",
    ],
)
def test_what_names_no_bucket_is_nothing(url: str) -> None:
    assert store_url.parse(url) is None
