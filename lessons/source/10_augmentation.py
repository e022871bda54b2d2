# %% [markdown]
# # Lesson 10: More pictures than you have
#
# *A network with few pictures learns them by heart. Show it each one differently every time, and move the box along.*
#
# ![The same picture, changed a little and changed a lot, each time with its box](picture)
#
# | | |
# |---|---|
# | **You will have** | your own mirror, a box that follows any window, a rule for stopping, and a bug found |
# | **Reading** | 25 minutes |
# | **Exercises** | 4, about 65 minutes; all solved in [solutions](solutions/10_augmentation.ipynb) |
# | **Computing** | about 3 minutes |
# | **Builds on** | boxes ([01](01_boxes.ipynb)); [09](09_two_heads.ipynb), which the box below repeats |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import numpy as np

import tinycnn as tc
from tinycnn.course import FAST, check, keep, read
from tinycnn.course.drawings import augmentation as draw
from tinycnn.data import Augment, Samples
from tinycnn.data import augment as library
from tinycnn.resize import crop_resize

# %% [markdown]
# > **Met before.** A *localizer* looks at a picture and says what it shows and where: a class, and a *box* (xmin, ymin,
# > xmax, ymax). The four numbers are edges: they lie *between* pixels, and a box from 2 to 5 covers the pixels 2, 3 and
# > 4 ([lesson 01](01_boxes.ipynb)). *IoU* is the area that two boxes share over the area that they cover together; we
# > count a box as right from 0.5 on. An *epoch* is one pass through all pictures of the *training part*. The
# > *validation part* is for decisions, the *test part* for one look at the end. `tc.fit` trains
# > ([lesson 09](09_two_heads.ipynb)).
#
# ## 1. Learned by heart
#
# Three hundred pictures, ten classes, and a small network. We train it three times, from three random beginnings
# (*seeds*). After every epoch we ask two questions: how well does it answer for pictures that it learns from, and how
# well for others?

# %%
count, held_out, epochs, seeds = (60, 40, 2, (0, 1)) if FAST else (300, 300, 40, (0, 1, 2))
data = tc.data.scenes(n=count, image_size=32, seed=0, valid=held_out, test=held_out if FAST else 1000)
some = data.train.subset(slice(0, 150))


def train(samples, seed, augment=None, dropout=0.0, weight_decay=0.0, epochs=epochs, on_epoch=None):
    """A new network, trained; returns it and its history."""
    model = tc.models.localizer(classes=data.classes, image_size=32, channels=(16, 32, 64), hidden=64,
                                dropout=dropout, seed=seed)
    optimizer = tc.optim.SGD(model, lr=0.02, momentum=0.9, weight_decay=weight_decay)
    history = tc.fit(model, samples, data.valid, epochs=epochs, batch_size=32, optimizer=optimizer, augment=augment,
                     seed=seed, progress=False, on_epoch=on_epoch)
    return model, history


by_heart = {seed: [] for seed in seeds}  # share of training pictures whose class and box are right, after each epoch
plain = {seed: train(data.train, seed, on_epoch=lambda row, model, seed=seed: by_heart[seed].append(
    100 * tc.evaluate(model, some)["joint"])) for seed in seeds}

histories = [history for _, history in plain.values()]
draw.by_heart({"learned from": [history.column("loss") for history in histories],
               "validation": [history.column("valid_loss") for history in histories]},
              {"learned from": list(by_heart.values()),
               "validation": [100 * np.array(history.column("valid_joint")) for history in histories]})

# %% [markdown]
# (Lines are the means of the seeds, the bands reach from the lowest to the highest.)
#
# This is *overfitting*. In the end the network knows the pictures that it has seen perfectly well, and of others little
# more than a quarter. It has learned what picture 17 is, and not so much what a mug is. Look at the validation loss: it
# falls, turns, and *rises*, while the share of right answers still goes up. Both are true. The network is right more
# often, and it becomes surer and surer; where it is wrong, it is wrong with conviction, and that costs loss.
#
# The difference between the two curves is called the *gap*:

