"""Addresses as people write them."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from agent.catalog.addresses import Allowed, AllowedHost, origin_of

HOST = TypeAdapter(AllowedHost)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Shop.SVC.", "shop.svc"),
        ("*.pay.svc", "*.pay.svc"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("127.0.0.1", "127.0.0.1"),
        ("fd12::1", "fd12::1"),
        ("shop-1", "shop-1"),
    ],
)
def test_a_host_that_is_allowed_is_a_name_a_domain_an_address_or_a_network(
    text: str, kept: str
) -> None:
    assert HOST.validate_python(text) == kept


@pytest.mark.parametrize(
    "text",
    ["", "*", "*.", "http://h/", "h:80", "10.0.0.1/8", "127.1", "2130706433", "a b", "a..b", "a.*"],
)
def test_anything_else_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ValidationError, match="is not a host"):
        HOST.validate_python(text)


@pytest.mark.parametrize(
    ("allowed", "host", "holds"),
    [
        ("*.pay.svc", "a.b.pay.svc", True),
        ("*.pay.svc", "pay.svc", False),
        ("*.pay.svc", "evilpay.svc", False),
        ("shop", "shop", True),
        ("shop", "shop.evil.test", False),
        ("10.0.0.0/8", "10.1.1.1", True),
        ("10.0.0.0/8", "11.1.1.1", False),
        ("10.0.0.0/8", "fd12::1", False),
        ("fd12::1", "fd12::1", True),
    ],
)
def test_what_an_allowed_host_holds(allowed: str, host: str, holds: bool) -> None:
    assert Allowed(text=allowed).holds(host) is holds


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://Shop.SVC./healthy", ("shop.svc", 80)),
        ("https://shop", ("shop", 443)),
        ("http://u:p@shop:8000/x", ("shop", 8000)),
        ("http://[::1]:9/", ("::1", 9)),
    ],
)
def test_the_origin_of_an_address(url: str, origin: tuple[str, int]) -> None:
    assert origin_of(url) == origin
