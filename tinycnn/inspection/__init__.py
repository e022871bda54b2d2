"""Looking into a network: what it is made of, without running it."""

from tinycnn.inspection.summary import Row, Summary, summary

__all__ = ["Row", "Summary", "summary"]
