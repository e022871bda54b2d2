# %% [markdown]
# # Lesson 15: Your own pictures
#
# *From a folder to a localizer: what to look at before training, and what a good score on 60 pictures is worth.*
#
# ![Test pictures, and below each the training picture that is nearest to it, for two ways to split](picture)
#
# | | |
# |---|---|
# | **You will have** | a localizer for a folder of yours, with an honest number beside it |
# | **Reading** | 30 minutes |
# | **Exercises** | 5, about 65 minutes; all solved in [solutions](solutions/15_your_own_pictures.ipynb) |
# | **Computing** | 2 minutes in all |
# | **Builds on** | what a trained localizer says; [lesson 01](01_boxes.ipynb) on IoU and baselines |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import contextlib
import os
import re
import tempfile
from pathlib import Path

import numpy as np

import tinycnn as tc
from tinycnn.cli import main
from tinycnn.course import FAST, check, keep, mine, read
from tinycnn.course.drawings import folder as draw
from tinycnn.course.folder15 import draw_folder, film
from tinycnn.data.splits import divide
from tinycnn.data.twins import fingerprints, near_twins, nearest_of, sentence

# %% [markdown]
# > **Met before.** A *localizer* answers a picture with a class, the probability of each class, and a box. The *IoU*
# > of two boxes is their intersection over their union, 1 for equal boxes and 0 for boxes apart. A picture counts as
# > right here if its class is right *and* its box has an IoU of at least 0.5: that share is called `joint` ([lesson
# > 01](01_boxes.ipynb)).

# %% tags=["yours"]
iou = mine("01", "iou", tc.boxes.iou)

# %% [markdown]
# ## 1. The folder
#
# Everything below is about one folder, and it may be yours: pictures, and what a labeling tool wrote about them
# ([datasets/README.md](../datasets/README.md) lists nine formats). Change the first line. Without a folder the lesson
# draws one: short films of toys, three frames each, labeled with LabelMe. It has the faults that real folders have.

# %%
FOLDER = None  # yours: FOLDER = "photographs"
GROUP = r"(film\d+)_"  # what names of pictures that belong together share, in parentheses; if none do: r"(.*)"

workplace = tempfile.TemporaryDirectory()  # for what this lesson writes; it goes when the kernel stops
mistaken = []
if FOLDER is None:
    FOLDER = Path(workplace.name) / "photographs"
    mistaken = draw_folder(FOLDER, films=10 if FAST else 70)
FOLDER = Path(FOLDER).resolve()
files = sorted(path.name for path in FOLDER.iterdir())
print(len(files), "files:", ", ".join(files[:4]), "...")

# %%
data = tc.data.read(FOLDER)
print(data)

# %% [markdown]
# Read every line of this. The notes say which pictures cannot be used and why: one file is cut off, one box lies
# outside its picture. That costs two pictures and no training that breaks off in the night. The table says more:
# there are two classes whose names differ by one letter. No program can know that this is a typo; you can. And one
# class is rare.
#
# Mend such things where they were made, in the labeling tool. For three LabelMe files, a few lines do it.

# %%
for path in sorted(FOLDER.glob("*.json")):
    text = path.read_text("utf-8")
    if '"label": "buterfly"' in text:
        path.write_text(text.replace('"label": "buterfly"', '"label": "butterfly"'), "utf-8")
        print("mended", path.name)
data = tc.data.read(FOLDER)
print(data.classes)

# %% [markdown]
# ## 2. Look before you train
#
# On the command line, `tinycnn data show photographs` prints the table and draws this sheet. Does each box go around
# the thing? To its edges, or generously? Whoever drew them decided what the network will learn.

# %%
tc.plots.contact_sheet(data.train, 8)

# %%
draw.boxes_at_a_glance(data.train)

# %% [markdown]
# On the left, how often a place is inside a box. Things stand near the middle, so a box in the middle scores without
# looking. And the sheet shows that several pictures look the same. `data show` compares the parts, which so far are
# divided at random:

# %%
print(sentence(data.parts, near_twins(data.parts)))

