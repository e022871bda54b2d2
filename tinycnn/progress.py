"""The bar that runs along while an epoch does."""

from collections.abc import Iterable
from typing import Any


def bar(iterable: Iterable[Any], total: int, title: str, shown: bool) -> Iterable[Any]:
    """`iterable`, with a bar where tqdm is installed and a terminal watches; elsewhere a line per epoch will do."""
    try:
        from tqdm import tqdm
    except ImportError:
        return iterable
    return tqdm(iterable, total=total, desc=title, leave=False, disable=None if shown else True, unit="batch")
