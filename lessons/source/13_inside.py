# %% [markdown]
# # Lesson 13: Inside the network
#
# *What it looks at, layer by layer. And how to tell a true picture of that from a pretty one.*
#
# ![How far maps of what matters agree with the trained network's: less and less as its weights become random](picture)
#
# | | |
# |---|---|
# | **You will have** | functions that say what a unit sees, which pixels move a score, and which units are dead |
# | **Reading** | 30 minutes |
# | **Exercises** | 5, about 75 minutes; all solved in [solutions](solutions/13_inside.ipynb) |
# | **Computing** | two minutes in all |
# | **Builds on** | lessons 03 and 06 for layers and their backward; the box below repeats what is needed |
#
# In the picture above, the clearest maps come from no network at all: they are the edges of the picture. A map may
# look right and say nothing of what was learned. This lesson is about making such maps, and about the numbers that
# belong beside them.

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
from pathlib import Path

import numpy as np

import tinycnn as tc
from tinycnn.box_losses import SmoothL1Loss
from tinycnn.course import FAST, check, keep, read
from tinycnn.course.drawings import inside as draw
from tinycnn.inspection import activations, filters, provenance, receptive_field, receptive_fields
from tinycnn.inspection.taps import tap, twin

# %% [markdown]
# > **Met before.** A *convolution* slides small *kernels* over its input and makes one *map* for each; the *stride*
# > is how far the kernel moves at a time, and *padding* is a border of zeros ([lesson 06](06_convolution.ipynb)). *Max
# > pooling* keeps the largest number of each small window, and *ReLU* is `max(x, 0)`. A *unit* is one of a layer's
# > outputs: in a map, one place of it. Every layer has a *backward*: told how some number at the end changes with its
# > outputs, it says how that number changes with its inputs ([lesson 03](03_fully_connected.ipynb)). Our network is
# > the *localizer* of [lesson 00](00_what_we_will_build.ipynb): a *trunk* of four convolutions, then a *class head*
# > with ten *scores* and a *box head* with four numbers.

# %%
weights = Path("models/scenes.npz")
if not weights.exists():
    weights = Path("../models/scenes.npz")  # the solved notebook is one folder further down
if weights.exists():
    model = tc.load(weights)
else:  # only the notebook was copied: train a small one now, for a minute or two; it will know less
    scenes = tc.data.scenes(n=300 if FAST else 3000, valid=0, test=0)
    model = tc.models.localizer(channels=(16, 32, 64, 64), hidden=96, classes=scenes.classes)
    tc.fit(model, scenes.train, epochs=1 if FAST else 10, optimizer=tc.optim.SGD(model, lr=0.03, momentum=0.9),
           progress=False)
model.eval()  # dropout off: we look at the network as it predicts


def untrained(seed):
    """The same architecture with random weights."""
    return tc.models.localizer(channels=(16, 32, 64, 64), hidden=96, classes=model.classes, seed=seed).eval()


test = tc.data.scenes(n=0, valid=0, test=60 if FAST else 200, image_size=64).test
found = model.predict(test.images).labels
print(f"{len(test)} pictures that were not trained with, class right {(found == test.labels).mean():.0%}")

# %% [markdown]
# ## 1. Filters and maps
#
# The simplest look inside: draw the weights. A kernel of the first layer has three numbers for each of its 3 x 3
# pixels, so it can be shown as a tiny color picture. Gray is 0; a kernel answers most where the picture looks like it.

# %%
filters(model)

# %% [markdown]
# With 3 x 3 pixels there is little to recognize. Filter 4 is light on the left and dark on the right, filter 10 dark
# above and light below: edges. What they make of a picture, the strongest maps after the first pooling and ReLU:

# %%
activations(model, test.images[6], "relu1").plot(7)

# %% [markdown]
# Channel 4 does answer at upright edges and channel 10 at level ones, and channel 2 at the pink. But here the
# simple look ends. A kernel of the second layer mixes 16 maps and no longer *is* a picture. We need other
# questions: which pixels can such a unit see? Which pictures excite it? Which pixels matter in the end?
#
# ## 2. What a unit can see
#
# Here is a network for pictures of one row. Follow the lines down from unit 2 of the last layer.

