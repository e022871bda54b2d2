# %% [markdown]
# # Lesson 04: Boxes as regression
#
# *Four numbers and the L2 loss. And how to see whether a network has learned more than the mean box.*
#
# ![Two losses fall alike; one net follows the truth, the other says the same for every picture](picture)
#
# | | |
# |---|---|
# | **You will have** | a loss of your own that trains a box head, and four ways to see that one has not learned |
# | **Reading** | 30 minutes |
# | **Exercises** | 6, about 70 minutes; [all solved](solutions/04_boxes_as_regression.ipynb) |
# | **Computing** | two minutes in all |
# | **Builds on** | lesson 01 for boxes; lesson 03 for the fully connected layer, which the box below repeats |
#
# In the picture, two nets were trained. Both losses fell by more than nine tenths. One net has learned where things
# are. The other says the same for every picture.

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import numpy as np

import tinycnn as tc
from tinycnn.box_losses import SmoothL1Loss
from tinycnn.course import FAST, check, keep, mine, read
from tinycnn.course.drawings import regression as draw
from tinycnn.course.drawings.convolution import loss_curves
from tinycnn.layers import Layer, Linear, ReLU, Sequential

# %% [markdown]
# > **Met before.** A box in pixels is `(xmin, ymin, xmax, ymax)`. For the network it becomes a *code*
# > `(cx, cy, h, w)`: center, height and width in units of the picture ([lesson 01](01_boxes.ipynb)). The *mean box*
# > of the training set is the best answer of all that never look, and *IoU* says how well two boxes agree. A *fully
# > connected layer* (lesson 03) is `y = x @ w + b`, for N rows of D numbers `x` (N, D), weights `w` (D, F) and a bias
# > `b` (F,). Given `dy`, the derivative of the loss with respect to `y`, its backward is `dw = x.T @ dy` and
# > `db = dy.sum(axis=0)`. A *step* of training moves `w` and `b` a little against these; how little, says the
# > *learning rate* `lr`. It takes a *batch* of pictures at a time, and an *epoch* is once through all of them.
#
# ## 1. A box is four predictions
#
# A class is a choice among ten. A box is not a choice: it is four numbers, and being nearly right is nearly as good
# as being right. To predict numbers is called *regression*, and the simplest machine for it is one we have already: a
# fully connected layer with four outputs.
#
# Here are three pictures of 4 x 4 pixels. In each we measure two things by hand: which share of the *left* half is
# bright, and which share of the *right* half. Blue is what we would like to hear, the code `(cx, cy, h, w)`.

# %%
tiny_boxes = np.array([(0, 0, 2, 4), (2, 0, 4, 4), (0, 1, 4, 3)])
tiny = np.zeros((3, 4, 4))
for picture, (xmin, ymin, xmax, ymax) in zip(tiny, tiny_boxes, strict=True):
    picture[ymin:ymax, xmin:xmax] = 1
tiny_x = np.stack([tiny[:, :, :2].mean(axis=(1, 2)), tiny[:, :, 2:].mean(axis=(1, 2))], axis=1)  # (3, 2)
tiny_codes = tc.boxes.encode(tiny_boxes, (4, 4))  # (3, 4)
draw.tiny_pictures(tiny, tiny_boxes, tiny_x, tiny_codes)

# %% [markdown]
# A layer with weights `w` (2, 4) and bias `b` (4,) makes four numbers out of two. Let us begin with weights of 0 and
# the same answer for every picture: in the middle, half as high and half as wide as the picture, `b = (½, ½, ½, ½)`.
#
# ## 2. How wrong is it?
#
# Take the *difference* between what is predicted and what is true, number by number. Square it, so that too much and
# too little both count, and far counts more than near. Then take the mean of all twelve squares.

# %%
tiny_w, tiny_b = np.zeros((2, 4)), np.full(4, 0.5)
draw.loss_in_cells(tiny_x, tiny_w, tiny_b, tiny_codes)

# %% [markdown]
# This is the **L2 loss**. For N pictures with K numbers each (K = 4 for boxes), with $p_{nk}$ for what is predicted
# and $t_{nk}$ for the target:
#
# $$L = \frac{1}{NK} \sum_{n,k} (p_{nk} - t_{nk})^2$$
#
# A *mean*, not a sum: so the size of the loss, and of its gradient, does not depend on how many pictures there are.
#
# ### Its gradient
#
# How does the loss change if one single number moves, say $p_{12}$, the height that picture 1 is said to have? Only
# one of the twelve squares moves with it. The derivative of $(p - t)^2$ with respect to $p$ is $2(p - t)$, and the
# mean divides by $NK$. That is all:
#
# $$\text{dpred}_{nk} = \frac{2}{NK}\,(p_{nk} - t_{nk})$$
#
# For $p_{12}$ the difference is $-\frac12$, so the slope is $\frac{2}{12} \cdot (-\frac12) = -\frac{1}{12}$.
# Negative: the loss falls if this number grows. Is that what the loss does?

# %%
tiny_pred, heights = tiny_x @ tiny_w + tiny_b, np.linspace(0.2, 1.8, 81)
losses_there = []
for height in heights:
    moved = tiny_pred.copy()
    moved[1, 2] = height
    losses_there.append(((moved - tiny_codes) ** 2).mean())
