"""Counting what crosses between host and device, and every moment at which the host has to wait.

On a GPU these are what a training step cannot afford: the host prepares work ahead of the device, and each
`float(loss)` makes it stop until the device has caught up. The simulated device has no such cost, so it counts.
"""

from dataclasses import dataclass

from tinycnn.simulated.collect import Collectors

_counters = Collectors()  # Transfers


@dataclass
class Transfers:
    """What happened inside a `with count()`.

    uploads, downloads: copies host -> device and device -> host, with their bytes.
    synchronizations: how often the host waited for the device: each download, each synchronize(), and each call whose
    result has a size that only the data tell (x[mask], nonzero, unique ...), since that size is downloaded first.
    """

    uploads: int = 0
    downloads: int = 0
    synchronizations: int = 0
    bytes_uploaded: int = 0
    bytes_downloaded: int = 0


def count():
    """Count the transfers of every thread while the block runs.

    >>> from tinycnn.simulated import xp
    >>> with count() as transfers:
    ...     loss = float(xp.asarray([1.0, 2.0]).sum())
    >>> transfers.uploads, transfers.downloads
    (1, 1)
    """
    return _counters.collect(Transfers())


def uploaded(nbytes):
    """Host data came to the device."""
    _add(uploads=1, bytes_uploaded=nbytes)


def downloaded(nbytes):
    """Numbers went from the device to the host, which waited for them."""
    _add(downloads=1, bytes_downloaded=nbytes, synchronizations=1)


def waited_for_size():
    """A call first reads from the device how large its result will be: 8 bytes, but the host waits for them."""
    downloaded(8)


def synchronize():
    """Wait for the device. There is nothing to wait for; it is counted."""
    _add(synchronizations=1)


def _add(**amounts):
    def add(transfers):
        for name, amount in amounts.items():
            setattr(transfers, name, getattr(transfers, name) + amount)

    _counters.tell(add)