# %%
draw.cone(12, [("convolution", 3, 1, 1), ("pooling", 2, 2, 0), ("convolution", 3, 1, 1)], unit=2)

# %% [markdown]
# Eight pixels: its *receptive field*. Count how it grows from the picture up. A pixel sees 1 pixel. A kernel of 3
# adds two, one on each side: 3. Pooling takes two neighbors, whose windows are 1 pixel apart: 4. The last kernel of 3
# adds two again, but its inputs are now *2 pixels apart*, so it adds four: 8.
#
# That is the formula. For a layer with kernel $k$, stride $s$ and padding $p$, write $j$ (*step*) for how many pixels
# its inputs are apart:
#
# $$\text{size} \leftarrow \text{size} + (k - 1)\, j \qquad \text{first} \leftarrow \text{first} - p\, j \qquad
# j \leftarrow j\, s$$
#
# *size* and *j* begin at 1. *first* is the first pixel that unit 0 sees, and begins at 0: each border moves it to
# the left by as many pixels as the border is wide. The new $j$ comes *last*: a layer's stride says how far apart its
# outputs are, and its kernel lies on its inputs. Unrolled, it is $1 + \sum_i (k_i - 1) \prod_{h<i} s_h$.
#
# ### Exercise 1: the receptive field
# *Difficulty 2/5, about 10 minutes*
#
# <details><summary>Hint</summary>
#
# Start with `size, step, first = 1, 1, 0`, and collect in three lists. The three layers of the drawing give sizes
# 3, 4, 8, steps 1, 2, 2, and firsts −1, −1, −3.
#
# </details>

# %% tags=["exercise"]
def receptive_sizes(layers):
    """layers: rows (kernel, stride, padding), from the picture up -> sizes, steps, firsts after each layer."""
    ...  # your code here


# %% tags=["solution"]
def receptive_sizes(layers):
    """layers: rows (kernel, stride, padding), from the picture up -> sizes, steps, firsts after each layer."""
    size, step, first = 1, 1, 0
    sizes, steps, firsts = [], [], []
    for kernel, stride, padding in layers:
        size += (kernel - 1) * step
        first -= padding * step
        step *= stride  # last: it is how far apart the outputs are
        sizes.append(size)
        steps.append(step)
        firsts.append(first)
    return sizes, steps, firsts


# %% tags=["yours"]
check("13.receptive_field", receptive_sizes)

# %% [markdown]
# Our network has a kernel of 3 and a pooling of 2, four times over:

# %% tags=["yours", "expected"]
if check("13.receptive_field", receptive_sizes):
    for name, *numbers in zip(("conv", "pool") * 4, *receptive_sizes([(3, 1, 1), (2, 2, 0)] * 4), strict=True):
        print("{}   sees {:2}, neighbors are {:2} apart, the first begins at {:3}".format(name, *map(int, numbers)))

# %% [markdown]
# A unit of the last map sees 46 of 64 pixels. Not the whole picture: it is the fully connected layer that puts it
# together.
#
# ### Exercise 2: the window of a unit
# *Difficulty 2/5, about 15 minutes*
#
# Now in two dimensions. A layer's `field` is `(size, step, first)`, the same down and to the right. Give for each
# unit the box of pixels that it sees, `(xmin, ymin, xmax, ymax)`, which ends before `xmax` and `ymax`. What reaches
# out of the picture is cut off.
#
# <details><summary>Hint</summary>
#
# The unit in column 0 begins at pixel `first`. How far to the right of it does column 3 begin? Find both ends of every
# box before you cut anything off: `np.clip(x, 0, width)`.
#
# </details>

# %% tags=["exercise"]
def window_of_unit(rows, columns, field, shape):
    """rows, columns: (N,) of units; field: (size, step, first); shape: (H, W) of the picture -> boxes (N, 4)."""
    ...  # your code here


