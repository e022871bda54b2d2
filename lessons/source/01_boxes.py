# %% [markdown]
# # Lesson 01: Boxes, IoU and honest baselines
#
# *What does it mean that a network found the mug? And would it have scored as well with its eyes shut?*
#
# ![Most of what was found, a constant box would have found; of the rest, both sets give about the same share](picture)
#
# | | |
# |---|---|
# | **You will have** | six short functions that score any localizer, and a picture like this one that you can read |
# | **Reading** | 25 minutes |
# | **Exercises** | 6, about 70 minutes; all solved in [solutions/01_boxes.ipynb](solutions/01_boxes.ipynb) |
# | **Computing** | about a minute in all |
# | **Builds on** | NumPy arrays, nothing else |
#
# In the picture, the same simple model was trained and tested on two sets of pictures. On the second it finds twice as
# many things. Has it understood twice as much there? Nearly all of them would have been found by one and the same box,
# which looks at nothing. That is where this lesson is going.

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import json
from pathlib import Path

import numpy as np

import tinycnn as tc
from tinycnn.course import FAST, check, keep, read
from tinycnn.course.drawings import boxes as draw
from tinycnn.data import Samples
from tinycnn.plots import contact_sheet
from tinycnn.resize import crop_resize

# %% [markdown]
# ## 1. A box is four numbers
#
# Here is a picture of 12 x 8 pixels with one box in it.

# %%
box, size = (3, 1, 8, 6), (8, 12)  # (xmin, ymin, xmax, ymax) and (height, width)
draw.box_on_pixels(box, size)

# %% [markdown]
# **On the left**, a box is four edges. We count the *lines between pixels*, not the pixels: the first column lies
# between line 0 and line 1, and this picture ends at line 12. So the width is simply `xmax - xmin`, with no "+ 1" to
# remember, and a box may even end in the middle of a pixel. Such a box is called *half open*: pixel column 3 is inside,
# pixel column 8 is not. Python's slices work in the same way.

# %%
xmin, ymin, xmax, ymax = box
picture = np.zeros(size)
picture[ymin:ymax, xmin:xmax] = 1
print("width", xmax - xmin, "  height", ymax - ymin, "  area", (xmax - xmin) * (ymax - ymin))
print("pixels painted:", int(picture.sum()))

# %% [markdown]
# Mind the order. In a box, `x` comes first: across, then down. In an array the *row* comes first, `picture[y, x]`, and
# so it does in a size: `(height, width)`. Half of all box bugs live between these two sentences.
#
# **On the right** is the same box as the network will see it. We come to that in section 3.
#
# ## 2. Four formats, one box
#
# People who label pictures write boxes down in their own ways. Here are five pixels of a row, as four common formats
# count them. Bold is what stands in the file.

# %%
draw.rulers(first=2, last=6)

# %% [markdown]
# The repository holds the same 24 small pictures in these four formats and more, in `datasets/samples`. This is what
# the files say about the same mug:

# %%
samples = next((folder for up in ("..", "../..") if (folder := Path(up, "datasets/samples")).is_dir()), None)
if samples is None:
    print("This cell reads the folder datasets/samples of the repository. It is not here; read on without it.")
else:
    voc = (samples / "voc/Annotations/train_mug_0.xml").read_text()
    coco = json.loads((samples / "coco/annotations/instances_train.json").read_text())
    number = next(image["id"] for image in coco["images"] if image["file_name"] == "train_mug_0.jpg")
    tables = samples / "csv/labels.csv", samples / "tiny-imagenet/train/s00000004/s00000004_boxes.txt"
    csv, tiny = ([line for line in table.read_text().splitlines() if "train_mug_0" in line] for table in tables)
    print("voc:          ", *voc[voc.index("<xmin>"):voc.index("</bndbox>")].split())
    print("coco:          bbox", next(a["bbox"] for a in coco["annotations"] if a["image_id"] == number))
    print("csv:          ", *csv)
    print("tiny-imagenet:", *tiny)

