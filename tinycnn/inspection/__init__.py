"""Looking into a network: what it is made of, and what happens inside when it runs."""

from tinycnn.inspection.heads import HeadGradients, TugOfWar, head_gradients
from tinycnn.inspection.summary import Row, Summary, summary
from tinycnn.inspection.trace import Trace, trace

__all__ = ["HeadGradients", "Row", "Summary", "Trace", "TugOfWar", "head_gradients", "summary", "trace"]