slope = 2 / 12 * (tiny_pred - tiny_codes)[1, 2]
loss_here = ((tiny_pred - tiny_codes) ** 2).mean()
draw.one_number_moves(heights, losses_there, tiny_pred[1, 2], loss_here, slope, "pred[1, 2]")

# %% [markdown]
# ### Numbers that nobody knows
#
# Sometimes part of the truth is missing: a picture without a box, or a person whose left foot is out of sight (lesson
# 12). A **mask** says what counts: 1 for a known number, 0 for one that nobody knows. A hidden number must change
# nothing. So it is left out of the sum, its gradient is 0, and *the mean is taken over those that count*: where $NK$
# stood, there is now the number of ones.
#
# The mask has the shape of `pred`, or it is a column `(N, 1)` that speaks for whole rows.
# `np.broadcast_to(mask, pred.shape)` makes the one into the other.
#
# ### Exercise 1: the L2 loss
# *Difficulty 2/5, about 15 minutes*
#
# The value and its gradient, with or without a mask. Count what counts instead of writing 4 or 12.
#
# <details><summary>Hint 1</summary>
#
# Without a mask everything counts: you may begin with a mask of ones, `np.ones(pred.shape)`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `np.where(mask != 0, pred - target, 0)` are the differences that count. `count` is the sum of the mask, *after* it
# has got the shape of `pred`. Both results need the same two things.
#
# </details>

# %% tags=["exercise"]
def l2_loss(pred, target, mask=None):
    """pred, target: (N, K); mask: None, or 0 and 1, (N, K) or (N, 1) -> value, dpred (N, K)."""
    ...  # your code here


# %% tags=["solution"]
def l2_loss(pred, target, mask=None):
    """pred, target: (N, K); mask: None, or 0 and 1, (N, K) or (N, 1) -> value, dpred (N, K)."""
    difference, count = pred - target, pred.size
    if mask is not None:
        mask = np.broadcast_to(mask, pred.shape)
        difference, count = np.where(mask != 0, difference, 0), int(mask.sum())
    return (difference**2).sum() / count, difference * (2 / count)


# %% tags=["yours"]
check("04.l2_loss", l2_loss)

# %% [markdown]
# For the three pictures: there are 12 numbers, so 6 times the gradient must be the differences in the cells above.
# Then the same with picture 1 hidden, where 8 numbers count.

# %% tags=["yours", "expected"]
if check("04.l2_loss", l2_loss):
    value, dpred = l2_loss(tiny_pred, tiny_codes)
    print(f"value {value:.4f},  6 times dpred:", *(dpred * 6).round(3).tolist(), sep="\n  ")
    value, dpred = l2_loss(tiny_pred, tiny_codes, np.array([[1], [0], [1]]))
    print(f"picture 1 hidden: value {value:.4f},  4 times dpred:", *(dpred * 4).round(3).tolist(), sep="\n  ")

# %% [markdown]
# Now the layer can learn. A training step is three lines: forward, loss, and the layer's backward from the box above.

# %% tags=["yours", "expected"]
if check("04.l2_loss", l2_loss):
    new_w, new_b = tiny_w, tiny_b
    for step in range(1001):
        pred = tiny_x @ new_w + new_b
        value, dpred = l2_loss(pred, tiny_codes)
        if step in (0, 1, 10, 100, 1000):
            print(f"step {step:4}: loss {value:.5f}")
        new_w, new_b = new_w - 1.0 * tiny_x.T @ dpred, new_b - 1.0 * dpred.sum(axis=0)  # a learning rate of 1
    print("predicted", *pred.round(2).tolist(), "true", *tiny_codes.tolist(), sep="\n  ")

# %% [markdown]
# It does not reach 0. Picture 2 has half as much light on the left as picture 0, and half as much on the right as
# picture 1: to this layer it is halfway between the two, a bar that stands in the middle. It cannot know that the bar
# lies down. The layer has done the best that can be done with these two features.
#
# ## 3. A loss that a training loop can use
#
# A training loop asks a loss for the value first and for the gradient later. So it is an object with two methods,
# like a layer: `forward` returns the value, `backward` the gradient. What backward needs is kept in between:
# `self.remember(a)` keeps `a`, and `(a,) = self.recall()` gets it back, once.
#
# ### Exercise 2: MyL2Loss
# *Difficulty 1/5, about 10 minutes*
#
# <details><summary>Hint</summary>
#
# Your `l2_loss` works out both. Keep the one and return the other. Do not forget to hand the mask on.
#
# </details>

# %% tags=["exercise"]
class MyL2Loss(Layer):
    def forward(self, pred, target, mask=None):
        ...  # your code here: remember the gradient, return the value

    def backward(self):
        ...  # your code here: return the gradient


# %% tags=["solution"]
class MyL2Loss(Layer):
    def forward(self, pred, target, mask=None):
        value, dpred = l2_loss(pred, target, mask)
        self.remember(dpred)
        return value

    def backward(self):
        (dpred,) = self.recall()
        return dpred


# %% tags=["yours"]
check("04.layer", MyL2Loss)