# %%
for seed, (_, history) in plain.items():
    valid = 100 * np.array(history.column("valid_joint"))
    print(f"seed {seed}: learned from {by_heart[seed][-1]:5.1f} %, validation {valid[-1]:.1f} %, "
          f"gap {by_heart[seed][-1] - valid[-1]:.1f}; lowest validation loss in epoch "
          f"{np.argmin(history.column('valid_loss')) + 1}")

# %% [markdown]
# ## 2. When to stop
#
# If it gets no better, stop. But a score goes up and down from epoch to epoch, so one bad epoch says little. The usual
# rule has *patience*: stop when so many epochs in a row have brought nothing better than the best one so far. Then take
# the weights of that best epoch, which were put aside. By hand, with a patience of 2:
#
# | epoch | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
# |---|---|---|---|---|---|---|---|
# | score | .20 | .31 | .28 | .35 | .34 | .33 | .40 |
# | best so far | 1 | 2 | 2 | 4 | 4 | 4 | |
# | epochs since | 0 | 0 | 1 | 0 | 1 | 2 | |
#
# The training ends after epoch 6, and the best epoch is 4. That epoch 7 would have been better, nobody will ever know.
#
# ### Exercise 1: stop in time
# *Difficulty 2/5, about 15 minutes*
#
# Epochs are counted from 1, more is better, and of equal scores the first counts as the best. If patience never runs
# out, the training goes on to the last score.
#
# <details><summary>Hint</summary>
#
# Go through the scores in a loop and remember the epoch of the best one so far. How many epochs have passed without a
# better one is the difference of two epochs; no counter is needed.
#
# </details>

# %% tags=["exercise"]
def early_stopping(scores, patience):
    """scores: (T,), one after each epoch -> (best epoch, epoch after which training ends), both counted from 1."""
    ...  # your code here


# %% tags=["solution"]
def early_stopping(scores, patience):
    """scores: (T,), one after each epoch -> (best epoch, epoch after which training ends), both counted from 1."""
    best = 0
    for epoch in range(len(scores)):
        if scores[epoch] > scores[best]:
            best = epoch
        if epoch - best == patience:
            return best + 1, epoch + 1
    return best + 1, len(scores)


# %% tags=["yours"]
check("10.early_stopping", early_stopping)

# %% [markdown]
# On the trainings from above, with two scores: minus the validation loss, and the share of validation pictures whose
# class and box are right.

# %% tags=["yours", "expected"]
if check("10.early_stopping", early_stopping):
    for name, column, sign in (("loss", "valid_loss", -1), ("both right", "valid_joint", 1)):
        for seed, (_, history) in plain.items():
            best, last = early_stopping(sign * np.array(history.column(column)), patience=5)
            row = history.rows[best - 1]
            print(f"by {name:10} seed {seed}: best epoch {best:2}, stopped after {last} of {len(history)}; "
                  f"there the loss is {row['valid_loss']:.2f}, both right {100 * row['valid_joint']:.1f} %")

# %% [markdown]
# By the loss all three stop early, with networks that are right half as often as those at the end. By the share of
# right answers they go on for longer. (But not always: when this page was made before, with other rounding, the third
# ran out of patience in a lull, after epoch 12.) So the score should be what you want in the end
# (right answers, or probabilities that can be relied on?), and patience must outlast a lull. `tc.fit(..., patience=20)`
# takes the share of pictures with both class and box right.
#
# Stopping saves time and keeps a network from getting worse. To get better it needs more pictures.
#
# ## 3. A picture in the mirror
#
# Somebody looks at a picture of a mug in a mirror. It is still a mug. So is every picture in the training part two
# pictures? Yes, if the answer is mirrored, too. A tiny one, 4 x 6:

# %%
picture = np.array([[0, 0, 0, 0, 0, 0],
                    [0, 1, 2, 0, 0, 0],
                    [0, 3, 4, 0, 0, 0],
                    [0, 5, 0, 0, 0, 0]])