# %% tags=["solution"]
def window_of_unit(rows, columns, field, shape):
    """rows, columns: (N,) of units; field: (size, step, first); shape: (H, W) of the picture -> boxes (N, 4)."""
    (size, step, first), (height, width) = field, shape
    xmin, ymin = first + columns * step, first + rows * step
    boxes = np.stack([xmin, ymin, xmin + size, ymin + size], axis=1)
    return np.clip(boxes, 0, [width, height, width, height])


# %% tags=["yours"]
check("13.window_of_unit", window_of_unit)

# %% [markdown]
# The library goes down the layers and cuts at each border. For all 8 x 8 units behind the third pooling:

# %% tags=["yours", "expected"]
rows, columns = (a.ravel() for a in np.mgrid[:8, :8])
theirs = np.array([receptive_field(model, "pool3", int(r), int(c)) for r, c in zip(rows, columns, strict=True)])
if check("13.window_of_unit", window_of_unit):
    ours = np.asarray(window_of_unit(rows, columns, (22, 8, -7), (64, 64)))
    print(f"{(ours == theirs).all(axis=1).sum()} of {len(ours)} boxes agree; the first is {ours[0]}")

# %% [markdown]
# ## 3. What excites a unit
#
# A unit has a number for every picture, at every place. So ask: in which eight pictures is it largest, and what was
# in its window there? Four of the 64 maps behind the third ReLU, and two maps of a network with random weights:

# %%
def outputs_of(network, layer, images):
    """What a layer gives for pictures. A twin shares the weights; a tap keeps what flows through a layer."""
    calm = twin(network).eval()
    taps = tap(calm)
    calm.forward(network.normalize(images))
    return taps[f"trunk.{layer}"].y


def strongest(maps, channel, most=8):
    """The pictures (most,) in which a channel is largest, strongest first."""
    return np.argsort(-maps[..., channel].max(axis=(1, 2)), kind="stable")[:most]


trained, unlearned = (outputs_of(network, "relu3", test.images) for network in (model, untrained(1)))
draw.patches(test.images, (22, 8, -7), {
    f"unit {k}": (trained[..., k], strongest(trained, k)) for k in (4, 14, 24, 54)} | {
    f"random, {k}": (unlearned[..., k], strongest(unlearned, k)) for k in (4, 24)})

# %% [markdown]
# People see a theme in any row of pictures. So count: of the eight pictures that excite a unit most, how many belong
# to one class? Over all 64 units, and beside it what a random network and no network at all would give.

# %%
rng = np.random.default_rng(0)
favorites = {"trained": [strongest(trained, k) for k in range(64)],
             "random weights": [strongest(unlearned, k) for k in range(64)],
             "eight pictures at random": [rng.permutation(len(test))[:8] for _ in range(64)]}
for name, rows in favorites.items():
    n = [np.bincount(test.labels[pictures]).max() for pictures in rows]
    print(f"{name:25} {np.mean(n):.2f} of 8, standard error {np.std(n, ddof=1) / 8:.2f}, the most {max(n)}")

# %% [markdown]
# So there is something in it: about half of a trained unit's favorites are of one class, and they look at a part of
# it, a wheel or a wing. Mind the baselines. Eight pictures at random have 2.3 of one class already, since the most
# frequent is counted; and random weights reach a little more, as pictures of one class share shapes and sizes. (The
# *standard error* says how far such a mean is off by chance: the spread of the 64 numbers, divided by the root of 64.)
#
# ### And its weights: where a gradient comes from
#
# The same question for a weight. Its gradient is a sum over every window of every picture: what the weight met there,
# times what came back. The library takes such a sum apart.

# %%
few = test.subset(slice(0, 8))


def gradient_of(weight):
    return provenance(model, few.images, few.labels, few.boxes, "conv3", weight)


others = [tuple(int(i) for i in rng.integers(0, (3, 3, 32, 64))) for _ in range(10 if FAST else 60)]
cancelled = np.quantile([gradient_of(weight).cancelled for weight in others], (0.1, 0.5, 0.9))
print("{} weights drawn at random: of the size of their terms cancels {:.0%}, eight of ten between {:.0%} and {:.0%}"
      .format(len(others), *cancelled[[1, 0, 2]]))
gradient_of(None).plot()  # of all weights, the one with the largest gradient

