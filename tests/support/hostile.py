"""Strategies for what senders may do to us."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from agent.model.errors import Unparseable

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["version", "alerts", "labels", "status", "startsAt", "endsAt", "data", "type"]
            )
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def mutated(body: bytes) -> st.SearchStrategy[bytes]:
    """The body with a piece of it cut out and some bytes put in."""
    place = st.integers(0, len(body))
    return st.builds(
        lambda start, length, more: body[:start] + more + body[start + length :],
        place,
        st.integers(0, 40),
        st.binary(max_size=8)
        | st.sampled_from([b"null", b"{}", b"[]", b'"', b"\\ud800", b"1e999", b"-1", b'""']),
    )


def readable_or_refused(decode: Callable[[bytes], object], body: bytes) -> None:
    """Whatever a sender sends, the answer is signals or `Unparseable` that says where."""
    try:
        decode(body)
    except Unparseable as error:
        if not error.where:
            raise