# %% [markdown]
# ## 4. Real pictures
#
# Scenes of 32 x 32 pixels, ten kinds of things before all kinds of backgrounds. Two features will not do. The pixels
# themselves are hard to use: a thing may be brighter or darker than what is behind it, and a weighted sum of pixels
# cannot know which. What gives a thing away is that *something changes* where it is. So we measure, at every pixel,
# how much it differs from its neighbor to the right and from the one below, and take the mean in each cell of a grid
# of 8 x 8. That makes 64 features.

# %%
data = tc.data.scenes(n=160 if FAST else 2000, image_size=32, seed=0, valid=40 if FAST else 400,
                      test=40 if FAST else 400)


def changes(images):
    """images: (N, S, S, 3) uint8 -> how much changes at every pixel, (N, S, S)."""
    values, found = images / 255, np.zeros(images.shape[:3])
    found[:, :, :-1] += abs(np.diff(values, axis=2)).sum(axis=3)  # to the right
    found[:, :-1] += abs(np.diff(values, axis=1)).sum(axis=3)  # downwards
    return np.sqrt(found)  # the root, so that one sharp edge does not outshine all others


def in_cells(found, grid=8):
    """(N, S, S) -> means (N, grid, grid)."""
    n, size, _ = found.shape
    return found.reshape(n, grid, size // grid, grid, size // grid).mean(axis=(2, 4))


parts = {"train": data.train, "valid": data.valid, "test": data.test}
cells = {name: in_cells(changes(part.images)).reshape(len(part), -1) for name, part in parts.items()}  # (N, 64)
codes = {name: tc.boxes.encode(part.boxes, part.sizes) for name, part in parts.items()}  # (N, 4)
some = data.train.subset(slice(0, 6))
draw.edges_in_cells(some.images, changes(some.images), in_cells(changes(some.images)), some.boxes)

# %% [markdown]
# The features get the mean 0 and the spread 1 over the training part, so that all 64 are of one size. We write `x`
# for them.

# %%
x = {name: ((part - cells["train"].mean(axis=0)) / cells["train"].std(axis=0)).astype(np.float32)
     for name, part in cells.items()}
print("x:", {name: part.shape for name, part in x.items()})

# %% [markdown]
# ## 5. What to ask for
#
# Which four numbers should be the targets? Pixels? Codes? Here are the codes of the training part:

# %%
for name, row in (("", draw.NUMBERS), ("mean", codes["train"].mean(axis=0)), ("spread", codes["train"].std(axis=0))):
    print(f"{name:8}", *(f"{v:>6}" if name == "" else f"{v:6.3f}" for v in row))

# %% [markdown]
# They lie in a narrow band around the mean. So we can ask for less: *how many spreads is this box away from the mean
# box?* Such a target is called **standardized**:
#
# $$t = \frac{\text{code} - \text{mean}}{\text{spread}}, \qquad \text{code} = t \cdot \text{spread} + \text{mean}$$
#
# The *spread* is the standard deviation, the root of the mean squared distance from the mean. Each of the four
# numbers has a mean and a spread of its own. Both come **from the training part alone**: they belong to the model,
# like its weights, and a model that is tested may not have seen the test's boxes. And they are kept: without them
# nobody could turn an answer back into a box.
#
# ### Exercise 3: standardize
# *Difficulty 2/5, about 10 minutes*
#
# The training part's codes, and the codes to standardize; return the targets, the four means and the four spreads. In
# some data sets one number never varies, and its spread is 0. So that nobody divides by 0, a spread below 0.001
# counts as 0.001.
#
# <details><summary>Hint</summary>
#
# `axis=0` runs over the boxes. `np.std` divides by N, which is what we want. `np.maximum` takes the larger of two.
#
# </details>

# %% tags=["exercise"]
def standardize(train_codes, codes):
    """train_codes: (M, 4), the training part's; codes: (N, 4) -> targets (N, 4), mean (4,), std (4,)."""
    ...  # your code here


# %% tags=["solution"]
def standardize(train_codes, codes):
    """train_codes: (M, 4), the training part's; codes: (N, 4) -> targets (N, 4), mean (4,), std (4,)."""
    mean, std = train_codes.mean(axis=0), np.maximum(train_codes.std(axis=0), 0.001)
    return (codes - mean) / std, mean, std


# %% tags=["yours"]
check("04.standardize", standardize)

# %% [markdown]
# The targets of the training part have the mean 0 and the spread 1. So an answer of 0, which is the mean box, costs
# exactly 1 there. On the validation part it costs about as much.

# %% tags=["yours", "expected"]
if check("04.standardize", standardize):
    for name in ("train", "valid"):
        targets, *_ = standardize(codes["train"], codes[name])
        print(f"{name}: mean {targets.mean(axis=0).round(2) + 0.0}, spread {targets.std(axis=0).round(2)}, "
              f"an answer of 0 costs {(targets**2).mean():.3f}")

# %% [markdown]
# ### Does it help?
#
# Books say: standardize, it trains faster. Let us measure, in four ways: targets in *pixels* (32 times the code), the
# *codes* as they are, codes *minus the mean*, and *standardized*, which also divides by the spread. The learning rate
# is the same for all. Two nets: a fully connected layer alone, whose weights begin at 0; and one with a *hidden
# layer*, two fully connected layers with `max(x, 0)` in between (the ReLU, lesson 07), whose weights begin at random.
#
# `fit` is a training loop in the open; its optimizer is SGD with momentum, which lesson 08 explains. Losses in pixels
# and in codes cannot be compared. So we turn every answer back into codes, and ask which *share of the mean box's
# loss* is gone: 0 is the mean box, 1 is perfect, and below 0 it would be better not to look.

# %%
def alone(seed):
    net = Sequential(Linear(64, 4))
    net[0].w.value *= 0
    return net


def with_hidden(seed, layer=Linear):
    rng = np.random.default_rng(seed)
    net = Sequential(layer(64, 64, rng=rng), ReLU(), layer(64, 4, rng=rng))
    net[2].w.value *= np.float32(0.1)  # begin with small answers
    return net


def fit(net, targets, loss, seed, epochs=1 if FAST else 8, lr=0.01, every=25):
    """Train on batches of 32. Returns the loss of each step, and the answers for x["valid"] at every 25th step."""
    rng, optimizer = np.random.default_rng(seed), tc.optim.SGD(net, lr=lr, momentum=0.9)
    targets, losses, answers = targets.astype(np.float32), [], []
    for _ in range(epochs):
        order = rng.permutation(len(targets))
        for first in range(0, len(order), 32):
            if len(losses) % every == 0:
                answers.append(net.forward(x["valid"]))
            few = order[first : first + 32]
            losses.append(float(loss.forward(net.forward(x["train"][few]), targets[few])))
            net.backward(loss.backward())
            optimizer.step()
    return losses, answers


mean, std = codes["train"].mean(axis=0), codes["train"].std(axis=0)


def share_gone(answers):
    """answers: codes (N, 4) for the validation part -> share of the mean box's loss that is gone."""
    ours, blind = ((((codes["valid"] - said) / std) ** 2).mean() for said in (answers, mean))
    return 1 - ours / blind


# %% [markdown]
# **Predict first.** Look at the layer alone, without a hidden layer. Which of its four curves will be the same?
#
# - a) None. Every change of the targets changes the training, and *standardized* is far ahead of *minus the mean*.
# - b) *Standardized* runs with *minus the mean*, and *codes* with *pixels*: the mean matters, the spread does not.
# - c) All four. The same pictures and boxes, the same learning rate: only the units differ.

# %%
ways = {"pixels": (0, 1 / 32), "codes": (0, 1), "minus the mean": (mean, 1), "standardized": (mean, std)}
seeds = range(2 if FAST else 5)
panels = {}
for title, net in (("a layer alone", alone), ("with a hidden layer", with_hidden)):
    panels[title] = {}
    for name, (zero, unit) in ways.items():  # an answer of 0 means `zero`, and an answer of 1 is `unit` more
        runs = [fit(net(seed), (codes["train"] - zero) / unit, tc.L2Loss(), seed)[1] for seed in seeds]
        shares = np.array([[share_gone(answers * unit + zero) for answers in run] for run in runs])  # (seeds, times)
        panels[title][name] = 25 * np.arange(shares.shape[1]), shares
draw.explained_over_steps(panels)

# %% [markdown]
# <details><summary>What happened</summary>
#
# **b.** For a layer alone, dividing by the spread does nothing at all. Make all targets twice as large: then every
# difference, every gradient, every step and every weight is twice as large, and so is every answer. Back in codes it
# is the same answer. The *mean* does matter: the bias has to travel there, and until it has arrived, most of the
# gradient is about nothing else. Subtract the mean, and training begins where the mean box is.
#
# With a hidden layer, the units matter as well, since now two layers multiply. The first layer's gradient goes
# through the second layer's weights, and where targets are seven times larger, both can grow faster. *Standardized*
# is ahead, *codes* are slow. *Pixels* are larger still: they lose time at the beginning, jump about (the band is the
# range over the seeds), and end high.
#
# </details>
#
# In steps: how long does it take until two fifths of the mean box's loss are gone? And what if the learning rate is
# three times as large?

# %%
print(" " * 38 + "two fifths gone after   share gone at the end, three times the rate")
for title, net in (("a layer alone", alone), ("with a hidden layer", with_hidden)):
    for name, (zero, unit) in ways.items():
        steps, shares = panels[title][name]
        first = [steps[good.argmax()] for good in shares > 0.4 if good.any()]
        text = f"{min(first)} to {max(first)} steps" if first else "-"
        with np.errstate(all="ignore"):  # some go to infinity
            runs = [fit(net(seed), (codes["train"] - zero) / unit, tc.L2Loss(), seed, lr=0.03)[1] for seed in seeds]
            ends = np.array([share_gone(run[-1] * unit + zero) for run in runs])
        sound = ends[np.isfinite(ends)]
        end = f"{sound.min():.2f} to {sound.max():.2f}" if len(sound) == len(ends) else "not a number"
        print(f"{title:20} {name:16} {text:>22}   {end:>20}")

# %% [markdown]
# In pixels, the larger rate makes the hidden layer's numbers infinite. A smaller rate would cure that; but then every
# data set, and every unit, would need a rate of its own. Standardized targets are of size 1, whatever the pictures.
#
# ## 6. And back
#
# A net that was trained on standardized targets gives standardized answers. A box that anybody can use is in pixels
# of *its own picture*. Two steps: undo what was done last, then undo what was done first. For the second there is
# `decode` of lesson 01, codes (N, 4) and sizes (N, 2) in, boxes out: yours, if you kept it.

# %% tags=["yours"]
decode = mine("01", "decode", tc.boxes.decode)

# %% [markdown]
# ### Exercise 4: from answers to boxes
# *Difficulty 1/5, about 10 minutes*
#
# Use `decode`, or write its step once more. The pictures may have different sizes.
#
# <details><summary>Hint</summary>
#
# An answer of 1 means: one spread more than the mean. Which code is that?
#
# </details>

# %% tags=["exercise"]
def predict_boxes(answers, mean, std, sizes):
    """answers: (N, 4), standardized; mean, std: (4,); sizes: (N, 2), (H, W) of each -> boxes (N, 4) xyxy, pixels."""
    ...  # your code here


# %% tags=["solution"]
def predict_boxes(answers, mean, std, sizes):
    """answers: (N, 4), standardized; mean, std: (4,); sizes: (N, 2), (H, W) of each -> boxes (N, 4) xyxy, pixels."""
    return decode(answers * std + mean, sizes)


# %% tags=["yours"]
check("04.predict_boxes", predict_boxes)

# %% [markdown]
# There and back again must lead home. And an answer of 0 is the mean box, in the pixels of every picture:

# %% tags=["yours", "expected"]
if check("04.standardize", standardize) and check("04.predict_boxes", predict_boxes):
    targets, *_ = standardize(codes["train"], codes["valid"])
    home = predict_boxes(targets, mean, std, data.valid.sizes)
    print(f"largest distance from home: {abs(home - data.valid.boxes).max():.0e} pixels")
    print(predict_boxes(np.zeros((2, 4)), mean, std, np.array([[32, 32], [100, 400]])).round(1))

# %% [markdown]
# ## 7. How much is explained?
#
# "The loss is 0.5" says little. 0.5 of what? For each of the four numbers, compare the net's squared errors with
# those of the best constant, the mean:
#
# $$R^2 = 1 - \frac{\sum_n (t_n - p_n)^2}{\sum_n (t_n - \bar t)^2}$$
#
# where $\bar t$ is the mean of the true numbers. This is **R-squared**, the share of the spread that is *explained*:
# 1 for a perfect answer, 0 for one that is as good as the mean, negative if it is worse. It does not depend on units,
# so it is the same for pixels, codes and targets. And it comes number by number, which is the point: a net may know
# where a thing is and not how large.
#
# ### Exercise 5: R-squared
# *Difficulty 1/5, about 10 minutes*
#
# <details><summary>Hint</summary>
#
# Two sums over the boxes, `axis=0`, each (4,).
#
# </details>

# %% tags=["exercise"]
def r_squared(pred, truth):
    """pred, truth: (N, 4) -> for each of the four numbers the share that is explained, (4,)."""
    ...  # your code here


# %% tags=["solution"]
def r_squared(pred, truth):
    """pred, truth: (N, 4) -> for each of the four numbers the share that is explained, (4,)."""
    wrong, spread = ((truth - pred) ** 2).sum(axis=0), ((truth - truth.mean(axis=0)) ** 2).sum(axis=0)
    return 1 - wrong / spread


# %% tags=["yours"]
check("04.r_squared", r_squared)

# %% [markdown]
# The layer alone, trained on standardized targets. Each dot is a validation picture. On the slanted line it would be
# right; the dotted line is the mean.

# %% tags=["yours", "expected"]
if check("04.r_squared", r_squared):
    fitted = alone(0)
    fit(fitted, (codes["train"] - mean) / std, tc.L2Loss(), seed=0, lr=0.003)
    answers = fitted.forward(x["valid"]) * std + mean
    figure = draw.predicted_against_true(answers, codes["valid"], r_squared(answers, codes["valid"]))
else:
    figure = "first r_squared"
figure

# %% [markdown]
# A layer alone knows rather well where things are, and hardly how large they are. It is the bar of section 2 again: a
# change far on the right may belong to a wide thing in the middle, or to a narrow one at the side, and a sum cannot
# tell which. One number for all, a loss of 0.5, would have hidden that. Look at the slope of the clouds as well:
# where it does not know, the net plays safe and stays near the mean.
#
# On the training part, and with standardized targets, loss and R-squared are two views of the same thing: **the loss
# is 1 minus the mean of the four R-squared**, since the mean box costs exactly 1.

# %% tags=["yours", "expected"]
if check("04.r_squared", r_squared):
    answers, wanted = fitted.forward(x["train"]), (codes["train"] - mean) / std
    print(f"loss {((answers - wanted) ** 2).mean():.6f},  1 - mean R-squared "
          f"{1 - r_squared(answers, wanted).mean():.6f}")

# %% [markdown]
# ## 8. The trap
#
# Here is a training loop as one finds it: plain NumPy, a layer alone, a new order of the pictures in every epoch. It
# runs. Its targets are codes, as they are.

# %%
def somebodys_loop(x, targets, orders, batch_size, lr):
    """x: (N, D); targets: (N, 4); orders: (E, N), an order of the N pictures for each epoch -> w, b, losses (E,)."""
    w, b, losses = np.zeros((x.shape[1], targets.shape[1])), np.zeros(targets.shape[1]), []
    for order in orders:
        pictures = x[order]
        total = 0.0
        for first in range(0, len(x), batch_size):
            few = slice(first, first + batch_size)
            difference = pictures[few] @ w + b - targets[few]
            dpred = 2 * difference / difference.size
            w -= lr * pictures[few].T @ dpred
            b -= lr * dpred.sum(axis=0)
            total += (difference**2).sum()
        losses.append(total / targets.size)  # the mean over the epoch
    return w, b, np.array(losses)


epochs = 3 if FAST else 12
orders = np.stack([np.random.default_rng(seed).permutation(len(data.train)) for seed in range(epochs)])
w_a, b_a, losses_a = somebodys_loop(x["train"], codes["train"], orders, batch_size=32, lr=0.03)
print("losses:", losses_a.round(4))

# %% [markdown]
# A textbook curve: it falls steeply, then more slowly, then it has *converged*. Nine tenths of the loss are gone. We
# call this net A. Net B is the same layer, trained by `fit` on the same targets.

# %% tags=["picture"]
net_b = alone(0)
losses_b, _ = fit(net_b, codes["train"], tc.L2Loss(), seed=0, lr=0.003, epochs=epochs)
losses_b = np.reshape(losses_b, (epochs, -1)).mean(axis=1)  # the mean over each epoch
start = (codes["train"] ** 2).mean()  # the loss of weights and biases of 0
said = {"net A": x["valid"] @ w_a + b_a, "net B": net_b.forward(x["valid"])}
draw.asleep_or_awake({"net A": [start, *losses_a], "net B": [start, *losses_b]},
                     {name: answers[:, 0] for name, answers in said.items()}, codes["valid"][:, 0],
                     codes["train"].var(axis=0).mean())

# %% [markdown]
# Net A says nearly the mean for every picture. All of its beautiful curve is the bias on its way from 0 to the mean
# box, and the curve ends on the dotted line: what the mean box costs. Net B goes below that line. This last piece,
# which one hardly sees, is all that was ever learned about pictures.
#
# This is the most frequent complaint about box heads: *the same box for every picture, and the loss looks fine*. Four
# ways to see it:
#
# - **a line in the plot**: what the mean box costs. A loss above it or on it has learned nothing;
# - **R-squared for each number**: about 0;
# - **predictions against truth**: a flat cloud;
# - **IoU beside the mean box's**: no better.
#
# How far from 0 is "about 0"? Five trainings of each kind, with other orders. R-squared of the four numbers, and the
# mean IoU, from the worst of the five to the best:

# %% tags=["yours", "expected"]
if check("04.r_squared", r_squared):
    nets = {"net A": [], "net B": []}
    for seed in seeds:
        rng = np.random.default_rng(seed)
        other_orders = np.stack([rng.permutation(len(data.train)) for _ in range(epochs)])
        w, b, _ = somebodys_loop(x["train"], codes["train"], other_orders, batch_size=32, lr=0.03)
        net = alone(seed)
        fit(net, codes["train"], tc.L2Loss(), seed, lr=0.003, epochs=epochs)
        for name, answers in (("net A", x["valid"] @ w + b), ("net B", net.forward(x["valid"]))):
            overlap = tc.boxes.iou(tc.boxes.decode(answers, data.valid.sizes), data.valid.boxes)
            nets[name].append([*r_squared(answers, codes["valid"]), overlap.mean()])
    for name, found in nets.items():
        ranges = zip((*draw.NUMBERS, "mean IoU"), np.min(found, axis=0), np.max(found, axis=0), strict=True)
        print(name, " ", "   ".join(f"{number} {least:5.2f} to {most:5.2f}" for number, least, most in ranges))
    overlap = tc.boxes.iou(tc.metrics.mean_box(data.train, data.valid.sizes), data.valid.boxes)
    print(f"mean IoU of the mean box: {overlap.mean():.2f}")

# %% [markdown]
# An R-squared of 0.1, up or down, is nothing here. And now the same loop on *standardized* targets, where the mean
# box costs 1:

# %%
targets = (codes["train"] - mean) / std
print("losses:", somebodys_loop(x["train"], targets, orders, batch_size=32, lr=0.03)[2].round(3))

# %% [markdown]
# Nothing falls, and anybody would look for a mistake at once. This is perhaps the best reason to standardize: **the
# loss itself says when nothing is learned.**
#
# ### Exercise 6: find the bug
# *Difficulty 3/5, about 15 minutes*
#
# Why does that loop learn only the mean? Mend it. Every epoch is to take the pictures in its own order, as `orders`
# says. One thing is wrong; all else is right.
#
# <details><summary>Hint 1</summary>
#
# Take three pictures, batches of one, and the order (2, 0, 1). Write down for each step which picture is in it, and
# whose box.
#
# </details>
# <details><summary>Hint 2</summary>
#
# What is the best answer to a question whose answers have been mixed up?
#
# </details>

# %% tags=["exercise"]
def train_boxes(x, targets, orders, batch_size, lr):
    """x: (N, D); targets: (N, 4); orders: (E, N), an order of the N pictures for each epoch -> w, b, losses (E,)."""
    w, b, losses = np.zeros((x.shape[1], targets.shape[1])), np.zeros(targets.shape[1]), []
    for order in orders:
        pictures = x[order]
        total = 0.0
        for first in range(0, len(x), batch_size):
            few = slice(first, first + batch_size)
            difference = pictures[few] @ w + b - targets[few]
            dpred = 2 * difference / difference.size
            w -= lr * pictures[few].T @ dpred
            b -= lr * dpred.sum(axis=0)
            total += (difference**2).sum()
        losses.append(total / targets.size)  # the mean over the epoch
    return w, b, np.array(losses)


# %% tags=["solution"]
def train_boxes(x, targets, orders, batch_size, lr):
    """x: (N, D); targets: (N, 4); orders: (E, N), an order of the N pictures for each epoch -> w, b, losses (E,)."""
    w, b, losses = np.zeros((x.shape[1], targets.shape[1])), np.zeros(targets.shape[1]), []
    for order in orders:
        pictures, answers = x[order], targets[order]  # both in the same order: each picture keeps its box
        total = 0.0
        for first in range(0, len(x), batch_size):
            few = slice(first, first + batch_size)
            difference = pictures[few] @ w + b - answers[few]
            dpred = 2 * difference / difference.size
            w -= lr * pictures[few].T @ dpred
            b -= lr * dpred.sum(axis=0)
            total += (difference**2).sum()
        losses.append(total / targets.size)  # the mean over the epoch
    return w, b, np.array(losses)


# %% tags=["yours"]
check("04.train_boxes", train_boxes)

# %% [markdown]
# Mended, and on standardized targets:

# %% tags=["yours", "expected"]
if check("04.train_boxes", train_boxes) and check("04.r_squared", r_squared):
    w, b, losses = train_boxes(x["train"], targets, orders, batch_size=32, lr=0.03)
    print("losses:   ", losses.round(3))
    print("R-squared:", r_squared((x["valid"] @ w + b) * std + mean, codes["valid"]).round(2))

# %% [markdown]
# ## 9. It trains
#
# Now the net with a hidden layer, made of your own parts: your fully connected layer from lesson 03, if you kept it,
# and your loss.

# %% tags=["yours"]
MyLinear = mine("03", "MyLinear", tc.layers.Linear)

# %% [markdown]
# First beside the library: the same random weights, the same batches. The narrow line must lie inside the wide one.

# %% tags=["yours", "expected"]
if check("04.layer", MyL2Loss):
    curves = {"your loss": fit(with_hidden(0, MyLinear), targets, MyL2Loss(), seed=0, epochs=2)[0],
              "tinycnn.L2Loss": fit(with_hidden(0), targets, tc.L2Loss(), seed=0, epochs=2)[0]}
    yours, library = curves.values()
    print(f"largest difference of the losses: {max(abs(a - b) for a, b in zip(yours, library, strict=True)):.0e}")
    figure = loss_curves(curves)
else:
    figure = "first the loss"
figure

# %% [markdown]
# It begins near 1, at the mean box, as it should. Now for longer, with five seeds, on the test part, which we have
# not touched so far: R-squared of each number, and mean IoU and the share of boxes found (IoU of at least 0.5),
# beside those of the mean box.

# %%
def scores(answers):
    """Standardized answers for the test part -> R-squared (4,), mean IoU, share with IoU >= 0.5."""
    boxes = tc.boxes.clip(predict_boxes(answers, mean, std, data.test.sizes), data.test.sizes)
    overlap = tc.boxes.iou(boxes, data.test.boxes)
    return *r_squared(answers * std + mean, codes["test"]), overlap.mean(), (overlap >= 0.5).mean()


# %% tags=["yours", "expected"]
exercises = {"04.layer": MyL2Loss, "04.predict_boxes": predict_boxes, "04.r_squared": r_squared}
still_open = [exercise for exercise, function in exercises.items() if not check(exercise, function)]
if still_open:
    print("not right yet:", ", ".join(still_open))
else:
    print(" " * 22, *(f"{column:>12}" for column in (*draw.NUMBERS, "mean IoU", "IoU >= 0.5")))
    print(f"{'mean box':22}", *(f"{value:12.2f}" for value in np.round(scores(np.zeros((len(data.test), 4))), 2) + 0.0))
    for title, make in (("a layer alone", alone), ("with a hidden layer", lambda seed: with_hidden(seed, MyLinear))):
        found = []
        for seed in seeds:
            trained = make(seed)
            fit(trained, targets, MyL2Loss(), seed, epochs=1 if FAST else 16)
            found.append(scores(trained.forward(x["test"])))
        middle, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1)
        print(f"{title:22}", *(f"{f'{m:.2f} ± {s:.2f}':>12}" for m, s in zip(middle, spread, strict=True)))

