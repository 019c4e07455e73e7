"""Hypothesis strategies shared by the tests: the values that XML-RPC can carry."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

# All that XML can say: no other controls than these, no surrogates, none of the two non-characters.
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
        lambda c: c >= " " or c in "\t\n\r"
    ),
    max_size=20,
)
int32 = st.integers(-(2**31), 2**31 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)


def nested(scalars: st.SearchStrategy[Any], keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Lists and non-empty structs of `scalars` and of each other."""
    return st.recursive(
        scalars,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(keys, inner, min_size=1, max_size=4)
        ),
        max_leaves=12,
    )


values = nested(st.one_of(st.booleans(), int32, texts, finite, st.binary(max_size=20)), texts)

# What PHP does not change by itself: a key of digits becomes a number, an array 0..n-1 a list.
php_keys = texts.map(lambda text: f"k{text}")
php_values = nested(st.one_of(st.booleans(), int32, texts), php_keys)