# %% [markdown]
# A typical gradient is a small remainder: the windows pull both ways, and most of it cancels. The weight drawn here is
# no typical one. It has the largest gradient of all 18,432, and so it must be one on which the windows agree.
#
# ## 4. Which pixels move a score
#
# A score is a function of the pixels. For a picture of three pixels and one fully connected layer it could be
# $3 x_0 - 2 x_1 + 0\, x_2$. Which pixel matters most? The first: make it brighter by a little, and the score grows by
# three times that. The numbers 3, −2, 0 are the *gradient of the score with respect to the pixels*, and their size,
# 3, 2, 0, is a map of what matters: the *saliency* (Simonyan, Vedaldi and Zisserman 2014). In a deep network the
# gradient differs from picture to picture, but backward knows it: it only has to go on to the pixels, where training
# stops.
#
# What do we hand to backward? It expects `dscores`, which says how the number in question changes with each score. If
# that number *is* one of the scores, it changes with itself 1 to 1, and with the others not at all.
#
# ### Exercise 3: saliency
# *Difficulty 3/5, about 20 minutes*
#
# `forward(x)` gives scores (N, K) and box numbers (N, 4); `backward(dscores, dboxes)` gives `dx` in the shape of `x`.
# Each picture has its own class to ask about. Of the three channels of a pixel, take the one that matters most.
#
# <details><summary>Hint</summary>
#
# `dscores` has a single 1 in each row, and `dboxes` is all 0. `scores[np.arange(N), labels]` picks one in each row.
# At the end, first lose the sign, then put the channels together.
#
# </details>

# %% tags=["exercise"]
def saliency(forward, backward, x, labels):
    """x: (N, H, W, C); labels: (N,), whose scores -> |dscore/dpixel|, the largest of the channels, (N, H, W)."""
    ...  # your code here


# %% tags=["solution"]
def saliency(forward, backward, x, labels):
    """x: (N, H, W, C); labels: (N,), whose scores -> |dscore/dpixel|, the largest of the channels, (N, H, W)."""
    scores, boxes = forward(x)
    dscores, dboxes = np.zeros_like(scores), np.zeros_like(boxes)
    dscores[np.arange(len(x)), labels] = 1  # this score, and no other
    return abs(backward(dscores, dboxes)).max(axis=3)


# %% tags=["yours"]
check("13.saliency", saliency)

# %% [markdown]
# On the real network, whose backward goes on to the pixels when it is asked to. One picture; the class that was
# found, and another:

# %% tags=["yours", "expected"]
def backward(dscores, dboxes):
    return model.backward(dscores, dboxes, input_gradient=True)


if check("13.saliency", saliency):
    x, labels = model.normalize(test.images[6:7]), found[6:7]
    maps = {"its class": saliency(model.forward, backward, x, labels),
            "the next class": saliency(model.forward, backward, x, (labels + 1) % 10)}
    figure = draw.map_table(test.images[6:7], test.boxes[6:7], maps)
else:
    figure = "first the function"
figure

# %% [markdown]
# A box has four numbers, and each can be asked the same way. The library does so for the four edges, in pixels by
# which an edge moves: try `tc.inspection.saliency(model, test.images[6]).plot()` in a cell of your own.
#
# ## 5. Should we believe it?
#
# The maps look right. But so would a drawing of the picture's edges, which knows nothing of any network. Adebayo and
# others (2018, "Sanity Checks for Saliency Maps") proposed a test: *replace the weights by random ones, layer by layer
# from the top, and see whether the map changes.* A map that stays the same says nothing about what was learned; they
# found that some popular methods, guided backpropagation among them, hardly change.
#
# Maps are compared by the *rank correlation*: number the pixels from least to most important, in both maps, and
# correlate the numbers. 1 is the same order and 0 no relation; brightness plays no part. No number means anything
# without two others beside it. The *ceiling*: the same network, the same picture with a little noise (4 gray levels),
# which nobody can see. The *floor*: the map of a different picture.

# %%
some = test.subset(slice(0, 10 if FAST else 40))
classes = model.predict(some.images).labels