# %% [markdown]
# Mean over the seeds, and their spread. Both nets look at the pictures: their lead over the mean box is many times
# the spread. What the hidden layer adds is mostly about sizes. The network of [lesson 09](09_two_heads.ipynb), which
# finds its features by itself and names the thing as well, does only a little better on such scenes, with twice as
# many pictures.

# %% tags=["yours", "expected"]
if still_open:
    figure = "first the exercises"
else:
    few = data.test.subset(slice(0, 12))
    found = predict_boxes(trained.forward(x["test"][:12]), mean, std, few.sizes)
    figure = draw.boxes_found(few.images, few.boxes, found, predict_boxes(np.zeros((12, 4)), mean, std, few.sizes))
figure

# %% [markdown]
# ## 10. One wrong label
#
# Squares have a weakness. Five labels, one of them wrong by a slip of the pen. Which constant answer has the smallest
# loss? For squares it is the mean, and a single label drags it away from all the others.
#
# **Smooth L1** is a square only near 0, up to a distance `beta`, and a straight line further out. So its gradient
# stops growing: a label that is far off pulls no harder than one that is a little off.
#
# $$\ell(d) = \frac{d^2}{2\beta}\ \text{ if } |d| < \beta, \quad |d| - \frac{\beta}{2}\ \text{ otherwise}$$