# %% [markdown]
# Four lines of numbers, no two alike, and one box. The difference is a pixel here and there. On a picture of 64 pixels
# that is a few percent of a mug, enough to cost a good model its best scores; and reading COCO's width as an `xmax`
# costs everything.
#
# ### Exercise 1: one box out of four formats
# *Difficulty 1/5, about 10 minutes*
#
# Write a function that turns the four numbers of a file into `(xmin, ymin, xmax, ymax)`, half open, counted from
# line 0. Use the rulers above: for every format, say which *line* the box begins at and which line it ends at.
#
# <details><summary>Hint 1</summary>
#
# In the picture of the rulers the right answer is the same four times: from line 2 to line 7. What must happen to each
# pair of bold numbers to become 2 and 7?
#
# </details>
# <details><summary>Hint 2</summary>
#
# COCO writes `(x, y, width, height)`: four numbers, but the last two are no edges.
#
# </details>

# %% tags=["exercise"]
def to_xyxy(numbers, form):
    """Four numbers of a file -> array (4,): (xmin, ymin, xmax, ymax), half open.

    form: "voc", "coco", "csv" or "tiny-imagenet"
    """
    a, b, c, d = numbers
    ...  # your code here


# %% tags=["solution"]
def to_xyxy(numbers, form):
    """Four numbers of a file -> array (4,): (xmin, ymin, xmax, ymax), half open."""
    a, b, c, d = numbers
    if form == "voc":  # pixels counted from 1, the last one inside: pixel 3 begins at line 2, pixel 7 ends at line 7
        return np.array([a - 1, b - 1, c, d])
    if form == "coco":  # a corner, and how far it is to the other one
        return np.array([a, b, a + c, b + d])
    if form == "tiny-imagenet":  # pixels counted from 0, the last one inside: pixel 6 ends at line 7
        return np.array([a, b, c + 1, d + 1])
    return np.array([a, b, c, d])


# %% tags=["yours"]
check("01.convert", to_xyxy)

# %% [markdown]
# The check runs your function on numbers that you have not seen. If something is wrong, it often knows which mistake
# you made, because others made it before you. For the rulers above it should come out like this, four times the same:

# %% tags=["yours", "expected"]
if check("01.convert", to_xyxy):
    rulers = {"voc": (3, 3, 7, 7), "coco": (2, 2, 5, 5), "csv": (2, 2, 7, 7), "tiny-imagenet": (2, 2, 6, 6)}
    for form, numbers in rulers.items():
        print(f"{form:14}", numbers, "->", to_xyxy(numbers, form))

# %% [markdown]
# In daily life `tc.data.read(folder)` does this for you: it recognizes the format by looking, and in all four folders
# it finds the same boxes.

# %%
if samples is not None:
    for form in ("voc", "coco", "csv", "tiny-imagenet"):
        part = tc.data.read(samples / form).train
        mug = next(i for i, name in enumerate(part.names) if name.startswith("train_mug_0"))
        print(f"{form:14}", part.boxes[mug])

# %% [markdown]
# ## 3. The box inside the network
#
# A network answers with numbers of about the same size, whatever the picture. Edges in pixels are not like that: 200
# is the middle of one photograph and far outside of another. So inside the network a box is a *code*:
#
# $$(c_x,\ c_y,\ h,\ w) = \left(\frac{x_{min} + x_{max}}{2\,W},\ \frac{y_{min} + y_{max}}{2\,H},\
# \frac{y_{max} - y_{min}}{H},\ \frac{x_{max} - x_{min}}{W}\right)$$
#
# where $H$ and $W$ are the height and the width of the picture: its center, its height and its width, *in units of the
# picture*. That is the right side of the first drawing. The box around the whole picture has the code
# (0.5, 0.5, 1, 1), however large the picture is.

# %%
print("code of the box above:", tc.boxes.encode(box, size).round(3))
print("and back again:       ", tc.boxes.decode(tc.boxes.encode(box, size), size))
print("the same, twice as large:", tc.boxes.encode(np.multiply(box, 2), np.multiply(size, 2)).round(3))

# %% [markdown]
# **Shapes.** One box is `(4,)`. A batch of N boxes is `(N, 4)`, and then `sizes` is `(N, 2)`, one `(height, width)` for
# each. NumPy takes all N at once: `boxes[:, 0]` is the `xmin` of every box, an array `(N,)`.
#
# ### Exercise 2: encode
# *Difficulty 2/5, about 10 minutes*
#
# Boxes `(N, 4)` in pixels and sizes `(N, 2)` in, codes `(N, 4)` out. No loop is needed.
#
# <details><summary>Hint 1</summary>
#
# `xmin, ymin, xmax, ymax = boxes.T` gives four arrays `(N,)`, and `heights, widths = sizes.T` two more.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.stack([p, q, r, s], axis=1)` puts four arrays `(N,)` side by side into `(N, 4)`.
#
# </details>