# %% [markdown]
# ## 3. An honest split
#
# Three parts: **train** to learn from, **valid** to choose with, **test** to report once. The test asks what the
# network makes of pictures that it has *not* seen. Has it seen the next frame of the same film? Then it has seen the
# picture.
#
# A tiny example. Eight pictures of four films:
#
# ```text
# picture   0  1  2  3  4  5  6  7
# film      5  5  2  2  2  7  7  3        films in random order: 7, 3, 5, 2;  wanted: 30 % for the test
# ```
#
# 30 % of 8 are 2.4 pictures. Film 7 brings 2, not enough yet; film 3 brings another one. So the test part is 5, 6, 7,
# and train is 0, 1, 2, 3, 4. No film is in both.
#
# ### Exercise 1: a split that keeps groups whole
# *Difficulty 2/5, about 15 minutes*
#
# Take groups in the given order, whole, until the test part has *at least* the share of the pictures. Return the
# indices of both parts, ascending.
#
# <details><summary>Hint</summary>
#
# `np.sum(groups == name)` counts the pictures of a group. When does the loop end? And
# `np.isin(groups, names)` says for each picture whether its group is among `names`; `np.flatnonzero` turns that into
# indices.
#
# </details>

# %% tags=["exercise"]
def split_groups(groups, order, share):
    """groups: (N,), the group of each picture; order: names of all groups, shuffled -> indices of train, of test."""
    ...  # your code here


# %% tags=["solution"]
def split_groups(groups, order, share):
    """groups: (N,), the group of each picture; order: names of all groups, shuffled -> indices of train, of test."""
    names, count = [], 0
    for name in order:
        if count >= share * len(groups):
            break
        names.append(name)
        count += np.sum(groups == name)  # the whole group, or nothing of it
    taken = np.isin(groups, names)
    return np.flatnonzero(~taken), np.flatnonzero(taken)


# %% tags=["yours"]
check("15.split", split_groups)

# %% tags=["yours", "expected"]
if check("15.split", split_groups):
    print(*split_groups(np.array([5, 5, 2, 2, 2, 7, 7, 3]), np.array([7, 3, 5, 2]), 0.3))

# %% [markdown]
# How much does it matter? Here is a program that learns nothing at all. It looks up the training picture that is most
# similar to a test picture (by a *fingerprint* of 255 bits, of what is bright and dark where) and repeats what is
# written there, class and box.
#
# **Predict first.** The pictures are split at random, one by one. For how many test pictures has this program both
# the class and the box right: (a) about 1 in 10, (b) about half, (c) more than 8 in 10? And if films stay whole?

# %%
def repeat_the_nearest(train, test):
    """Numbers of the nearest training pictures, bits between, and the share of the test that they answer rightly."""
    nearest, bits = nearest_of(fingerprints(test.images), fingerprints(train.images))
    same_class, overlap = train.labels[nearest] == test.labels, iou(train.boxes[nearest], test.boxes)
    return nearest, bits, np.mean(same_class & (overlap >= 0.5))


panels, shares = {}, {}
for title, group_by in (("split one by one", None), ("films stay whole", GROUP)):
    shares[title] = []
    for seed in range(5):
        data = tc.data.read(FOLDER, seed=seed, valid_fraction=0, group_by=group_by)
        nearest, bits, share = repeat_the_nearest(data.train, data.test)
        shares[title].append(share)
    panels[title] = data.test, data.train, nearest, bits
draw.dots(shares, "class and box right")

# %% [markdown]
# <details><summary>What happened</summary>
#
# (c). Split at random, a program that only looks things up is nearly perfect: of nearly every film some frame is
# among the training pictures. With whole films it is right for about one picture in six. Five splits each, and the
# dots lie close together: no accident of one split. A network tested in the first way would be praised for its
# memory.
#
# </details>
#
# See for yourself: test pictures, and below each the nearest training picture.

# %% tags=["picture"]
draw.nearest_pairs(panels)

