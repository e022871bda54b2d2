"""The exercise of lesson 14 about a kernel: one thread of col2im, and threads that run in any order."""


from lessons.known.exercise import Case, Exercise, Mistake


def pixel(at, cols, stride, padding):
    return _thread()(at, cols, stride, padding)


def _places(position, size, kernel, stride, padding, sign=1, remainder=True, low=True, steps=True):
    """Yield (place in the window, window) along one axis for every window that lies on a pixel."""
    for p in range(kernel):
        start = position + sign * padding - p
        window = start // stride if steps else start
        if low and start < 0 or steps and remainder and start % stride or window >= size or window < -size:
            continue
        yield p, window


def _thread(take=lambda cols, n, oh, ow, p, q, c: cols[n, oh, ow, p, q, c], join=sum, **how):
    """A thread, right unless told otherwise."""
    def function(at, cols, stride, padding):
        (n, row, column, c), (_, oh, ow, kh, kw, _) = at, cols.shape
        found = [take(cols, n, i, j, p, q, c) for p, i in _places(row, oh, kh, stride, padding, **how)
                 for q, j in _places(column, ow, kw, stride, padding, **how)]
        return join(found) if found else 0.0
    return function


def _exchanged(first, second):
    """Indices of cols exchanged; where that leads outside, nothing is added."""
    def take(cols, n, oh, ow, p, q, c):
        index = [n, oh, ow, p, q, c]
        index[first], index[second] = index[second], index[first]
        return cols[tuple(index)] if all(i < size for i, size in zip(index, cols.shape, strict=True)) else 0.0
    return take


def _cases(rng):
    def case(n, h, w, c, kernel, stride, padding):
        oh, ow = ((size + 2 * padding - k) // stride + 1 for size, k in zip((h, w), kernel, strict=True))
        return Case(rng.standard_normal((n, oh, ow, *kernel, c)), (n, h, w, c), stride, padding)
    return [case(1, 4, 5, 2, (3, 3), 1, 0), case(2, 6, 5, 1, (2, 3), 1, 1), case(1, 7, 6, 2, (3, 2), 2, 1),
            case(2, 5, 8, 3, (2, 2), 3, 0), case(1, 8, 7, 2, (4, 4), 2, 2)]


PIXEL = Exercise(
    title="one thread of col2im",
    solution=pixel,
    takes=("cols", "shape of the picture", "stride", "padding"),
    lists=True,
    cases=_cases,
    returns=("x",),
    unknown=lambda at, cols, stride, padding: 0.8 * pixel(at, cols, stride, padding) + 0.01 * at[1],
    mistakes={
        "padding ignored": Mistake(
            _thread(sign=0),
            "The padding plays no part. Row r of the picture is another row of the padded one."),
        "padding subtracted": Mistake(
            _thread(sign=-1), "The padding is subtracted. In the padded picture a pixel lies further down, not up."),
        "stride ignored": Mistake(
            _thread(steps=False),
            "The windows stand side by side, whatever the stride. Where does window number 2 begin?"),
        "between windows": Mistake(
            _thread(remainder=False),
            "With a stride, some places of the window belong to no window, since none begins there. They are taken "
            "from the one before."),
        "from the other end": Mistake(
            _thread(low=False),
            "At the upper or left edge, numbers of windows at the other end are added: window -1 is Python's last one. "
            "In C it would be memory that belongs to somebody else."),
        "one window alone, lower right": Mistake(
            _thread(join=lambda found: found[0]),
            "Only the window furthest down and to the right counts. A pixel that lies in several collects from all."),
        "one window alone, upper left": Mistake(
            _thread(join=lambda found: found[-1]),
            "Only the window furthest up and to the left counts. A pixel that lies in several collects from all."),
        "mean": Mistake(
            _thread(join=lambda found: sum(found) / len(found)),
            "The mean over the windows is taken. What each sends back adds up."),
        "place turned around": Mistake(
            _thread(lambda cols, n, oh, ow, p, q, c: cols[n, oh, ow, cols.shape[3] - 1 - p, cols.shape[4] - 1 - q, c]),
            "The window is turned by 180 degrees: the place in it is counted from its end."),
        "rows and columns of the window": Mistake(
            _thread(_exchanged(3, 4)), "Row and column in the window are exchanged."),
        "rows and columns of windows": Mistake(
            _thread(_exchanged(1, 2)), "Row and column of the window itself are exchanged."),
        "all channels": Mistake(
            _thread(lambda cols, n, oh, ow, p, q, c: cols[n, oh, ow, p, q].sum()),
            "The channels are added up. A thread has one number, of one channel."),
        "first channel": Mistake(
            _thread(lambda cols, n, oh, ow, p, q, c: cols[n, oh, ow, p, q, 0]),
            "Every thread reads channel 0, whichever it has been given."),
        "first picture": Mistake(
            _thread(lambda cols, n, oh, ow, p, q, c: cols[0, oh, ow, p, q, c]),
            "Every thread reads picture 0, whichever it has been given."),
    },
)
