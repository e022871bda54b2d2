"""Arrays within tuples, lists and dicts, as networks with several heads and their losses hand them on."""

from collections.abc import Callable
from typing import Any


def each(tree: Any, change: Callable[[Any], Any]) -> Any:
    """The same tuples, lists and dicts with every array changed that has rows; what is none, such as None, stays."""
    if isinstance(tree, dict):
        return {key: each(value, change) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        return type(tree)([each(value, change) for value in tree])
    return change(tree) if getattr(tree, "ndim", 0) else tree


def leaves(tree: Any) -> list[Any]:
    """What is in them, in order."""
    if isinstance(tree, dict):
        tree = tuple(tree.values())
    return [leaf for branch in tree for leaf in leaves(branch)] if isinstance(tree, tuple | list) else [tree]