# %% [markdown]
# From here on the library splits: with `group_by` it does what your function does, and keeps the classes in
# proportion, too. Your own films are called *patients*, *days*, *places*, or *the evening on which I photographed my
# cat*.

# %%
def groups_of(samples):
    """The group of each picture, by its name."""
    return [found[1] if (found := re.search(GROUP, name)) else name for name in samples.names]


data = tc.data.read(FOLDER, seed=1, valid_fraction=0.25, group_by=GROUP)
train, valid, test = data.train, data.valid, data.test
for name, part in data.parts.items():
    print(f"{name:5} {len(part):4} pictures, {len(set(groups_of(part))):3} films, of each class",
          np.bincount(part.labels, minlength=len(part.classes)))

# %% [markdown]
# ## 4. Baselines, and a pipeline that works
#
# What do answers score that never look at the picture? The column *model* is an untrained network, whose box is
# nearly the mean box. Everything that is trained below must beat this table.

# %%
def network(seed, size=32):
    """Three convolutions and one hidden layer, the smallest thing that can say where."""
    model = tc.models.localizer(len(train.classes), size, (16, 32, 64), hidden=128, classes=train.classes, seed=seed)
    model.set_box_statistics(tc.boxes.encode(train.boxes, train.sizes))
    return model


blind = tc.evaluate(network(0), valid, train)
print(tc.metrics.comparison_table(blind))

# %% [markdown]
# Next, can the network learn 16 pictures *by heart*? That is no achievement, and that is why it is a test: a network
# that cannot do it has a bug somewhere between the files and the loss, and no setting will mend that. (`Adam` takes the
# place of SGD here. It divides each weight's step by the usual size of its gradients, so that one rate suits many
# networks.)

# %%
few = train.subset(np.random.default_rng(0).permutation(len(train))[:16])
model = network(0)
history = tc.fit(model, few, epochs=5 if FAST else 60, batch_size=16, optimizer=tc.optim.Adam(model, lr=2e-3),
                 progress=False)
print(f"loss {history.rows[0]['loss']:.2f} -> {history.rows[-1]['loss']:.4f}, "
      f"class and box right: {tc.evaluate(model, few)['joint'] * 16:.0f} of 16")

# %% [markdown]
# ## 5. Train, and choose on the validation part
#
# Few pictures, so show each of them differently every time: *augmentation* mirrors a picture, moves and enlarges it,
# and changes its light; the box follows. How strong should it be? Three settings, three seeds each, everything else
# equal.

# %%
SETTINGS = {"none": None, "light": tc.data.Augment.light(), "strong": tc.data.Augment.strong()}
SEEDS, EPOCHS = (2, 1) if FAST else (3, 24)
runs, scores = {}, {}
for name, augment in SETTINGS.items():
    scores[name] = []
    for seed in range(SEEDS):
        model = runs[name, seed] = network(seed)
        tc.fit(model, train, epochs=EPOCHS, batch_size=32, optimizer=tc.optim.Adam(model, lr=2e-3), augment=augment,
               seed=seed, progress=False)
        scores[name].append(tc.evaluate(model, valid)["joint"])
draw.dots(scores, "validation: class and box right",
          {"the nearest picture": repeat_the_nearest(train, valid)[2], "mean box": blind["mean_box/joint"]})

# %% [markdown]
# A setting is the mean of its dots, and the dots of one setting say how far chance alone goes. Both kinds of
# augmentation beat none by more than that. Between the two, the dots overlap: either will do, and an evening is
# better spent on labels.
#
# ### Exercise 2: find the bug
# *Difficulty 2/5, about 10 minutes*
#
# Which of these runs do you test? A function as it is found in many a project, for S settings, R runs of each, and N
# test pictures. It takes the setting with the best mean score in the validation, and of its runs the best one. It
# crashes nowhere, and what it reports is too good. Mend it.
#
# <details><summary>Hint</summary>
#
# Go through the lines and ask of each number: is it from `valid` or from `test`? Which of them decide something?
#
# </details>