def maps_of(networks, images=some.images, labels=classes):
    """The library's saliency maps (N, S, S); picture i is shown to network i, the networks taken in turn."""
    return np.stack([tc.inspection.saliency(networks[i % len(networks)], image, int(label)).strength("score")
                     for i, (image, label) in enumerate(zip(images, labels, strict=True))])


def rank_correlations(a, b):
    """Of N pairs of maps, (N,)."""
    ranks = [np.argsort(np.argsort(m.reshape(len(m), -1), axis=1), axis=1) for m in (a, b)]
    return np.array([np.corrcoef(p, q)[0, 1] for p, q in zip(*ranks, strict=True)])


def randomized(names, seed):
    """The trained network, but with random weights in the layers called so."""
    network, source = twin(model, own_weights=True), untrained(seed).parameters()
    for name, parameter in network.parameters().items():
        if name.rpartition(".")[0] in names:
            parameter.value = source[name].value
    return network


original = maps_of([model])
gray = some.images.mean(axis=3)
edges = abs(np.gradient(gray, axis=1)) + abs(np.gradient(gray, axis=2))
noisy = np.clip(some.images + np.random.default_rng(0).normal(0, 4, some.images.shape), 0, 255).astype(np.uint8)

# %% [markdown]
# **Predict first.** Only the class head gets random weights; all that comes before is as trained. The scores are now
# nonsense, and the network guesses. How far is the map from the original, by rank correlation: (a) at the floor or
# nearly, as that of another picture, (b) half way between floor and ceiling, (c) nearer to the ceiling than to the
# floor? Write your letter down.

# %% tags=["picture"]
top_down = ["class_head", "trunk.fc1", "trunk.conv4", "trunk.conv3", "trunk.conv2", "trunk.conv1"]
rows = {"the same, with a little noise": maps_of([model], noisy),
        "the score of another class": maps_of([model], labels=(classes + 1) % 10)}
for depth, name in enumerate(top_down):
    nets = [randomized(top_down[: depth + 1], seed) for seed in range(4)]
    words = "all layers" if depth == 5 else f"down to {name.split('.')[-1]}" if depth else "class head"
    rows[f"random: {words}"] = random_maps = maps_of(nets)
rows |= {"edges of the picture": edges, "the map of another picture": np.roll(original, 1, axis=0)}
agreements = {name: rank_correlations(original, maps) for name, maps in rows.items()}
draw.agreement(agreements, "the same, with a little noise", "the map of another picture",
               f"{len(some)} pictures; a dot is a picture, the bar holds eight of ten")

# %% [markdown]
# <details><summary>What happened</summary>
#
# (c). The mean over 40 pictures is 0.67, between a floor of 0.27 and a ceiling of 0.79. It is as much as is left when
# the trained network is asked for *another class*, 0.69: such a map shows mostly where this trunk is sensitive at
# all, and only a little why it said mug. With every further layer more is lost, and with all of them random the map
# agrees with the original no more than that of another picture does: 0.28. So the gradient passes the test. But look
# at the edges. They know of no network, and agree with the map better than a network with random weights.
#
# </details>
#
# Here are the maps themselves.

# %%
two = slice(1, 3)
draw.map_table(some.images[two], some.boxes[two], {
    "trained": original[two], "random weights": random_maps[two], "edges, no network": edges[two]})

# %% [markdown]
# ## 6. Cover it up
#
# The gradient answers a narrow question: what would a *very small* change of one pixel do? A blunter one is *what if
# this part were not there* (Zeiler and Fergus 2014). Cover a square with gray, ask for the score again, and write down
# what was lost. After `normalize`, gray is 0.
#
# ### Exercise 4: find the bug
# *Difficulty 2/5, about 15 minutes*
#
# Somebody has written it, and got a map that begins well and then shows one and the same large loss nearly
# everywhere. Which picture was asked about last?
#
# <details><summary>Hint</summary>
#
# Print `(covered == 0).mean()` in the inner loop. What should it be, every time?
#
# </details>