draw.mirrored_pixels(picture, (1, 1, 3, 4), picture[:, ::-1], (3, 1, 5, 4))

# %% [markdown]
# Below are the edges, from 0 to W = 6. An edge that was `x` from the left is `x` from the *right* afterwards, which is
# W - x from the left. And what was the right edge is now the left one:
#
# $$\text{xmin}' = W - \text{xmax}, \qquad \text{xmax}' = W - \text{xmin}$$
#
# W, not W - 1. The *pixel* 0 goes to W - 1, the number of the last pixel. The *edge* 0 goes to W. Where boxes are
# edges, no 1 is ever added or subtracted.
#
# ### Exercise 2: mirror
# *Difficulty 2/5, about 10 minutes*
#
# A batch of pictures with their boxes. Leave the arrays that you are given as they are.
#
# <details><summary>Hint</summary>
#
# `a[:, ::-1]` runs backwards through axis 1. Which axis of (N, H, W, C) runs across a picture? And work out both new
# edges from the *old* ones before anything is overwritten.
#
# </details>

# %% tags=["exercise"]
def mirror(images, boxes):
    """images: (N, H, W, C); boxes: (N, 4) xyxy in their pixels -> both mirrored left and right."""
    ...  # your code here


# %% tags=["solution"]
def mirror(images, boxes):
    """images: (N, H, W, C); boxes: (N, 4) xyxy in their pixels -> both mirrored left and right."""
    width = images.shape[2]
    xmin, ymin, xmax, ymax = boxes.T
    return images[:, :, ::-1], np.stack([width - xmax, ymin, width - xmin, ymax], axis=1)


# %% tags=["yours"]
check("10.mirror", mirror)

# %% tags=["yours", "expected"]
if check("10.mirror", mirror):
    images, boxes = mirror(picture[None, :, :, None], np.array([[1, 1, 3, 4]]))
    print(images[0, :, :, 0])
    print("box", boxes[0].tolist())

# %% [markdown]
# ### And if the box is forgotten?
#
# It is the classic mistake. We make twice as many pictures of the training part, each once as it is and once mirrored,
# first properly, and then with the boxes left where they were. Half as many epochs keep the number of steps the same.
#
# **Predict first.** Boxes are encoded as their center (cx, cy), height and width. When the boxes are not moved, what
# happens to the answers for *validation* pictures, which nobody has mirrored? (a) Class and box are both spoiled,
# (b) the class and three of the numbers are about as good as before, and cx has nothing to do with the truth any more,
# (c) nothing much, since half of the pictures are right and the network learns from these.

# %%
turn = Augment(flip=1.0, scale=(1.0, 1.0), shift=0.0, color=(0.0, 0.0, 0.0))  # the library's mirror, always


def doubled(samples, move_boxes):
    """The samples, and all of them once more in the mirror."""
    pairs = [turn(image, box, 32, np.random.default_rng(0))
             for image, box in zip(samples.images, samples.boxes, strict=True)]
    boxes = np.array([box for _, box in pairs]) if move_boxes else samples.boxes
    return Samples(np.concatenate([samples.images, [image for image, _ in pairs]]), np.tile(samples.labels, 2),
                   np.concatenate([samples.boxes, boxes]), samples.names * 2, samples.classes)


def explained(model, samples):
    """R-squared of cx, cy, h and w (lesson 04): 1 for perfect answers, 0 for always the mean."""
    true, said = (tc.boxes.encode(boxes, samples.sizes)
                  for boxes in (samples.boxes, model.predict(samples.images).boxes))
    return 1 - ((true - said) ** 2).mean(axis=0) / true.var(axis=0)