# %% tags=["exercise"]
def best_run(valid, test):
    """valid: (S, R), scores; test: (S, R, N), 1 where right -> setting, run, what that run had right (N,)."""
    setting = valid.mean(axis=1).argmax()  # a setting is as good as its runs on average
    run = test[setting].mean(axis=1).argmax()  # its best run
    return setting, run, test[setting, run]


# %% tags=["solution"]
def best_run(valid, test):
    """valid: (S, R), scores; test: (S, R, N), 1 where right -> setting, run, what that run had right (N,)."""
    setting = valid.mean(axis=1).argmax()  # a setting is as good as its runs on average
    run = valid[setting].argmax()  # its best run, as far as anybody may know before the test
    return setting, run, test[setting, run]


# %% tags=["yours"]
check("15.best_run", best_run)

# %% [markdown]
# How much does the bug flatter? Ten thousand times, five runs that are all equally good: each of them has every one
# of 60 test pictures right with a probability of 0.6.

# %%
lucky = np.random.default_rng(0).binomial(60, 0.6, (10_000, 5)) / 60
draw.best_of(lucky[:, 0], lucky.max(axis=1), 0.6, 60)

# %% [markdown]
# Seven points for nothing: nobody has become any better. So we choose now, with the validation part alone.

# %%
names, table = list(scores), np.array(list(scores.values()))  # (S, R)
setting = int(table.mean(axis=1).argmax())
run = int(table[setting].argmax())
model = runs[names[setting], run]
print(f"chosen: {names[setting]}, run {run}, {table[setting, run]:.3f} in the validation")

# %% [markdown]
# ## 6. Test once
#
# That number is the best of several, too, and flatters; hence the third part. This cell is run once. Whoever comes
# back to it with another network has made a validation part of it.

# %%
prediction = model.predict(test.images)
right = (prediction.labels == test.labels) & (iou(prediction.boxes, test.boxes) >= 0.5)
print(tc.metrics.comparison_table(tc.evaluate(model, test, train)))
print(f"class and box right: {right.sum()} of {len(right)}")

# %% [markdown]
# ### What is that worth?
#
# The network is right for some share $q$ of *all* such pictures. We have asked $n$ of them and found the share $p$.
# By chance alone $p$ lies around $q$ with a spread of $\sqrt{q(1-q)/n}$. So which $q$ fit what we saw? Those that are
# no more than $z$ spreads away from $p$; with $z = 1.96$ that holds 95 times in 100:
#
# $$(p - q)^2 \le z^2\,\frac{q\,(1-q)}{n}$$
#
# The spread belongs to the unknown $q$, not to $p$. That is a quadratic inequality in $q$; both ends are
#
# $$\frac{p + \frac{z^2}{2n} \pm z\sqrt{\frac{p(1-p)}{n} + \frac{z^2}{4n^2}}}{1 + \frac{z^2}{n}}$$
#
# the **Wilson interval** (E. B. Wilson, 1927). Tiny numbers: 10 of 10 right. With $p$ in place of $q$ the spread
# would be 0, and you would be certain of a perfect network. Wilson says 0.72 to 1.
#
# ### Exercise 3: the interval
# *Difficulty 2/5, about 15 minutes*
#
# For arrays: `right` of `n`, and `z`.
#
# <details><summary>Hint</summary>
#
# Name the parts: the share `p`, the middle (what stands before the ±, divided), and half of the width (what stands
# after it, divided).
#
# </details>

# %% tags=["exercise"]
def wilson(right, n, z=1.96):
    """right, n: (M,) whole numbers -> low end and high end of the interval for the share, (M,) each."""
    ...  # your code here


# %% tags=["solution"]
def wilson(right, n, z=1.96):
    """right, n: (M,) whole numbers -> low end and high end of the interval for the share, (M,) each."""
    p, w = right / n, z**2 / n
    middle = (p + w / 2) / (1 + w)
    half = z * np.sqrt(p * (1 - p) / n + w / (4 * n)) / (1 + w)
    return middle - half, middle + half


# %% tags=["yours"]
check("15.interval", wilson)