# %% tags=["exercise"]
def occlusion(score, image, size, stride):
    """score: function (H, W, C) -> number; image: (H, W, C) -> what is lost with a square at each place, (R, C)."""
    whole, covered = score(image), image
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    drops = np.zeros((len(rows), len(columns)))
    for r, y in enumerate(rows):
        for c, x in enumerate(columns):
            covered[y : y + size, x : x + size] = 0
            drops[r, c] = whole - score(covered)
    return drops


# %% tags=["solution"]
def occlusion(score, image, size, stride):
    """score: function (H, W, C) -> number; image: (H, W, C) -> what is lost with a square at each place, (R, C)."""
    whole = score(image)
    rows = range(0, image.shape[0] - size + 1, stride)
    columns = range(0, image.shape[1] - size + 1, stride)
    drops = np.zeros((len(rows), len(columns)))
    for r, y in enumerate(rows):
        for c, x in enumerate(columns):
            covered = image.copy()  # a whole picture again, for every square
            covered[y : y + size, x : x + size] = 0
            drops[r, c] = whole - score(covered)
    return drops


# %% tags=["yours"]
check("13.occlusion", occlusion)

# %% [markdown]
# One picture, a square of 12 pixels: where is most lost, and is it inside the box?

# %% tags=["yours", "expected"]
if check("13.occlusion", occlusion):
    drops = occlusion(lambda x: model.forward(x[None])[0][0, found[6]], model.normalize(test.images[6:7])[0], 12, 4)
    r, c = np.unravel_index(drops.argmax(), drops.shape)
    print(f"a map of {drops.shape[0]} x {drops.shape[1]}; most is lost, {drops.max():.1f}, with the square around "
          f"x = {4 * c + 6}, y = {4 * r + 6}; the box is {test.boxes[6].round().astype(int)}")

# %% [markdown]
# The library's version asks for the probability and for the box. Here is how much of each kind of map lies inside the
# true box, over many pictures. A map that knew nothing would put there as much as the box takes of the picture.

# %%
covers = [tc.inspection.occlusion(model, image, size=12, stride=6 if FAST else 4) for image in some.images]
lost = np.stack([np.maximum(cover.whole - cover.per_pixel(cover.probability), 1e-9) for cover in covers])
draw.shares({"the box's share of the picture": np.ones_like(edges), "saliency, random weights": random_maps,
             "edges of the picture": edges, "saliency": original, "occlusion": lost}, some.boxes)

# %% [markdown]
# By this measure saliency is no better than the picture's edges: whether it shows the object or everything that has
# edges, it cannot say. Occlusion is far better, although its squares smear each loss over 12 pixels. The measure has a
# side, though. A probability that stays at 100 % loses exactly nothing, so an occlusion map is black in most places,
# while a gradient is nowhere quite 0. And the dots lie far apart: one picture proves nothing, for either.
#
# ## 7. Does a unit belong to a class?
#
# Take a unit's mean over each class. Let $a$ be the largest of these ten means, and $b$ the mean of the others. Its
# *selectivity* is $(a - b) / (a + b)$: 0 if all classes excite it alike, 1 if only one does.
#
# Beware: the largest of ten is larger than the others by chance alone. So we shuffle the labels and measure again.

# %%
def selectivity(y, labels):
    """y: (N, C), not negative; labels: (N,) -> (C,), between 0 and 1; 0 for a unit that is silent."""
    means = np.stack([y[labels == k].mean(axis=0) for k in range(10)])  # (10, C)
    largest = means.max(axis=0)
    others = (means.sum(axis=0) - largest) / 9
    return (largest - others) / np.maximum(largest + others, 1e-12)


layers = {}
for layer in ("relu1", "relu2", "relu3", "relu4", "relu5"):
    y = outputs_of(model, layer, test.images)
    y = y.mean(axis=(1, 2)) if y.ndim == 4 else y  # a map counts by its mean
    by_chance = [selectivity(y, rng.permutation(test.labels)) for _ in range(5)]
    layers[layer] = selectivity(y, test.labels), np.stack(by_chance)
    print(f"{layer}: median {np.median(layers[layer][0]):.2f}, with shuffled labels {np.median(by_chance):.2f}")
draw.selectivity_curves(layers)