# %%
labels, guesses = np.array([0.3, 0.35, 0.4, 0.45, 2.0]), np.linspace(0, 2, 401)
curves = {}
for name, loss in (("L2", tc.L2Loss()), ("smooth L1, beta 0.1", SmoothL1Loss(beta=0.1))):
    curves[name] = np.array([float(loss.forward(np.full(5, guess), labels)) for guess in guesses])
draw.one_wrong_label(labels, curves, guesses)

# %% [markdown]
# Does it matter in a training? We spoil some of the training boxes: their numbers are those of a picture twice as
# large, as if somebody had shrunk the pictures and forgotten the boxes. The validation boxes stay right. For
# standardized targets and beta = 0.5, smooth L1 is the same as L2 near the target, so learning rates agree.

# %%
print("spoiled   loss        share of the mean box's loss that is gone")
for spoiled in (0, 0.1) if FAST else (0, 0.05, 0.1):
    for name, loss in (("L2", tc.L2Loss()), ("smooth L1", SmoothL1Loss(beta=0.5))):
        shares = []
        for seed in seeds:
            wrong = np.random.default_rng(100 + seed).random(len(data.train)) < spoiled
            labels = np.where(wrong[:, None], 2 * codes["train"], codes["train"])
            middle, unit = labels.mean(axis=0), labels.std(axis=0)  # nobody knows which are wrong
            net = with_hidden(seed)
            fit(net, (labels - middle) / unit, loss, seed)
            shares.append(share_gone(net.forward(x["valid"]) * unit + middle))
        print(f"{spoiled:6.0%}    {name:10} {np.mean(shares):6.2f} ± {np.std(shares, ddof=1):.2f}")

