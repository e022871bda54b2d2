"""A limit on the time of one call: forward moved away from its point, or in float32, may never find an end."""

import contextlib
import signal
import threading


class TooLong(Exception):
    """A call that did not end in time."""


@contextlib.contextmanager
def deadline(seconds):
    """Raise TooLong in the with block after so many seconds; None for no limit.

    Without signals, on Windows and in other threads than the first, there is no limit.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGALRM"):
        yield
        return

    def stop(number, frame):
        raise TooLong(f"did not end within {seconds:.0f} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    rest, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, rest)
        signal.signal(signal.SIGALRM, before)