panels = {}
print("                     class right, %      R-squared of cx, cy, h, w (mean and spread over seeds)")
for title, move in (("boxes moved", True), ("boxes not moved", False)):
    pictures = doubled(data.train, move)
    found = [train(pictures, seed, epochs=epochs // 2) for seed in seeds]
    right = np.array([100 * history.rows[-1]["valid_accuracy"] for _, history in found])
    share = np.array([explained(model, data.valid) for model, _ in found])
    print(f"{title:18} {right.mean():8.1f} ± {right.std(ddof=1):.1f}       ",
          ", ".join(f"{m:5.2f} ± {s:.2f}" for m, s in zip(share.mean(axis=0), share.std(axis=0, ddof=1), strict=True)))
    panels[title] = [tc.boxes.encode(boxes, data.valid.sizes)[:, 0]
                     for boxes in (data.valid.boxes, found[0][0].predict(data.valid.images).boxes)]
draw.against_truth(panels)

# %% [markdown]
# <details><summary>What happened</summary>
#
# (b). Of every thing that is seen at x, half of the pictures claim that it is there, and half that it is at 1 - x. A
# network cannot know which. If it knew only that, it would say the middle, one half, and R-squared would be 0. Ours has
# learned single pictures by heart and says now the one, now the other, which is worse still: R-squared is below 0.
# Height, width and cy do not change in a mirror, and neither does the class. Somebody who looks at the class accuracy
# alone will never find this mistake.
#
# </details>
#
# ## 4. A window
#
# Shift the picture, come closer, step back, cut out a part: all of this is one operation. Lay a *window* over the
# picture and bring what is in it to the size that the network wants. A window further to the right: the object moves
# left. A smaller window: it comes closer. A window that reaches over the border sees nothing there, and gray is filled
# in.

# %%
example, box = data.train.images[34], data.train.boxes[34]
cuts = []
for title, window in (("shifted", (6, -3, 38, 29)), ("closer", (2, 8, 26, 32)), ("further away", (-5, -5, 37, 37)),
                      ("stretched", (0, 14, 32, 32))):
    new = crop_resize(example, window, (32, 32))
    cuts.append((title, window, new, library.follow(box, window, 32)))
draw.windows(example, box, cuts)

# %% [markdown]
# Where does the box go? One axis by hand. The window runs from left = 3 to right = 9 and becomes 12 pixels wide, so
# every old pixel becomes 12 / (9 - 3) = 2 new ones. An object from 4 to 10:
#
# - xmin: 4 is 1 beyond the window's left edge, which makes 1 * 2 = **2**.
# - xmax: (10 - 3) * 2 = 14. But the new picture ends at 12, so the box does: **12**.
# - Of the object's 14 - 2 = 12 new pixels, 12 - 2 = 10 are left.
#
# $$x' = (x - \text{left}) \cdot \frac{W'}{\text{right} - \text{left}}, \qquad\text{then cut to } 0 \ldots W'$$
#
# and the same downward. How much is *left* of the object matters: a window that shows only a wheel of a car is no
# picture of a car with a box any more.
#
# ### Exercise 3: follow the window
# *Difficulty 3/5, about 20 minutes*
#
# For several boxes and one window. `kept` is the share of each box's area that is still inside; a box wholly outside
# keeps 0. Edges need not be whole numbers.
#
# <details><summary>Hint 1</summary>
#
# First move all edges without cutting, and keep that. Then cut with `np.clip`, which takes arrays as limits.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Area after the cut over area before the cut, both in *new* pixels.
#
# </details>

# %% tags=["exercise"]
def follow(boxes, window, size):
    """boxes: (N, 4) xyxy; window: (left, top, right, bottom); size: (H, W) of the new picture.

    Returns the boxes in the new picture (N, 4), cut to it, and the share of each area that is left (N,).
    """
    ...  # your code here


# %% tags=["solution"]
def follow(boxes, window, size):
    """boxes: (N, 4) xyxy; window: (left, top, right, bottom); size: (H, W) of the new picture.

    Returns the boxes in the new picture (N, 4), cut to it, and the share of each area that is left (N,).
    """
    left, top, right, bottom = window
    height, width = size
    across, down = width / (right - left), height / (bottom - top)
    moved = (boxes - [left, top, left, top]) * [across, down, across, down]
    inside = np.clip(moved, 0, [width, height, width, height])
    areas = [(b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (inside, moved)]
    return inside, areas[0] / areas[1]


# %% tags=["yours"]
check("10.window", follow)

# %% tags=["yours", "expected"]
if check("10.window", follow):
    inside, kept = follow(np.array([[4.0, 0, 10, 5], [0, 0, 2, 5]]), (3, 0, 9, 5), (5, 12))
    print("the object from above:", inside[0].tolist(), f"kept {kept[0]:.2f}")
    print("one further left:     ", inside[1].tolist(), f"kept {kept[1]:.2f}")

# %% [markdown]
# ## 5. What one may not do
#
# Augmentation claims something: *this change does not change the answer*. That is knowledge about the subject, and
# nobody but you can give it to the network. It is wrong surprisingly often:

# %%
b = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1], [1, 1, 1, 0]])
six = np.array([[0, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]])
arrow = np.array([[0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 1, 1], [0, 0, 0, 1], [0, 0, 1, 0]])
draw.signs([("a letter, mirrored", b, b[:, ::-1], "b becomes d"),
            ("a digit, turned", six, six[::-1, ::-1], "6 becomes 9"),
            ("a sign, mirrored", arrow, arrow[:, ::-1], "right becomes left")])