# %% tags=["exercise"]
def encode(boxes, sizes):
    """boxes: (N, 4) xyxy in pixels; sizes: (N, 2), (height, width) of each picture -> codes (N, 4): (cx, cy, h, w)."""
    ...  # your code here


# %% tags=["solution"]
def encode(boxes, sizes):
    """boxes: (N, 4) xyxy in pixels; sizes: (N, 2), (height, width) of each picture -> codes (N, 4): (cx, cy, h, w)."""
    xmin, ymin, xmax, ymax = boxes.T  # (N,) each
    heights, widths = sizes.T
    return np.stack([(xmin + xmax) / 2 / widths, (ymin + ymax) / 2 / heights,
                     (ymax - ymin) / heights, (xmax - xmin) / widths], axis=1)


# %% tags=["yours"]
check("01.encode", encode)

# %% [markdown]
# Three boxes in a picture of 12 x 8 pixels: the one from above, the whole picture, and its upper left quarter.

# %% tags=["yours", "expected"]
if check("01.encode", encode):
    three = np.array([box, (0, 0, 12, 8), (0, 0, 6, 4)])
    print(encode(three, np.array([size] * 3)).round(3))

# %% [markdown]
# And the way back, from codes to pixels. Somebody has written it for you already, and it is wrong.
#
# ### Exercise 3: find the bug
# *Difficulty 2/5, about 10 minutes*
#
# `decode` should undo `encode`. Its author has tried it on the box (2, 2, 6, 6) of a picture of 8 x 8 pixels; that came
# out right, and so it went into a program. There it found every mug and hardly any key. Run the cell below it, look at
# what comes out, and mend one line.
#
# <details><summary>Hint 1</summary>
#
# What do all boxes have in common that come out right? And what do a mug and a key not?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Read the code's four numbers aloud, in their order, and then the line that gives them names.
#
# </details>

# %% tags=["exercise"]
def decode(codes, sizes):
    """codes: (N, 4) (cx, cy, h, w); sizes: (N, 2), (height, width) -> boxes (N, 4) xyxy in pixels."""
    heights, widths = sizes.T  # (N,) each
    cx, cy, w, h = codes.T
    return np.stack([(cx - w / 2) * widths, (cy - h / 2) * heights,
                     (cx + w / 2) * widths, (cy + h / 2) * heights], axis=1)


# %% tags=["solution"]
def decode(codes, sizes):
    """codes: (N, 4) (cx, cy, h, w); sizes: (N, 2), (height, width) -> boxes (N, 4) xyxy in pixels."""
    heights, widths = sizes.T  # (N,) each
    cx, cy, h, w = codes.T  # height comes third, width last
    return np.stack([(cx - w / 2) * widths, (cy - h / 2) * heights,
                     (cx + w / 2) * widths, (cy + h / 2) * heights], axis=1)


# %% tags=["yours"]
check("01.decode", decode)

# %% [markdown]
# There and back again, for a square box and for a long one:

# %% tags=["yours", "expected"]
if check("01.encode", encode):
    two = np.array([(2.0, 2, 6, 6), (0, 3, 8, 5)])
    print(decode(encode(two, np.array([(8, 8)] * 2)), np.array([(8, 8)] * 2)))

# %% [markdown]
# ## 4. How well do two boxes agree?
#
# Lay the true box and the predicted box on top of each other. Count the pixels in *both*, and the pixels in *either*.
# Their quotient is the **intersection over union**, IoU: 1 if the boxes are equal, 0 if they share nothing.

# %%
a, b = (1, 1, 6, 5), (4, 2, 9, 7)
draw.overlap(a, b, size=(8, 11))

# %% [markdown]
# The union needs no counting of its own. Add the two areas, and the shared pixels have been counted twice; take them
# away once:
#
# $$\mathrm{IoU} = \frac{I}{A_a + A_b - I}$$
#
# where $A_a$ and $A_b$ are the areas and $I$ is the area of the intersection. And the intersection is a box again. Its
# left edge is the *larger* of the two left edges, its right edge the *smaller* of the two right edges; the same for top
# and bottom.
#
# Here is the slow and obvious version, which paints both boxes and counts. It is good for boxes that end on lines.