# %% [markdown]
# In the first layer the two hardly differ: edges and colors belong to all classes. The deeper, the further apart. But
# read the dashed lines as well. In the last layer a unit with a selectivity of a third, which sounds like a
# specialist, is what chance makes of 20 pictures a class: its outputs are sparse, and their means uncertain.
#
# ## 8. Dead units
#
# A ReLU gives 0 for every negative input, and its slope there is 0. Let a step of training push a unit's weights so
# far that its input is negative for *every* picture. Then its output is 0 for every picture, so is every gradient that
# comes back through it, and its weights get no gradient any more. What pushed it there cannot push it back. The unit
# is *dead*.
# To be 0 often is nothing special; dead is who is always silent. And a map is one unit here: its places share their
# weights.
#
# ### Exercise 5: count the dead
# *Difficulty 2/5, about 15 minutes*
#
# `y` is what a ReLU gave for N pictures: maps `(N, H, W, C)` or rows of features `(N, C)`. For each of the C units,
# is it dead?
#
# <details><summary>Hint</summary>
#
# `(y == 0)` has True and False in the shape of `y`. Over which axes must all be True? `.all(axis=...)` takes a tuple of
# axes; or make two axes of them all first, with `reshape(-1, C)`.
#
# </details>

# %% tags=["exercise"]
def dead_units(y):
    """y: (N, H, W, C) or (N, C), the output of a ReLU -> True for each unit that is 0 everywhere, (C,)."""
    ...  # your code here


# %% tags=["solution"]
def dead_units(y):
    """y: (N, H, W, C) or (N, C), the output of a ReLU -> True for each unit that is 0 everywhere, (C,)."""
    return (y == 0).all(axis=tuple(range(y.ndim - 1)))


# %% tags=["yours"]
check("13.dead_units", dead_units)

# %% [markdown]
# Our trained network, layer by layer:

# %% tags=["yours", "expected"]
if check("13.dead_units", dead_units):
    for layer in ("relu1", "relu2", "relu3", "relu4", "relu5"):
        y = outputs_of(model, layer, test.images)
        print(f"{layer}: {np.sum(dead_units(y))} of {y.shape[-1]} dead; {(y == 0).mean():.0%} of all numbers are 0")

# %% [markdown]
# What kills? The suspect is a step that is too large. We train a small network at five learning rates, from three
# seeds each, for four epochs, and count over the training pictures. (The gradient of `SmoothL1Loss` is bounded. With
# squares the highest rates end in infinity, and there is nothing left to count.)

# %%
small = tc.data.scenes(n=128 if FAST else 800, valid=40 if FAST else 200, test=0, image_size=32)
rates, seeds = (0.03, 0.1, 0.2, 0.3, 0.45), range(1 if FAST else 3)
dead, right = np.zeros((len(rates), len(seeds), 3)), np.zeros((len(rates), len(seeds)))
for (r, rate), seed in ((pair, seed) for pair in enumerate(rates) for seed in seeds):
    net = tc.models.localizer(channels=(8, 16, 32), image_size=32, hidden=64, classes=small.classes, seed=seed)
    tc.fit(net, small.train, epochs=1 if FAST else 4, batch_size=32, seed=seed, progress=False,
           loss=tc.MultiTaskLoss(box_loss=SmoothL1Loss()), optimizer=tc.optim.SGD(net, lr=rate, momentum=0.9))
    for k, layer in enumerate(("relu2", "relu3", "relu4")):
        y = outputs_of(net, layer, small.train.images)
        dead[r, seed, k] = (y == 0).reshape(-1, y.shape[-1]).all(axis=0).mean()
    right[r, seed] = (net.predict(small.valid.images).labels == small.valid.labels).mean()
draw.dead_by_rate(rates, dead, right, ("second convolution", "third convolution", "fully connected"), chance=0.1)

