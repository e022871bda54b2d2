"""What came before, to look at: HOG as strokes in every cell, and what a classifier of windows looks for and finds."""

import numpy as np

from tinycnn import boxes as box_math
from tinycnn.plots.grids import draw_box
from tinycnn.plots.labels import label, labels
from tinycnn.plots.look import INK, PREDICTION, TRUTH, Figure, new_figure, styled

STROKE = 9  # pixels of a glyph for each cell


def glyphs(blocks: np.ndarray, size: int = STROKE * 2 + 1) -> np.ndarray:
    """Cells as stars of strokes, (BH * size, BW * size), 0 to 1. blocks: (BH, BW, 4 * bins), nothing below 0 is drawn.

    A stroke runs along the edge that it stands for, so at a right angle to the difference, and is as bright as its part
    in the block; the four cells of a block are added up.
    """
    height, width, numbers = blocks.shape
    bins = numbers // 4
    strength = np.maximum(blocks, 0).reshape(height, width, 4, bins).sum(axis=2)
    strength = strength / max(strength.max(), 1e-12)
    ticks = np.arange(size) - (size - 1) / 2
    stars = np.zeros((bins, size, size))
    for b in range(bins):
        angle = (b + 0.5) * np.pi / bins + np.pi / 2  # of the edge
        across = abs(ticks[None] * np.sin(angle) - ticks[:, None] * np.cos(angle))
        along = abs(ticks[None] * np.cos(angle) + ticks[:, None] * np.sin(angle))
        stars[b] = np.clip(1.1 - across, 0, 1) * (along < size * 0.46)
    picture = (strength[..., None, None] * stars).max(axis=2)  # (BH, BW, size, size)
    return picture.swapaxes(1, 2).reshape(height * size, width * size)


@styled
def window_report(wanted: list[tuple[np.ndarray, np.ndarray]], classes: tuple[str, ...], image: np.ndarray,
                  heat: np.ndarray, found: str, box: np.ndarray, truth: np.ndarray) -> Figure:
    """What a classifier of windows looks for, and what it finds.

    wanted: for each class two gray pictures of a window, 0 to 1: what speaks for it, and against
    image: (H, W, 3)    heat: (S, S), score of the best window around each place for the class `found`, -inf where there
    is none    box, truth: (4,) in pixels of the image
    """
    shown = min(len(classes), 5)
    names, found = labels(classes), label(found, "what it found")
    figure = new_figure(2.1 * shown + 5.4, 5.0)
    grid = figure.add_gridspec(2, shown + 2, width_ratios=[1] * shown + [1.25, 1.25])
    for k in range(shown):
        for row, pattern in enumerate(wanted[k]):
            ax = figure.add_subplot(grid[row, k])
            ax.imshow(pattern, cmap="gray", vmin=0, vmax=0.9)
            ax.set_axis_off()
            ax.set_title(names[k] if row == 0 else f"not {names[k]}", fontsize=10)
    picture, map_of = figure.add_subplot(grid[:, shown]), figure.add_subplot(grid[:, shown + 1])
    picture.imshow(image)
    draw_box(picture, truth, TRUTH)
    draw_box(picture, box, PREDICTION, (9, 4))
    overlap = float(box_math.iou(np.asarray(box)[None], np.asarray(truth)[None])[0])
    picture.set_title(f"{found}, IoU {overlap:.2f}\n(line: truth, dashes: found)", fontsize=10)
    finite = np.isfinite(heat)
    filled = np.where(finite, heat, heat[finite].min())
    extent = (0, image.shape[1], image.shape[0], 0)
    map_of.imshow(image.mean(axis=2), cmap="gray", extent=extent)
    shade = map_of.imshow(filled, cmap="inferno", alpha=np.where(finite, 0.85, 0.0), extent=extent)
    map_of.set_title(f"score of the best window\naround each place: {found}", fontsize=10)
    for ax in (picture, map_of):
        ax.set_axis_off()
    figure.colorbar(shade, ax=map_of, shrink=0.55)
    figure.suptitle("What speaks for each class, above, and against it, below", color=INK)
    return figure