# %%
def painted(box, size):
    """An array of True inside the box and False elsewhere. box: (4,) whole numbers; size: (H, W)."""
    xmin, ymin, xmax, ymax = box
    picture = np.zeros(size, bool)
    picture[ymin:ymax, xmin:xmax] = True
    return picture


def iou_by_counting(a, b, size):
    """The definition, pixel by pixel."""
    in_a, in_b = painted(a, size), painted(b, size)
    return (in_a & in_b).sum() / (in_a | in_b).sum()


print("by counting:", iou_by_counting(a, b, (8, 11)).round(3))

# %% [markdown]
# ### Two boxes that share nothing
#
# Now the formula meets two boxes that lie apart, both across and down.

# %%
draw.apart((1, 1, 4, 3), (7, 5, 10, 7), size=(8, 11))

# %% [markdown]
# The "right edge" of the intersection lies left of its "left edge". Both sides come out negative, minus times minus is
# plus, and two boxes that do not even touch get credit for an overlap. The dashed box is that overlap: it is made of
# nothing. This bug is in more than one published tutorial. The cure is to clamp *each side* at 0 before multiplying.
#
# ### Exercise 4: IoU
# *Difficulty 2/5, about 15 minutes*
#
# N pairs of boxes in, N scores out: `a` and `b` are `(N, 4)`, and row 0 of `a` is compared with row 0 of `b`. Two boxes
# without any area score 0: say so in your code, or 0 / 0 will say something else.
#
# <details><summary>Hint 1</summary>
#
# `np.maximum(a[:, 0], b[:, 0])` is the left edge of each of the N intersections.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.divide(p, q, out=np.zeros_like(q), where=q > 0)` divides where there is something to divide by, and leaves 0
# elsewhere.
#
# </details>

# %% tags=["exercise"]
def iou(a, b):
    """Intersection over union of a[i] and b[i]. a, b: (N, 4) xyxy -> (N,)."""
    ...  # your code here