# %% [markdown]
# - **Mirror**: not letters, traffic signs, clocks, left and right hands.
# - **Turn**: not digits, and not what always stands upright: a network that has seen cars on their roofs has learned
#   something that it will not need.
# - **Color**: other light, yes: factors on brightness, contrast and saturation, and the box stays. But not where color
#   is the answer, as with ripe fruit; and no **scale** where size is, as with coins.
#
# And never the validation part. Its pictures stand for those that will come, and these come as they are.
#
# ### Exercise 4: find the bug
# *Difficulty 3/5, about 20 minutes*
#
# Somebody mirrors a part of every batch. `few` are the indices of the batch's pictures in the training part, and
# `luck` holds one random number from 0 to 1 for each picture of the *batch*; below `share` it is mirrored. The class
# accuracy is fine, and the boxes never come right. One thing is wrong.
#
# <details><summary>Hint</summary>
#
# Try it with three pictures and `few = [2, 0]`, both of them mirrored. Write down whose box each one gets. Two kinds of
# index occur, the place in the training part and the place in the batch. Which is `i`?
#
# </details>

# %% tags=["exercise"]
def mirrored_batch(images, boxes, few, luck, share=0.5):
    """images: (N, H, W, C); boxes: (N, 4); few: (B,) indices; luck: (B,) -> pictures of the batch, their boxes."""
    x, answers = images[few], boxes[few]
    width = images.shape[2]
    for i in range(len(few)):
        if luck[i] < share:
            xmin, ymin, xmax, ymax = boxes[i]
            x[i] = x[i, :, ::-1]
            answers[i] = width - xmax, ymin, width - xmin, ymax
    return x, answers


# %% tags=["solution"]
def mirrored_batch(images, boxes, few, luck, share=0.5):
    """images: (N, H, W, C); boxes: (N, 4); few: (B,) indices; luck: (B,) -> pictures of the batch, their boxes."""
    x, answers = images[few], boxes[few]
    width = images.shape[2]
    for i in range(len(few)):
        if luck[i] < share:
            xmin, ymin, xmax, ymax = answers[i].copy()  # i counts within the batch
            x[i] = x[i, :, ::-1]
            answers[i] = width - xmax, ymin, width - xmin, ymax
    return x, answers


# %% tags=["yours"]
check("10.batch", mirrored_batch)

# %% [markdown]
# ## 6. How much?
#
# The library's `Augment` draws a window, a mirror and a light for every picture, anew in every epoch. Two recipes:
# *light* moves the window a little, *strong* comes much closer and changes the light more. The same picture six times:

