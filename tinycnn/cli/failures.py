"""What went wrong, in one line for people."""

import errno

from tinycnn.errors import TinyCNNError
from tinycnn.text import legible


class UsageError(TinyCNNError, ValueError):
    """The command was called in a way that cannot work."""


def explain(error):
    """One line that says what happened and, where it can be known, what to do."""
    if isinstance(error, MemoryError):
        from tinycnn.memory import explain_out_of_memory

        text = explain_out_of_memory(error)
    elif isinstance(error, TinyCNNError):
        text = getattr(error, "short", str(error))
    elif isinstance(error, OSError) and error.strerror:
        text = _system(error)
    elif isinstance(error, ValueError | TypeError) and str(error):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}. This is a mistake in tinycnn; --debug shows where it happened"
    return legible("; ".join([text, *getattr(error, "__notes__", [])]))


def _system(error):
    where = f": {error.filename}" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full{where}. What was there before is unharmed; free some space and run the command again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission to use this file or folder{where}. Choose another with --out, or change its permissions"
    return f"{error.strerror}{where}"