# %% tags=["solution"]
def iou(a, b):
    """Intersection over union of a[i] and b[i]. a, b: (N, 4) xyxy -> (N,)."""
    top_left = np.maximum(a[:, :2], b[:, :2])  # (N, 2)
    bottom_right = np.minimum(a[:, 2:], b[:, 2:])
    shared = np.maximum(bottom_right - top_left, 0).prod(axis=1)  # (N,): each side clamped, then multiplied
    area_a, area_b = ((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (a, b))
    union = area_a + area_b - shared
    return np.divide(shared, union, out=np.zeros(len(union)), where=union > 0)


# %% tags=["yours"]
check("01.iou", iou)

# %% [markdown]
# Check against the slow version, on 200 random pairs of boxes:

# %% tags=["yours", "expected"]
if check("01.iou", iou):
    rng = np.random.default_rng(0)
    low, sides = rng.integers(0, 8, (2, 200, 2)), rng.integers(1, 8, (2, 200, 2))
    pairs = np.concatenate([low, low + sides], axis=2)  # (2, 200, 4)
    counted = [iou_by_counting(*pair, size=(16, 16)) for pair in zip(*pairs, strict=True)]
    print("largest difference:", abs(iou(*pairs.astype(float)) - counted).max())

# %% [markdown]
# ### A feeling for the number
#
# What does an IoU of 0.5 look like? Worse than most people expect, and 0.75 is already rather good.

# %%
truth = (2.5, 2.5, 7.5, 7.5)
guesses = [(4.5, 3.7, 9, 8.6), (3.4, 3.3, 8.4, 8.3), (2.8, 2.9, 7.8, 7.9), (2.6, 2.5, 7.6, 7.6)]
draw.how_good_is([(truth, guess) for guess in guesses])

# %% [markdown]
# And what do errors cost? A box of the right size that is shifted by a share $s$ of its side keeps $1 - s$ of itself
# inside. Shifted both ways, it keeps $(1-s)^2$. A box in the right place that is too small by $s$ each way has
# $(1-s)^2$ of the area, all of it inside.

# %%
s = np.linspace(0, 0.6, 61)
kept = {"shifted across": 1 - s, "shifted across and down": (1 - s) ** 2}
curves = {name: shared / (2 - shared) for name, shared in kept.items()} | {"too small, both ways": (1 - s) ** 2}
for name, values in curves.items():
    print(f"{name:25} drops below 0.5 at {100 * s[values < 0.5][0]:.0f} % of the side")
draw.what_errors_cost(s, curves)

# %% [markdown]
# That is why IoU >= 0.5 is the usual line for "found". It asks for a box that is right to within a fifth of its side
# each way.
#
# ## 5. From one box to one number
#
# Now the data. Scenes of ten things, drawn by the library; each with its class and its box.

# %%
data = tc.data.scenes(n=120 if FAST else 600, image_size=64, seed=1, valid=0, test=60 if FAST else 300)
contact_sheet(data.train, count=10, columns=5)

# %% [markdown]
# A localizer answers with a class and a box for every picture. What is reported about N answers?
#
# - **class accuracy**: the share of pictures whose class is right;
# - **mean IoU**: the mean of N scores;
# - **IoU >= 0.5**: the share of boxes that count as found;
# - **joint accuracy**: the share of pictures where the class is right *and* the box is found. It is the headline, since
#   "a mug, there" is wrong if it is a car, and wrong if it is elsewhere.
#
# Six answers, by hand:

# %%
class_right = np.array([True, True, True, True, False, False])
scores = np.array([0.9, 0.6, 0.5, 0.2, 0.8, 0.1])
found = scores >= 0.5
print("class accuracy ", class_right.mean().round(3))
print("IoU >= 0.5     ", found.mean().round(3))
print("their product  ", (class_right.mean() * found.mean()).round(3))
print("joint accuracy ", (class_right & found).mean().round(3))

# %% [markdown]
# The joint accuracy is not the product of the two shares: what is hard for one head is often hard for the other. It has
# to be decided picture by picture.
#
# ### Exercise 5: joint accuracy
# *Difficulty 1/5, about 5 minutes*
#
# The labels and boxes that a model has answered, and the true ones: return the share of pictures where both are right.
# Section 9 shows what should come out.
#
# <details><summary>Hint</summary>
#
# For arrays of True and False, "and" is written `&`, and the mean is the share of True.
#
# </details>

# %% tags=["exercise"]
def joint_accuracy(labels, boxes, true_labels, true_boxes):
    """Share of pictures with the right class and an IoU of at least 0.5. labels: (N,); boxes: (N, 4) xyxy."""
    ...  # your code here; use your iou


# %% tags=["solution"]
def joint_accuracy(labels, boxes, true_labels, true_boxes):
    """Share of pictures with the right class and an IoU of at least 0.5. labels: (N,); boxes: (N, 4) xyxy."""
    return ((labels == true_labels) & (iou(boxes, true_boxes) >= 0.5)).mean()


# %% tags=["yours"]
check("01.joint", joint_accuracy)

# %% [markdown]
# ## 6. Answers that never look
#
# Suppose that a model finds 85 % of all boxes. Is that good? The number alone does not say. We need to know what can
# be had for nothing: by an answer that is the same for every picture.
#
# - **The whole frame**: "the box is the picture".
# - **The majority class**: "it is the class that was most frequent in training".
# - **The mean box** of the training set. It is the strongest of them and has a special place in this course.
#
# Why the mean? Say that three training boxes have the widths 0.2, 0.3 and 0.7, and one number has to serve for all.
# Measure a number by its *squared error*, the mean of the squared distances to the three:

# %%
widths = np.array([0.2, 0.3, 0.7])
for guess in (0.2, 0.3, 0.4, 0.5, 0.7):
    print(f"guess {guess}: squared error {((guess - widths) ** 2).mean():.4f}")
print("mean:", widths.mean().round(3))

# %% [markdown]
# The smallest error is at 0.4, which is the mean. It always is: the derivative of $\sum_n (g - t_n)^2$ with respect to
# the guess $g$ is $\sum_n 2 (g - t_n)$, and that is zero where $g$ is the mean of the $t_n$.
#
# Networks are trained with just this error. So the mean box is what a box head says *before it has learned to look*,
# and what it falls back to when it cannot. "My network predicts the same box for every picture" is the most frequent
# complaint about localizers. Now you know which box that is.
#
# ### Exercise 6: the mean box
# *Difficulty 3/5, about 20 minutes*
#
# Average the training boxes and predict for new pictures of any size. A mean of pixels will not do: 40 pixels fill one
# picture and are lost in another. Average in units of the picture, then go back to the pixels of each new one.
# Section 9 shows what should come out.
#
# <details><summary>Hint 1</summary>
#
# Your `encode` takes all training boxes to codes `(N, 4)`. The mean over the boxes is one code `(4,)`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `tc.boxes.decode(codes, sizes)` goes from codes `(M, 4)` back to pixels. `np.tile(code, (M, 1))` repeats one code M
# times.
#
# </details>

# %% tags=["exercise"]
def mean_box(boxes, sizes, new_sizes):
    """boxes: (N, 4) xyxy of the training set; sizes: (N, 2); new_sizes: (M, 2) -> one box for each, (M, 4) xyxy."""
    ...  # your code here


# %% tags=["solution"]
def mean_box(boxes, sizes, new_sizes):
    """boxes: (N, 4) xyxy of the training set; sizes: (N, 2); new_sizes: (M, 2) -> one box for each, (M, 4) xyxy."""
    code = encode(boxes, sizes).mean(axis=0)  # (4,)
    return tc.boxes.decode(np.tile(code, (len(new_sizes), 1)), new_sizes)


# %% tags=["yours"]
check("01.mean_box", mean_box)

# %% [markdown]
# ## 7. The trap
#
# Two data sets. The first is the scenes as they come. For the second, the photographer cared: the camera points at the
# thing and comes close, as in most photographs that people take. The things are the same, picture by picture.

# %%
def framed(samples, seed):
    """The same things through a window around the box: square, a little off center, enlarged to 64 x 64."""
    rng, images, boxes = np.random.default_rng(seed), [], []
    for image, box in zip(samples.images, samples.boxes, strict=True):
        center, longest = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max()
        side = min(64, longest * rng.uniform(1.1, 1.35))
        corner = np.clip(center - side / 2 + rng.uniform(-0.06, 0.06, 2) * side, 0, 64 - side)
        images.append(crop_resize(image, (*corner, *(corner + side)), (64, 64)))
        boxes.append(np.clip((box - np.tile(corner, 2)) * 64 / side, 0, 64))
    return Samples(np.stack(images), samples.labels, np.stack(boxes), samples.names, samples.classes)


sets = {"scenes as they come": (data.train, data.test), "well framed": (framed(data.train, 0), framed(data.test, 1))}
contact_sheet(sets["well framed"][0], count=10, columns=5)

# %% [markdown]
# Where do the boxes lie? Bright is where most pictures have their box. The white line is the mean box.

# %%
unit = {name: tc.metrics.mean_box(train, np.array([[1, 1]]))[0] for name, (train, test) in sets.items()}
draw.where_boxes_are({name: train for name, (train, test) in sets.items()}, list(unit.values()))

# %% [markdown]
# And what do the answers score that never look?

# %%
for name, (train, test) in sets.items():
    for answer, boxes in (("mean box", tc.metrics.mean_box(train, test.sizes)),
                          ("whole frame", tc.metrics.whole_frame(test.sizes))):
        scores = tc.metrics.box_scores(boxes, test.boxes)
        print(f"{name:20} {answer:12} mean IoU {scores['mean_iou']:.2f}   IoU >= 0.5: {scores['iou50']:.0%}")

# %% [markdown]
# On well framed pictures, one and the same box for everything is "found" most of the time. A network whose box head is
# dead would be reported with that number, and it would look like a success. Real data sets are like this: on a known
# set of vegetable photographs the mean box finds three of four, and on ten classes of Tiny ImageNet the whole frame
# finds almost half ([datasets/README.md](../datasets/README.md) says where they come from and how this was measured).
#
# ## 8. A model that does look
#
# Here is about the simplest model that looks at the picture at all. It shrinks the picture to a thumbnail of 6 x 6
# pixels and takes each of the code's four numbers as a weighted sum of the thumbnail's 108 numbers. The weights are
# those with the smallest squared error on the training set. (Lesson 04 does this properly. Here the formula for *least
# squares* has to do; nothing later depends on it.)

# %%
def thumbnails(samples, side=6):
    """Every picture as a row of numbers: side x side pixels of 3 colors, and a 1 for the constant."""
    height, width = samples.images.shape[1:3]
    small = [crop_resize(image, (0, 0, width, height), (side, side)).ravel() / 255 for image in samples.images]
    return np.column_stack([small, np.ones(len(small))])  # (N, side * side * 3 + 1)


def little_model(train, test):
    """Boxes (N, 4) for the pictures of `test`, learned from `train`."""
    x, codes = thumbnails(train), tc.boxes.encode(train.boxes, train.sizes)
    mean = codes.mean(axis=0)  # the model learns how to differ from the mean box
    weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ (codes - mean))  # (109, 4)
    return tc.boxes.clip(tc.boxes.decode(thumbnails(test) @ weights + mean, test.sizes), test.sizes)