# %% tags=["picture"]
recipes = {"light": Augment.light(), "strong": Augment.strong()}
draw.versions({name: [recipe(example, box, 32, np.random.default_rng(k)) for k in range(6)]
               for name, recipe in recipes.items()})

# %% [markdown]
# More change is not always better. Too little, and the pictures are still learned by heart; too much, and the network
# spends its strength on pictures that never come. So measure, on the validation part. And since we are at it, two other
# remedies against learning by heart:
#
# - **Weight decay** pulls all weights a little toward 0 in each step, so that only what is needed again and again stays
#   large. `SGD(..., weight_decay=0.02)`
# - **Dropout** sets half of the features to 0 in training, others in every step, so that no answer can hang on a single
#   one. `localizer(dropout=0.5)`
#
# Every setting with the same three seeds. The gray dots are single networks, the square is their mean, and its bar the
# standard deviation to both sides.

# %%
settings = {"none": {}, "light": {"augment": recipes["light"]}, "strong": {"augment": recipes["strong"]},
            "weight decay": {"weight_decay": 0.02}, "dropout": {"dropout": 0.5},
            "light and dropout": {"augment": recipes["light"], "dropout": 0.5}}
trained = {"none": plain} | {name: {seed: train(data.train, seed, **more) for seed in seeds}
                             for name, more in settings.items() if more}
results = {name: {"gap": [100 * (tc.evaluate(model, some)["joint"] - history.rows[-1]["valid_joint"])
                          for model, history in found.values()],
                  "class right": [100 * history.rows[-1]["valid_accuracy"] for _, history in found.values()],
                  "box right": [100 * history.rows[-1]["valid_iou50"] for _, history in found.values()],
                  "both right": [100 * history.rows[-1]["valid_joint"] for _, history in found.values()]}
           for name, found in trained.items()}
for name, found in results.items():
    print(f"{name:18}" + ", ".join(f"{what} {np.mean(values):5.1f} ± {np.std(values, ddof=1):.1f}"
                                   for what, values in found.items()))
draw.compared(results, ("gap", "class right", "box right", "both right"))

# %% [markdown]
# - **The amount.** *Light* answers both questions for 41 % of the pictures in place of 28 %, which is many times the
#   spread over seeds. *Strong* is better than nothing, too, and not as good as *light*; for the boxes that is clear,
#   for both together less so. All this is after 40 epochs; what longer trainings would bring was not asked.
# - **A small gap is not the aim.** *Light and dropout* have one of the smallest, and answer no better than *none*. A
#   network that learns nothing has no gap at all.
# - **Weight decay and dropout**, each in the one strength that we tried. *Weight decay* changes nothing here that the
#   spread would not explain. *Dropout* makes the gap smaller, and may bring a few right answers; of what *light* brings
#   that is a small part. They do not replace pictures.
#
# Now we choose, by "both right" on the validation part, and look at the test part: once, for the chosen setting and for
# what we began with.

# %%
chosen = max(results, key=lambda name: np.mean(results[name]["both right"]))
print("chosen:", chosen)
for name in ("none", chosen):
    scores = [tc.evaluate(model, data.test, data.train) for model, _ in trained[name].values()]
    joint = 100 * np.array([score["joint"] for score in scores])
    print(f"{name:18} both right on the test part: {joint.mean():.1f} ± {joint.std(ddof=1):.1f} %")