# %% [markdown]
# Our share, had it come from tests of other sizes. For half the width you need four times as many pictures.

# %% tags=["yours", "expected"]
figure = None
if check("15.interval", wilson):
    low, high = wilson(np.array([right.sum()]), np.array([len(right)]))
    print(f"{right.sum()} of {len(right)}: {low[0]:.2f} to {high[0]:.2f}")
    sizes = np.array([15, 60, 240, 1000, 4000])
    figure = draw.how_sure(right.mean(), sizes, *wilson(right.mean() * sizes, sizes))
figure

# %% [markdown]
# And even that is too sure of itself. It takes every picture for a new one, but three frames of a film are nearly one
# picture: right together, or wrong together. So let chance draw *films*. Put together a test part of as many films,
# drawn from ours with some twice and some not at all, and look how the share changes; two thousand times. That is a
# *bootstrap*.

# %%
rng, of_film = np.random.default_rng(0), np.unique(groups_of(test), return_inverse=True)[1]
sums, counts = np.bincount(of_film, right), np.bincount(of_film)
drawn = rng.integers(0, len(sums), (2000, len(sums)))
by_films = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
singly = right[rng.integers(0, len(right), (2000, len(right)))].mean(axis=1)
for name, values in (("pictures drawn", singly), ("films drawn", by_films)):
    low, high = np.quantile(values, [0.025, 0.975])
    print(f"{name:15} {low:.2f} to {high:.2f}, width {high - low:.2f}")

# %% [markdown]
# ### Exercise 4: recall of each class
# *Difficulty 2/5, about 10 minutes*
#
# A mean over all pictures does not tell how the rare class does. For each class: of its pictures, which share is
# named so? A class without any picture has no answer: `nan`.
#
# <details><summary>Hint</summary>
#
# `predicted[labels == k]` is what was said of the pictures of class `k`. The mean of `== k` over them is the answer.
#
# </details>

# %% tags=["exercise"]
def recall(labels, predicted, classes):
    """labels, predicted: (N,) whole numbers; classes: K -> (K,), nan for a class without pictures."""
    ...  # your code here


# %% tags=["solution"]
def recall(labels, predicted, classes):
    """labels, predicted: (N,) whole numbers; classes: K -> (K,), nan for a class without pictures."""
    answer = np.full(classes, np.nan)
    for k in np.unique(labels):
        answer[k] = np.mean(predicted[labels == k] == k)
    return answer


# %% tags=["yours"]
check("15.recall", recall)

# %% tags=["yours", "expected"]
if check("15.recall", recall):
    found = recall(test.labels, prediction.labels, len(test.classes))
    for k, name in enumerate(test.classes):
        its = test.labels == k
        print(f"{name:10} {found[k]:.2f} of {its.sum():3} pictures, {len(set(np.array(groups_of(test))[its]))} films")

# %% [markdown]
# A handful of films of the rare class: that number could be almost anything. `tc.fit(..., balance=True)` shows rare
# classes more often, but it makes no new pictures. More films do.
#
# ## 7. The worst pictures
#
# Where is the network most wrong, on pictures that it was *trained* with? Cross-entropy of the label plus what the
# box lacks:
#
# $$\text{difficulty} = -\log p_{\text{label}} + (1 - \text{IoU})$$
#
# ### Exercise 5: the worst
# *Difficulty 2/5, about 15 minutes*
#
# The difficulty of every picture, and the indices of the k most difficult ones, the worst first.
#
# <details><summary>Hint</summary>
#
# `probabilities[np.arange(N), labels]` takes the probability of each label. `np.argsort` sorts ascending.
#
# </details>

# %% tags=["exercise"]
def worst(probabilities, ious, labels, k):
    """probabilities: (N, K); ious, labels: (N,) -> difficulty (N,), indices of the k worst pictures (k,)."""
    ...  # your code here


# %% tags=["solution"]
def worst(probabilities, ious, labels, k):
    """probabilities: (N, K); ious, labels: (N,) -> difficulty (N,), indices of the k worst pictures (k,)."""
    difficulty = -np.log(probabilities[np.arange(len(labels)), labels]) + 1 - ious
    return difficulty, np.argsort(-difficulty)[:k]