looking = {name: tc.boxes.iou(little_model(train, test), test.boxes) for name, (train, test) in sets.items()}
blind = {name: tc.boxes.iou(tc.metrics.mean_box(train, test.sizes), test.boxes) for name, (train, test) in sets.items()}
draw.score_histograms({name: {"mean box": blind[name], "little model": looking[name]} for name in sets})

# %% [markdown]
# On each side, the model's curve is shifted a little to the right of the mean box's. How much is that worth?
#
# **Predict first.** The little model looks at every picture. By looking, on which of the two sets does it find more of
# the things *that the mean box does not find*: (a) of the scenes as they come, (b) of the well framed ones, or (c) of
# both about the same share? Write your letter down before you go on.
#
# One pair of data sets gives one answer, and another pair another one. So both are drawn anew, five times, and the
# model is trained and tested on each. How far the five lie apart is called their *spread* here and in all lessons: the
# standard deviation, the root of the mean squared distance from their mean. (For a few values that mean divides by one
# less than their number, `ddof=1` in NumPy.)

# %%
def shares_found(seed):
    """{name: (share found by the mean box, by the little model)} for both sets, drawn with this seed."""
    size = {"n": 60, "test": 60} if FAST else {"n": 600, "test": 300}
    scenes = tc.data.scenes(image_size=64, seed=seed, valid=0, **size)
    both = {"scenes as they come": (scenes.train, scenes.test),
            "well framed": (framed(scenes.train, 2 * seed), framed(scenes.test, 2 * seed + 1))}
    return {name: [(tc.boxes.iou(boxes, test.boxes) >= 0.5).mean()
                   for boxes in (tc.metrics.mean_box(train, test.sizes), little_model(train, test))]
            for name, (train, test) in both.items()}