# %% [markdown]
# ## 7. Photographs
#
# Scenes are drawn without end. With photographs somebody has to go out, and then draw every box by hand. These are
# results of the library, all with its augmentation (table in [README.md](../README.md); for the photographs see
# [datasets](../datasets/README.md)):
#
# | command | learned from | both right | never looking |
# |---|---|---|---|
# | `tinycnn train` | 8,000 drawn scenes, 10 classes | .955 ± .006 | .003 |
# | `tinycnn train --data vegetables` | 134 photographs, 3 classes | .856 ± .031 | .279 ± .016 |
# | `tinycnn train --data tiny-imagenet-10` | 4,480 photographs, 10 classes | .563 | .054 |
#
# 134 photographs give .856, and 4,480 only .563? Different rows cannot be compared: three classes and ten, and on the
# vegetables the mean box alone has an IoU of 0.5 with 75 % of the pictures, on Tiny ImageNet with 36 %. *Never looking*
# is the column that warns of it. Three things make photographs hard:
#
# - **Number.** There are few of them, and that is what this lesson is about.
# - **Scale.** A thing may fill the picture or be a speck in it. Our own scenes can show what that means.
# - **Background.** In the drawn scenes the ground has nothing to do with the class. Where fish are mostly photographed
#   in somebody's hands, a network may learn hands, and no mirror and no window changes that. Only other pictures do.
#
# The validation part in three thirds, from the smallest boxes to the largest; the chosen networks:

# %%
sizes = (data.valid.boxes[:, 2:] - data.valid.boxes[:, :2]).prod(axis=1) / 32**2
for name, part in zip(("smallest", "middle", "largest"), np.array_split(np.argsort(sizes), 3), strict=True):
    third = data.valid.subset(part)
    scores = [tc.evaluate(model, third) for model, _ in trained[chosen].values()]
    line = ", ".join(f"{what} {100 * np.mean(v):.0f} ± {100 * np.std(v, ddof=1):.0f} %" for what, v in (
        ("class right", [s["accuracy"] for s in scores]), ("box right", [s["iou50"] for s in scores])))
    print(f"{name:9} {100 * sizes[part].mean():3.0f} % of the picture: {line}")

# %% [markdown]
# A small thing has few pixels to be known by, and a box that is off by one pixel loses more of its IoU. A set of
# photographs in which things are small is hard for these two reasons alone.
#
# ## Read it in the library
#
# `follow` is your exercise for one box, with the mirror behind it. The other function says which window four random
# numbers stand for.

# %%
read(library.follow, Augment.window)

# %% [markdown]
# In `follow` you find both formulas, the window's and the mirror's: `size - xmax, size - xmin` in *one* line, so that
# neither is worked out from what was overwritten. In `window`, `keep` is the share of the box's area that has to stay:
# a window with less is never drawn. If its square root stays on each axis, so much of the area does.
#
# ## Keep what you wrote
#
# This writes what is right to a file of your own.

# %% tags=["yours"]
keep("10", {"10.early_stopping": early_stopping, "10.mirror": mirror, "10.window": follow, "10.batch": mirrored_batch})

# %% [markdown]
# ## Summary
#
# - With few pictures a network learns them by heart: the training loss falls, the validation loss turns. Watch both.
# - Stop with patience, by the score that you want in the end, on the validation part, which is never augmented.
# - What moves the picture moves the box. Mirror: `W - xmax, ymin, W - xmin, ymax`, and no 1 anywhere.
# - Shift, scale and crop are one window: subtract its corner, scale, cut; and look at how much is left.
# - A box that was forgotten does not show in the class accuracy.
# - Every augmentation is a claim about the subject. How much of it pays is measured, with its noise.
#
# ## Going on
#
# 1. *(2/5)* Train `light` for twice as many epochs, and `none`. Which of the two gains from it?
# 2. *(3/5)* Use the mirror only when the network answers: `tc.models.localizer(mirror=True)` takes the mean of the
#    answers to a picture and to its mirror image. What does it bring with `none`, and what with `light`?
#
# **Open task.** What is a picture worth? Draw scenes for n = 100, 200, 400, 800 and 1,600, and train with and without
# augmentation, five seeds each, the same number of *steps* for all. Draw "both right" over n with error bars. How many
# further pictures does the augmentation replace at each n? You are done when the answer is a factor with its
# uncertainty, and when you can say from which n on it is no longer to be told from 1.
#
# **Next:** [lesson 11](11_alexnet.ipynb), AlexNet at true size.
