"""What the numbers of boxes count: pixels from 0 or from 1, shares, percent; and when they cannot be what they seem.

A format says what its numbers mean, and many programs that write it do not care. What a whole set shows decides: no
single box tells percentages from pixels.
"""

import numpy as np

from tinycnn.errors import DataError

MANY = 32  # numbers from which a set shows what they count
LARGE = 150  # pixels of the smaller side from which a picture has boxes beyond 100
MISFITS, SOME = 0.25, 3  # share and number of boxes that do not fit, beyond which they are not believed
SAY = 'Say what they are: read(..., units="percent"), "shares" or "pixels"; on the command line, --units'


def settle_units(records, units, ledger):
    """Find out what boxes count, for each table by itself; returns whether those in pixels could be percentages."""
    sources: dict[str | None, list] = {}
    for record in records:
        if record.whole is None:
            sources.setdefault(record.source, []).append(record)
    small = False
    for source, its in sources.items():
        boxes = [np.asarray(box, np.float64) for record in its for _, box in record.objects]
        numbers = np.concatenate(boxes) if boxes else np.zeros(0)
        numbers = numbers[np.isfinite(numbers)]
        # Rounding may lead a little beyond; and all of them 0 or 1 would be a pixel.
        shares = (numbers >= -0.02).all() and (numbers <= 1.02).all() and not np.isin(numbers, (0, 1)).all()
        if units in ("shares", "percent") or units is None and shares and len(numbers):
            what = "percent" if units == "percent" else "shares"
            for record in its:
                record.whole, record.first = 100.0 if units == "percent" else 1.0, 0
            _say(ledger, source, its, f"boxes are {what} of the picture")
            continue
        if units is None:
            small |= len(numbers) >= MANY and bool(((numbers >= 0) & (numbers <= 100)).all())
        counted = [record for record in its if record.first]
        low = np.array([box[:2] for record in counted for _, box in record.objects], np.float64).ravel()
        low = low[np.isfinite(low)]
        # The format counts whole pixels from 1; a few slips, which VOC 2012 has too, prove nothing.
        if (low == 0).sum() > (low == 1).sum() or (low % 1 != 0).sum() * 2 > len(low):
            for record in counted:
                record.first = 0
            _say(ledger, source, counted, "boxes count from 0 here, as their zeros or fractions show")
    for record in records:
        record.objects = [(label, (box[0] - record.first, box[1] - record.first, *box[2:]))
                          for label, box in record.objects]
    return small


def _say(ledger, source, records, sentence):
    for name in [source] if source else [record.path.name for record in records]:
        ledger.remark(name, sentence)


def refuse_misfits(root, sizes, small, misfits, count):
    """DataError where boxes cannot be meant so. small: all numbers are up to 100    sizes: (H, W) of the pictures"""
    side = float(np.median([min(size) for size in sizes]))
    if small and side > LARGE:
        raise DataError(f"all boxes in {root} lie within 0..100, and half of the pictures have {side:.0f} "
                        f"pixels and more: these look like percentages. {SAY}")
    if misfits > max(SOME, MISFITS * count):
        raise DataError(
            f"{misfits} of {count} boxes in {root} reach far out of their pictures. Are they x, y, width, height where "
            "xmin, ymin, xmax, ymax are expected, or the other way round? Percentages, or from pictures of another "
            f"size? {SAY}, which takes them as they are")