drawn = [shares_found(seed) for seed in range(10, 12 if FAST else 15)]
found = {name: np.array([shares[name] for shares in drawn]) for name in sets}  # (5 seeds, mean box and model)

# %% [markdown]
# Gray is what could be had without looking, blue is what looking has added. The dots are the five draws.

# %% tags=["picture"]
draw.gains(found)

# %%
for name, shares in found.items():
    added, of_the_rest = shares[:, 1] - shares[:, 0], (shares[:, 1] - shares[:, 0]) / (1 - shares[:, 0])
    print(f"{name:20} added by looking {100 * added.mean():4.1f} points (spread {100 * added.std(ddof=1):.1f}),  "
          f"of what was left {of_the_rest.mean():.0%} (spread {of_the_rest.std(ddof=1):.0%})")

# %% [markdown]
# <details><summary>What happened</summary>
#
# (c), as far as five draws can tell. In *points*, looking adds several times as much to the first set, and one could
# write a headline about it. But on the second set hardly anything was left to add. *Of what was left*, the two shares
# differ by no more than they vary from draw to draw. The model is the same, and it understands about as little of the
# one as of the other.
#
# </details>
#
# So the large number says mostly how the pictures were taken. And two gains can only be compared when both are
# measured against what there was to gain, with the spread beside them: a difference within the spread is none.
#
# There is a second look that unmasks a sleeping box head, without any IoU: **do the answers vary?** Divide the spread
# of the predicted centers by the spread of the true ones. A constant answer has 0, a perfect one has 1.

# %%
for name, (train, test) in sets.items():
    spread = [tc.boxes.encode(boxes, test.sizes)[:, :2].std(axis=0).mean()
              for boxes in (little_model(train, test), test.boxes)]
    print(f"{name:20} spread of the centers: predicted {spread[0]:.3f}, true {spread[1]:.3f}, "
          f"ratio {spread[0] / spread[1]:.2f}")

