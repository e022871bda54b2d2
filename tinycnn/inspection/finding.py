"""One answer of a diagnosis."""

from dataclasses import dataclass, field
from typing import Any

OK, LOOK, WRONG = "fine", "worth a look", "wrong"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    check: its name    level: OK, LOOK or WRONG    measured: the numbers, in a sentence    advice: what to do, or ""
    numbers: the same numbers by name
    """

    check: str
    level: str
    measured: str
    advice: str = ""
    numbers: dict[str, Any] = field(default_factory=dict)