# %% [markdown]
# Up to 0.2, next to no units die in the convolutions, and a few of the fully connected layer, as many at a small rate
# as at a larger one. The best rates lie there too. At 0.3 more die and fewer classes come out right. At 0.45 nearly the
# whole fully connected layer is dead, and the network can only guess. The dots are three seeds: how many die is partly
# luck. A layer that is dead has no gradient at any rate: begin again, with a smaller one.
#
# ## Read it in the library
#
# The library's saliency asks five questions at once: the same picture five times in a batch, each row with another
# `dscores` and `dboxes`. Row 0 is your question. The division at the end turns "per unit of the network's input" into
# "per gray level". And the receptive fields are your three rules, with one more number, the dilation.

# %%
read(tc.inspection.saliency, receptive_fields)

# %% [markdown]
# Both are in [tinycnn/inspection](../tinycnn/inspection). On the command line, `tinycnn inspect` writes all of this
# for a model of yours into one page.
#
# ## One step, number by number
#
# `tinycnn explore RUN`, or `tc.explore(model, samples)`, writes another page, in which you walk through one training
# step of your own network. It computes every number in your browser, from the weights. These pictures are of
# `tinycnn train`.
#
# ![Every layer's maps, and what one unit of conv2 is the sum of](pictures/explore_forward.png)
#
# **Forward.** Each layer is drawn as its maps; purple is above 0, orange below. Whatever you click shows what it was
# made of: here a unit of `conv2`, its window on the layer below (green), the kernel, the products and their sum.
#
# ![The gradients that arrive at every layer, and what each window sends](pictures/explore_backward.png)
#
# **Backward.** The same maps, filled with the gradients that arrive there, from either head or both. The selected unit
# of `relu1` was read by nine windows of `conv2`. Each sends its share back, and their sum is the gradient: col2im.
#
# ![Loss, probabilities and box before and after a step](pictures/explore_step.png)
#
# **One step.** Every weight moves against its gradient, and the network is asked again. The slider goes from 0 to 4
# times the rate: up to a point the loss falls, behind it the same gradient leads uphill.
#
# ![Learning curves, and six pictures with the boxes after an epoch](pictures/explore_epochs.png)
#
# **Epochs.** What the run said of the same six pictures after each epoch, beside its learning curves. Those that are
# wrong in the end come first: look at when they went wrong, and whether the box or the class did.
#
# ![The same four views on a phone](pictures/explore_phone.png)
#
# On a phone the numbers of what is selected lie below the maps. A fifth tab plants one wrong line in a `backward`, and
# shows at which layers its gradients then differ.
#
# ## Keep it

# %% tags=["yours"]
keep("13", {"13.receptive_field": receptive_sizes, "13.window_of_unit": window_of_unit, "13.saliency": saliency,
            "13.occlusion": occlusion, "13.dead_units": dead_units})

# %% [markdown]
# ## Summary
#
# - A unit's window grows by (kernel − 1) times the distance of the layer's inputs. Strides make it grow fast.
# - Saliency is the gradient of one score with respect to the pixels: hand backward a single 1.
# - A map is a measurement. It needs a ceiling (the same again, with noise), a floor (another picture) and a rival
#   that has not learned (random weights, edges).
# - Covering up asks what is needed; the gradient asks what a tiny change would do. They need not agree.
# - The largest of ten means is large by chance: shuffle the labels to see by how much.
# - A unit that is 0 for all pictures gets no gradient. Learning rates that are too high make them.
#
# ## Going on
#
# 1. *(2/5)* Change `cone` to a last kernel of 5 and predict the number of pixels before you look.
# 2. *(3/5)* Cover with black, or with the picture's mean color, instead of gray. How far do the maps of section 6
#    agree, by rank correlation? What is the ceiling for that?
# 3. **Open task.** *(4/5)* Smilkov and others (2017, "SmoothGrad") add noise to the picture many times and take the
#    mean of the gradients. Do it with your `saliency`, for noise of 4, 16 and 32 gray levels and 1, 4, 16 and 64
#    copies. Measure the ceiling of section 5 again, the agreement with random weights, and the share inside the box.
#    You are done when you can say, with the spread over pictures, whether the smoother map is also a *truer* one, or
#    only nearer to the edges.
#
# **Next:** [lesson 14](14_on_the_gpu.ipynb), what a GPU would gain, or [lesson 15](15_your_own_pictures.ipynb), your
# own pictures.