# %% [markdown]
# ## 9. Your functions at work
#
# If your functions are right, this table is made by them alone. It must agree with the library's to the last
# digit.

# %% tags=["yours", "expected"]
needed = {"01.encode": encode, "01.iou": iou, "01.joint": joint_accuracy, "01.mean_box": mean_box}
open_ones = [name for name, function in needed.items() if not check(name, function)]
if open_ones:
    print("not right yet:", ", ".join(open_ones))
else:
    print("                         yours         the library's")
    print("                    mean IoU   joint   mean IoU   joint")
    for name, (train, test) in sets.items():
        most_frequent = np.bincount(train.labels).argmax()
        labels = np.full(len(test), most_frequent)
        boxes = mean_box(train.boxes, train.sizes, test.sizes)
        yours = iou(boxes, test.boxes).mean(), joint_accuracy(labels, boxes, test.labels, test.boxes)
        probabilities = np.eye(len(test.classes))[labels]
        report = tc.metrics.evaluate_predictions(labels, boxes, probabilities, test)
        print(f"{name:20}{yours[0]:8.4f}{yours[1]:8.4f}{report['mean_iou']:11.4f}{report['joint']:8.4f}")

# %% [markdown]
# `tc.metrics.evaluate_predictions` is what every command of this project reports with, and it never prints a model's
# number without the answers that never look:

# %%
train, test = sets["scenes as they come"]
boxes = little_model(train, test)
labels = np.full(len(test), np.bincount(train.labels).argmax())  # the little model knows no classes
report = tc.metrics.evaluate_predictions(labels, boxes, np.eye(10)[labels], test, train)
print(tc.metrics.comparison_table(report))

# %% [markdown]
# In the rows with "error" less is better; they are what is reported for photographs. **error@1** is one minus the joint
# accuracy. **error@5** allows five guesses, each a class and a box, of which one must be right. **error, class given**
# asks for the box alone: one minus the share with IoU >= 0.5. A dash means that the answer says nothing about that row.
#
# ## 10. Keep it
#
# What you have written is yours for the rest of the course. This cell writes every answer that is right to a module of
# your own, `mine/lesson01.py`.

# %% tags=["yours"]
keep("01", {"01.convert": to_xyxy, "01.encode": encode, "01.decode": decode, "01.iou": iou, "01.joint": joint_accuracy,
            "01.mean_box": mean_box})

# %% [markdown]
# ## Read it in the library
#
# The library's own `iou` is yours, line by line; it compares any arrays of boxes that fit each other, so it counts the
# four numbers along the last axis, `[..., :2]`.

# %%
read(tc.boxes.iou)

# %% [markdown]
# ## Summary
#
# - A box is half open: lines between pixels, from 0; width is `xmax - xmin`. Formats differ by a pixel, or by
#   everything.
# - Inside the network it is `(cx, cy, h, w)` in units of the picture.
# - IoU = intersection / union. Clamp each side of the intersection at 0, before multiplying.
# - Joint accuracy: right class *and* IoU >= 0.5, decided picture by picture.
# - A number without its baselines says little. The mean box is what a box head says before it looks.
# - Report: the model, the mean box and the whole frame beside it, on pictures that were not used to choose anything.
#
# ## Going on
#
# Questions without a check, for an evening:
#
# 1. *(2/5)* Crop the scenes still more tightly in `framed`. From which window on is the whole frame as good as the mean
#    box?
# 2. *(3/5)* The mean box minimizes the squared error. Which constant box finds the most pictures with IoU >= 0.5?
#    Search near the mean box. Choose on the training set, report on the test set.
# 3. *(4/5)* Thumbnails of 12 x 12 pixels instead of 6 x 6: better on the training set, worse on the test set. Why?
#    Lesson 10 is about this.
# 4. **Open task.** *(4/5)* Ask five people to draw the box around the same twenty things, each for themselves. What IoU
#    do two people reach with each other, on average and at worst? That is a ceiling: no model can be told to be better
#    than its teachers agree. You have it when you can say how much the number changes with a sixth person.
#
# **Next:** [lesson 02](02_before_networks.ipynb), how things were found before there were networks.