# %% [markdown]
# With clean labels the two are close, L2 a little ahead. With one wrong box in ten, L2 loses more than half of what
# it had learned, and smooth L1 little. So look at your labels first; and if you cannot trust them, take the loss that
# forgives.
#
# ## Read it in the library
#
# The L2 loss in the library, with the helper that smooth L1 shares with it, and the two methods of the localizer that
# standardize.

# %%
read(tc.L2Loss, tc.losses.differences)

# %%
read(tc.models.Localizer.set_box_statistics, tc.models.Localizer.standardize)

# %% [markdown]
# `difference * 2.0 / count` is our formula. Two things are new. **Shapes that differ are refused**: NumPy would take
# `pred` (N, 4) and a target (4,), repeat the one for all rows, and train happily to a constant, which is one more way
# into the trap. And `where` in place of a product with the mask: an unknown target may be written as NaN, and 0 times
# NaN is NaN. In `set_box_statistics` you find the 0.001 again.
#
# ## Keep what you wrote
#
# Later lessons train with your loss. This writes what is right to a file of your own.

# %% tags=["yours"]
keep("04", {"04.l2_loss": l2_loss, "04.layer": MyL2Loss, "04.standardize": standardize,
            "04.predict_boxes": predict_boxes, "04.r_squared": r_squared, "04.train_boxes": train_boxes})