# %% tags=["yours"]
check("15.worst", worst)

# %% tags=["yours", "expected"]
figure = None
if check("15.worst", worst):
    said = model.predict(train.images)
    _, indices = worst(said.probabilities, iou(said.boxes, train.boxes), train.labels, 12)
    planted = np.isin(train.names, mistaken)
    print(f"of {planted.sum()} wrong labels among {len(train)}, {planted[indices].sum()} are among the 12 worst; "
          f"by chance {12 * planted.mean():.1f} would be")
    few = train.subset(indices[:6])
    figure = tc.plots.predictions(few, model.predict(few.images), title="the six worst training pictures")
figure

# %% [markdown]
# The last of these is hard, a dark fish in a corner. In the others the *truth* is wrong: the network says what it is,
# and the label something else, or the box is around nothing. The folder was drawn with such mistakes
# that no reader can see. Look at the worst, correct a label where a *person* says that it is wrong (never because the
# network says so), train again. In the test part look at all pictures or at random ones: if you mend only where the
# network disagrees, its score rises by itself.
#
# ## 8. The same on the command line, and the first new photograph
#
# In a terminal, `tinycnn train --data photographs --group-by '(film\d+)_'` does all of this: it reads, splits,
# trains, tests and writes. Here with four epochs:

# %%
with contextlib.chdir(workplace.name):
    main(["train", "--data", os.path.relpath(FOLDER), "--group-by", GROUP, "--epochs", "1" if FAST else "4",
          *"--image-size 32 --channels 16,32,64 --hidden 128 --out first --quiet".split()])
    tc.save(model, "mine.npz")  # the one from above: weights and what the pictures are resized to, in one file

# %% [markdown]
# Open the file and ask it about three new pictures. The last one shows a thing that is none of its classes.

# %%
loaded = tc.load(Path(workplace.name) / "mine.npz")
rng = np.random.default_rng(15)
new = [film("new", label, rng)[0].pixels for label in ("car", "mug", "umbrella")]
draw.answers(new, loaded.predict(new))

# %% [markdown]
# It takes the dark car for something else, unsure, and is surer of what the umbrella is. It cannot say "none of
# these": its probabilities add up to 1. If your photographs will show other things as well, give it pictures of them,
# as a class of their own.
#
# ## Read it in the library
#
# `tc.data.read` divides with this. Without groups, each class is shuffled and spread evenly over 0 to 1, and the cut
# is at the wanted share: so every class gives its part. With groups, `_groups` tries some random orders as yours
# does, and keeps the one that meets the shares of all classes best.

# %%
read(divide)

# %% [markdown]
# ## Keep it

# %% tags=["yours"]
keep("15", {"15.split": split_groups, "15.best_run": best_run, "15.interval": wilson, "15.recall": recall,
            "15.worst": worst})

# %% [markdown]
# ## Summary
#
# - Read the notes, look at a sheet, count: typos, boxes and twins show before any training.
# - What belongs together stays in one part. Otherwise the test measures memory.
# - Baselines first, then 16 pictures by heart, then a small network.
# - Choose on the validation part, with several seeds. Test once, and say how sure you are: of films, not of frames.
# - The worst training pictures are where wrong labels are.
#
# ## Going on
#
# 1. *(2/5)* Correct the labels that you found in section 7 and train again, three seeds. Is the difference larger
#    than the spread?
# 2. *(3/5)* What does `balance=True` do to the recall of the rare class, and what to the others? In the validation
#    part.
# 3. **Open task.** *(4/5)* Label 50 pictures of your own, of two or three things, each thing at ten places or more,
#    and take a place as a group. Measure `joint` with an interval over places, for two or more sizes of the training
#    part, three seeds each. You are done when you can say, with a number, whether the next evening is better spent on
#    more frames of the same places, on new places, or on checking labels.
#
# **Next:** that was the last lesson. The rest is in your folder.
