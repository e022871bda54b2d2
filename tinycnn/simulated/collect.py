"""What count(), launches() and record() have in common: something is filled while a `with` block runs."""

import contextlib
import threading


class Collectors:
    """The objects that open `with` blocks are filling. Each sees what every thread does; blocks may be nested."""

    def __init__(self):
        self._open, self._lock = [], threading.Lock()

    @contextlib.contextmanager
    def collect(self, collector):
        """Fill `collector`, the value of the `with`, while the block runs."""
        with self._lock:
            self._open.append(collector)
        try:
            yield collector
        finally:
            with self._lock:
                # By identity: two counters with equal numbers are still two counters.
                self._open[:] = [other for other in self._open if other is not collector]

    def tell(self, fill):
        """Call fill(collector) for each open one, no two at a time."""
        if self._open:
            with self._lock:
                for collector in self._open:
                    fill(collector)