# %% [markdown]
# ## Summary
#
# - A box is four numbers, and a fully connected layer with four outputs can predict them.
# - L2 is the mean of the squared differences; its gradient is `2 * difference / count`. A mask says what counts.
# - Targets are standardized with the training part's mean and spread, kept for the way back. Without a hidden layer
#   only the mean matters; with one, the spread as well. And the mean box then costs 1.
# - A loss that falls may be a bias on its way to the mean box. R-squared, number by number, says what is explained;
#   on standardized training targets the loss is 1 minus their mean.
# - Squares believe every label. Smooth L1 forgives.
#
# ## Going on
#
# 1. *(2/5)* Standardize every batch with its *own* mean and spread, and go back with those of the training part. For
#    batches of 32, of 8, of 4 pictures: what becomes of R-squared, and what happens with 2?
# 2. *(3/5)* Of all constant boxes, the mean has the smallest L2 loss. Which one has the smallest *absolute* loss?
#    Show it with five numbers first, then with a derivative.
# 3. *(4/5)* Width and height are better seen as ratios: twice as wide, half as wide. Predict their logarithms
#    instead, as many detectors do. Does R-squared of the *widths* grow?
#
# **Open task.** Better features by hand. You have 64 numbers per picture and may measure others: colors, changes
# across and down apart, finer cells near the middle, the lesson on HOG (02) if you know it. Measure R-squared of each
# number on the validation part, with five seeds, and write down what each idea brings with its spread. You know that
# you have succeeded if `h` or `w` gains more than the spread over seeds, *and* the test part, looked at once at the
# end, agrees.
#
# **Next:** [lesson 05](05_gradient_checking.ipynb), gradient checking: how to be sure about a backward like yours.
