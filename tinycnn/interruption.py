"""Ctrl-C during a training: the first is remembered until a step is complete, the second ends at once.

Only where nobody else has said what Ctrl-C does, and in the main thread, which alone is told of it.
"""

import contextlib
import signal
import sys
import threading
from types import FrameType

KEPT = "this step is finished first, and what it has learned is written"
LOST = "this step is finished first; nothing is written, since there is no folder, out=..."


class Interruption:
    """asked: whether a stop was asked for between begin() and end()    words: said at the first; "" says nothing"""

    def __init__(self, words: str) -> None:
        self.words = words and f"\nCtrl-C: {words}. Again, and it ends at once\n"
        self.asked = self._ours = False

    def begin(self) -> None:
        """Take over Ctrl-C, where it does what Python does with it."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._take)
            self._ours = True

    def end(self) -> None:
        """Leave it as it was."""
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._ours = False

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):  # who is just writing, or closed
            sys.stderr.write(self.words)
            sys.stderr.flush()
