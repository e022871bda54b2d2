# %% [markdown]
# # Lesson 09: Two heads, one loss
#
# *One network, two questions. What is it, and where is it? And who decides what the network learns?*
#
# ![The same six pictures over the epochs, with the true and the predicted boxes](picture)
#
# | | |
# |---|---|
# | **You will have** | a localizer trained with a loss of your own, and a picture of the tug of war inside it |
# | **Reading** | 25 minutes |
# | **Exercises** | 3, about 55 minutes; all solved in [solutions/09_two_heads.ipynb](solutions/09_two_heads.ipynb) |
# | **Computing** | about three minutes in all |
# | **Builds on** | lesson 01 for boxes and scores; from 03 to 08, what the box below repeats |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first, with the repository's own address:
# %pip install -q "tinycnn[train] @ git+https://ADDRESS"
import numpy as np

import tinycnn as tc
from tinycnn.course import FAST, check
from tinycnn.course.drawings import heads as draw
from tinycnn.inspection import TugOfWar, head_gradients

# %% [markdown]
# > **Met before.** A *convolution* ([06](06_convolution.ipynb)) slides small kernels over a picture; *ReLU* and
# > *pooling* (07) stand between convolutions. A *fully connected layer* (03) is `y = x @ w + b`; given `dy`, the
# > derivative of the loss with respect to `y`, its backward is `dw = x.T @ dy` and `dx = dy @ w.T`. *Softmax* turns K
# > scores into K probabilities: `exp` of each, divided by their sum. *Cross-entropy* is minus the logarithm of the
# > true class's probability (03). *L2* is the mean of squared differences (04). A box inside the network is a *code*
# > `(cx, cy, h, w)` in units of the picture, and *IoU* says how well two boxes agree ([01](01_boxes.ipynb)).
# >
# > *SGD with momentum* (08) changes every weight a little against its gradient; how little, says the learning rate
# > `lr`. It does so after each *batch* of pictures, and an *epoch* is once through all of them. *Weight decay* draws
# > every weight a little toward 0. *Augmentation* (10) mirrors and shifts the training pictures at random. The
# > *validation set* is looked at during training, the *test set* only at the end.
#
# ## 1. One trunk, two heads
#
# The convolutions of this network are called its *trunk*. They turn a picture into a list of numbers, the *features*.
# On the features stand two fully connected layers, side by side. One gives a score for each class, the other the four
# numbers of a box.

# %%
count, held_out = (200, 60) if FAST else (4000, 300)
data = tc.data.scenes(n=count, image_size=32, seed=0, valid=held_out, test=held_out)


def network():
    return tc.models.localizer(image_size=32, channels=(16, 32), hidden=128, classes=data.classes, seed=0)


model = network()
shapes = {"trunk": "8 x 8 x 32", "features": "128 numbers", "class": model.class_head.w.value.shape[1],
          "box": model.box_head.w.value.shape[1]}
image, *_ = tc.data.scene(6, image_size=64)
draw.two_heads(image, shapes)

# %% [markdown]
# Solid arrows are the forward, dashed ones the backward; that is section 4.
#
# Why not two networks? Because both questions need to see the same things: edges, wheels, handles. What the trunk
# learns for the one head, the other gets for free. And because one trunk costs half of two. Whether it is *better* is
# not settled by that: the two heads also compete for the same 128 features. We shall look at this competition closely.
#
# **Shapes.** N pictures `(N, 32, 32, 3)` become features `(N, 128)`, and these become scores `(N, 10)` and boxes `(N,
# 4)`.
#
# ## 2. What should the box head say?
#
# Not the code itself. Look at the codes of the training set:

# %%
codes = tc.boxes.encode(data.train.boxes, data.train.sizes)  # (N, 4)
for name, row in (("", ("cx", "cy", "h", "w")), ("mean", codes.mean(axis=0)), ("spread (std)", codes.std(axis=0))):
    print(f"{name:14}", *(f"{value:>6}" if name == "" else f"{value:6.3f}" for value in row))

# %% [markdown]
# They all lie in a narrow band around the mean, so a network that says something like 0.5, whatever it sees, is
# already close, and the squared error of the best constant is only

# %%
print("mean squared error of the mean box:", codes.var(axis=0).mean().round(4))
print("cross-entropy of a guess among 10: ", np.log(10).round(4))

# %% [markdown]
# and beside the class loss nobody would hear it. (Someone who guesses among ten classes gives each the probability
# 1/10, and minus the logarithm of 1/10 is the logarithm of 10.) So the box head is asked for something easier to get
# wrong: *how many spreads is this box away from the mean box?* Then 0 means "as in the mean box", 1 means "one standard
# deviation more", and the squared error of the mean box is 1 for each of the four. The way back is kept in the model:
# `code = answer * std + mean`.
#
# There is a second benefit. A head whose weights start near 0 says 0, which is now the *mean box*: training begins at
# the baseline of lesson 01, not below it.
#
# ### Exercise 1: targets
# *Difficulty 1/5, about 10 minutes*
#
# Codes `(N, 4)` in, targets `(N, 4)` out: how many spreads is each number away from its mean? Mean and spread are those
# of the training set's codes.
#
# <details><summary>Hint</summary>
#
# Four means and four spreads, taken over the boxes of the *training* set: `axis=0`. `np.std` is the spread.
#
# </details>

# %% tags=["exercise"]
def box_targets(codes, train_codes):
    """codes: (N, 4); train_codes: (M, 4), the whole training set -> targets (N, 4)."""
    ...  # your code here


# %% tags=["solution"]
def box_targets(codes, train_codes):
    """codes: (N, 4); train_codes: (M, 4), the whole training set -> targets (N, 4)."""
    return (codes - train_codes.mean(axis=0)) / train_codes.std(axis=0)


# %% tags=["yours"]
check("09.box_targets", box_targets)

# %% [markdown]
# The targets of the training set itself, then, have the mean 0 and the spread 1. (In the library this is
# `Localizer.standardize`, in [tinycnn/models/localizer.py](../tinycnn/models/localizer.py).)

# %% tags=["yours", "expected"]
if check("09.box_targets", box_targets):
    t = box_targets(codes, codes)
    print("mean  ", abs(t.mean(axis=0)).round(2))
    print("spread", np.round(t.std(axis=0), 2))
    print(f"squared error of the mean box, whose target is 0: {(t**2).mean():.2f}")

# %% [markdown]
# ## 3. One loss out of two
#
# Each head has a loss of its own. Training needs *one* number to make smaller. The simplest way: add them up, each
# with a weight.
#
# $$L = w_c\,L_{class} + w_b\,L_{box}$$
#
# $$L_{class} = \frac{1}{N} \sum_n -\log p_n[\text{true class}] \qquad
# L_{box} = \frac{1}{4N} \sum_{n,i} (b_{ni} - t_{ni})^2$$
#
# Here $p_n$ are the probabilities of picture $n$, $b_{ni}$ its four box numbers ($i$ from 0 to 3) and $t_{ni}$ their
# targets; $w_c$ and $w_b$ are the two weights of the loss, 1 and 1 for now. Two pictures, three classes, by hand:

# %%
scores = np.array([[2.0, 0.0, 0.0],
                   [0.0, 1.0, 1.0]])
labels = np.array([0, 1])
boxes = np.array([[0.5, 0.0, 0.0, 0.0],
                  [0.0, 0.0, 1.0, 0.0]])
targets = np.zeros((2, 4))

p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
print("probabilities", p.round(3).tolist())
print("cross-entropy", -np.log(p[[0, 1], labels]).round(3), "mean", -np.log(p[[0, 1], labels]).mean().round(3))
print("squares      ", ((boxes - targets) ** 2).tolist(), "mean", ((boxes - targets) ** 2).mean())

# %% [markdown]
# **Gradients.** For the scores it is the prettiest formula in the field: *probability minus truth*, divided by N,
#
# $$\text{dscores}_{nk} = \frac{w_c}{N}\,(p_{nk} - y_{nk})$$
#
# where the truth $y_{nk}$ is 1 if $k$ is the true class of picture $n$, and 0 otherwise. A step *against* this gradient
# goes along the arrows: each picture pulls its true class up by what it lacks, and every other class down by what it
# has too much.

# %%
draw.pulls(p, labels)

# %% [markdown]
# The arrows of a picture add up to 0. The worse the answer, the longer they are; a picture that is sure and right does
# not pull at all.
#
# For the boxes the gradient is twice the difference, divided by the number of squares:
#
# $$\text{dboxes}_{ni} = \frac{2 w_b}{4N}\,(b_{ni} - t_{ni})$$
#
# ### Exercise 2: two losses
# *Difficulty 3/5, about 30 minutes*
#
# Value and both gradients. Some hidden scores are in the thousands, and `np.exp(1000)` is infinite: subtract each
# picture's largest score from its scores first. The probabilities stay the same.
#
# <details><summary>Hint 1</summary>
#
# `p[np.arange(N), labels]` picks the true class's probability from each row, an array (N,).
#
# </details>
# <details><summary>Hint 2</summary>
#
# A very small probability becomes 0, and the logarithm of 0 is minus infinity. The logarithm of a probability can be
# had without that: `score - log(sum(exp(scores)))`, all with the largest score subtracted.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `dscores` is `p` with 1 subtracted at the true classes, times the weight, divided by N.
#
# </details>

# %% tags=["exercise"]
def two_losses(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    """scores: (N, K); boxes, targets: (N, 4); labels: (N,) whole numbers -> value, dscores (N, K), dboxes (N, 4)."""
    ...  # your code here


# %% tags=["solution"]
def two_losses(scores, boxes, labels, targets, class_weight=1.0, box_weight=1.0):
    """scores: (N, K); boxes, targets: (N, 4); labels: (N,) whole numbers -> value, dscores (N, K), dboxes (N, 4)."""
    n, rows = len(scores), np.arange(len(scores))
    scores = scores - scores.max(axis=1, keepdims=True)  # the same probabilities, and exp cannot overflow
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))  # (N, K)
    difference = boxes - targets
    value = class_weight * -log_p[rows, labels].mean() + box_weight * (difference**2).mean()
    dscores = np.exp(log_p)
    dscores[rows, labels] -= 1
    return value, dscores * (class_weight / n), difference * (2 * box_weight / difference.size)


# %% tags=["yours"]
check("09.two_losses", two_losses)

# %% [markdown]
# For the two pictures from above. Compare with the means that we printed, and with the arrows (divided by N = 2, and
# with the other sign). The library's `MultiTaskLoss` is in [tinycnn/losses.py](../tinycnn/losses.py).

# %% tags=["yours", "expected"]
if check("09.two_losses", two_losses):
    value, dscores, dboxes = two_losses(scores, boxes, labels, targets)
    print("value  ", value.round(5))
    print("dscores", dscores.round(3).tolist())
    print("dboxes ", dboxes.tolist())

# %% [markdown]
# ## 4. Where the two meet
#
# Now the way back. Each head works out its own `dw`. But both heads read the *same* features, so both have something
# to say about how the features should change. What happens to a number that goes two ways? If it grows a little, the
# loss changes along the one way *and* along the other. So the two gradients **add up**:
#
# $$\text{dfeatures} = \text{dscores}\; w_{class}^T + \text{dboxes}\; w_{box}^T$$
#
# where $w_{class}$ and $w_{box}$ are the weights of the two layers, and $^T$ exchanges rows and columns, `.T` in NumPy.
# From here on down they travel as one sum, and no layer of the trunk can tell who wanted what.
#
# ### Exercise 3: back through both heads
# *Difficulty 2/5, about 15 minutes*
#
# The heads are `scores = features @ w_class` and `boxes = features @ w_box` (we leave the biases out). Given `dscores`
# and `dboxes`, return the gradient of the features and of both weights.
#
# <details><summary>Hint</summary>
#
# Twice the backward of the fully connected layer, from the box at the top, and one plus sign.
#
# </details>

# %% tags=["exercise"]
def heads_backward(dscores, dboxes, features, w_class, w_box):
    """features: (N, D); w_class: (D, K); w_box: (D, 4) -> dfeatures (N, D), dw_class (D, K), dw_box (D, 4)."""
    ...  # your code here


# %% tags=["solution"]
def heads_backward(dscores, dboxes, features, w_class, w_box):
    """features: (N, D); w_class: (D, K); w_box: (D, 4) -> dfeatures (N, D), dw_class (D, K), dw_box (D, 4)."""
    dfeatures = dscores @ w_class.T + dboxes @ w_box.T  # both ways, added
    return dfeatures, features.T @ dscores, features.T @ dboxes


# %% tags=["yours"]
check("09.heads_backward", heads_backward)

# %% [markdown]
# ## 5. Train it, with your loss
#
# A training step in the open: normalize the pixels, forward, your loss, your way back through the heads, the
# library's backward through the trunk, a step of the optimizer. (Your plus sign is in the library, too:
# `Localizer.backward` in [tinycnn/models/localizer.py](../tinycnn/models/localizer.py).)

# %%
def train_step(model, images, labels, targets, optimizer):
    """One step with your functions; returns the loss."""
    features = model.trunk.forward(model.normalize(images))  # (N, 128)
    w_class, b_class, w_box, b_box = model.class_head.w, model.class_head.b, model.box_head.w, model.box_head.b
    scores = features @ w_class.value + b_class.value  # (N, 10)
    boxes = features @ w_box.value + b_box.value  # (N, 4)
    value, dscores, dboxes = two_losses(scores, boxes, labels, targets)
    dfeatures, w_class.grad, w_box.grad = heads_backward(dscores, dboxes, features, w_class.value, w_box.value)
    b_class.grad, b_box.grad = dscores.sum(axis=0), dboxes.sum(axis=0)
    # Down through the trunk, but not to the pixels: nobody needs their gradient.
    model.trunk.backward(dfeatures.astype(np.float32), input_gradient=False)
    optimizer.step()
    return float(value)


def library_step(model, images, labels, targets, optimizer):
    """The same with the library's functions."""
    loss = tc.MultiTaskLoss()
    value = loss.forward(model.forward(model.normalize(images)), (labels, targets))
    model.backward(*loss.backward())
    optimizer.step()
    return float(value)


# %% [markdown]
# Two networks with the same random weights, one for each way. If all three functions are right, both columns are the
# same.

# %% tags=["yours", "expected"]
exercises = {"09.box_targets": box_targets, "09.two_losses": two_losses, "09.heads_backward": heads_backward}
still_open = [name for name, function in exercises.items() if not check(name, function)]
if still_open:
    print("not right yet:", ", ".join(still_open))
else:
    networks = network(), network()
    optimizers = [tc.optim.SGD(net, lr=0.02, momentum=0.9) for net in networks]
    train_targets = box_targets(codes, codes).astype(np.float32)
    print("step    yours  library")
    for step in range(101):
        few = np.arange(32 * step, 32 * step + 32) % len(data.train)
        batch = data.train.images[few], data.train.labels[few], train_targets[few]
        yours = train_step(networks[0], *batch, optimizers[0])
        library = library_step(networks[1], *batch, optimizers[1])
        if step in (0, 10, 25, 50, 100):
            print(f"{step:4} {yours:8.3f} {library:8.3f}")

# %% [markdown]
# At first the loss is about the logarithm of ten, for a guess among ten classes, plus 1, for the mean box. A loss that
# starts elsewhere is the first sign of a mistake. It goes up and down from batch to batch, and slowly down in all.
#
# `tc.fit` does the same for many epochs, with a rate that goes down toward the end. After each epoch we keep two
# things: the answers for the first six pictures of the validation set, and what each head sends down the trunk. The
# second is the business of `TugOfWar`, and of section 6.

# %%
six = data.valid.subset(slice(0, 6))
snapshots = {}
epochs = 1 if FAST else 16
shown_epochs = {0, 1, 3, 6, 16}
tug = TugOfWar(data.valid.subset(slice(0, 64)))


def after_epoch(row, model):
    tug(row, model)
    if row["epoch"] in shown_epochs:
        snapshots[f"epoch {row['epoch']}"] = model.predict(six.images)


def train(ratio, epochs, samples, on_epoch=None):
    """A new network, trained with a box weight `ratio` times the class weight; the two add up to 2."""
    model = network()
    loss = tc.MultiTaskLoss(class_weight=2 / (1 + ratio), box_weight=2 * ratio / (1 + ratio))
    optimizer = tc.optim.SGD(model, lr=0.02, momentum=0.9, weight_decay=5e-4)
    history = tc.fit(model, samples, data.valid, epochs=epochs, batch_size=32, optimizer=optimizer, loss=loss,
                     augment=tc.data.Augment(), progress=False, on_epoch=on_epoch)
    return model, history


model = network()
model.set_box_statistics(codes)
tug({"epoch": 0}, model)
snapshots["untrained"] = model.predict(six.images)
model, history = train(1, epochs, data.train, on_epoch=after_epoch)
print(tc.metrics.comparison_table(tc.evaluate(model, data.test, data.train)))

# %% [markdown]
# ([Lesson 01](01_boxes.ipynb) explains this table.) And now the six pictures. Read the columns from top to bottom:
# name, IoU and box. Before training, every picture gets nearly the same box, the mean box. After a single epoch the
# boxes have set out; the names come later. Single pictures go back and forth on the way, so never judge a training by
# six of them.

# %% tags=["picture"]
draw.over_epochs(six, snapshots)

# %% [markdown]
# The same in curves, with the two terms of the loss apart. Always look at them apart: a falling sum can hide a head
# that is not learning at all.

# %%
tc.plots.curves(history)

# %% [markdown]
# ## 6. The tug of war
#
# Both heads pull at the features. How hard does each pull, and do they pull the same way? The sum does not tell, but
# there is a trick. Backward is linear: send the class head's gradient down alone, with that of the boxes set to 0, then
# the box head's alone, and the two results add up to the joint one. So we can look at each before they are mixed.
#
# Of two vectors one can ask two things. How long are they? Their *norms* say how hard each head pulls. And do they
# point the same way? That is the *cosine* of the angle between them: at 1 what helps one head helps the other, at 0
# neither cares about the other, and below 0 each step for the one is a step against the other.
#
# In the trained network, at every layer's output and every weight, from the first layer to the last. The trunk's last
# output is the features: the line `relu3 output`.

# %%
few = slice(0, 64)
x, valid_labels = model.normalize(data.valid.images[few]), data.valid.labels[few]
valid_targets = model.standardize(tc.boxes.encode(data.valid.boxes[few], data.valid.sizes[few]))
pulls = head_gradients(model, x, valid_labels, valid_targets)
print(str(pulls).partition("\n\n")[0])

# %% [markdown]
# And over the epochs. On the left, how hard each head pulls at the features. In the middle, layer by layer, who is the
# stronger. On the right, whether they pull together.

# %%
tug.plot()

# %% [markdown]
# In numbers, at the features:

# %%
for epoch, at in zip(tug.epochs, tug.gradients, strict=True):
    ratio = at.features.box_norm / at.features.class_norm
    if epoch in shown_epochs:
        print(f"epoch {epoch:2}: the box head pulls {ratio:.1f} times as hard as the class head, "
              f"cosine {at.features.cosine:+.2f}")

# %% [markdown]
# In the beginning the box head is at least as strong as the class head. Perhaps because a box is right or wrong by
# degrees, so that there is a slope to follow from the first picture on, while a class is right or wrong, and the class
# head must first find something to hold on to. Once it has, it pulls harder than the box head, and ever more so.
#
# And the war? The cosines are small, and seldom negative. Among so many features there is room for two: most of what
# one head wants does not concern the other.
#
# ## 7. The weight of a loss
#
# The weights $w_c$ and $w_b$ are the referee of this match. What do they do? Short trainings, on half of the pictures,
# that differ in nothing but the ratio of the two. Their sum stays 2 in all of them: twice the loss would also mean
# twice the step, and that is another question.

# %%
results = {}
half = data.train.subset(slice(0, count // 2))
for ratio in (0.3, 3) if FAST else (0.03, 0.3, 1, 3, 30):
    _, short = train(ratio, 1 if FAST else 8, half)
    last = short.rows[-1]
    results[ratio] = {"class accuracy": last["valid_accuracy"], "IoU ≥ 0.5": last["valid_iou50"],
                      "both": last["valid_joint"]}
    print(f"{ratio:5} to 1: " + ", ".join(f"{name} {value:.2f}" for name, value in results[ratio].items()))
draw.weights_compared(results)

# %% [markdown]
# On the far left the box head is hardly heard; on the far right it is the class head. Both questions are answered well
# in between, and not in one point only. So *look at the two terms*, bring them to the same order of magnitude, try a
# ratio or two on the validation set (never on the test set), and leave it.
#
# ## Summary
#
# - One trunk, two heads: shared features, two questions.
# - Box targets are standardized with the training set's mean and spread; then an untrained head says the mean box.
# - The loss is a weighted sum. Look at its terms apart.
# - Where paths meet, gradients add up. Backward is linear, so they can be looked at one at a time.
# - Norm and cosine at the features tell who pulls, and whether together.
#
# ## Going on
#
# 1. *(2/5)* Train with `train(0, 8, half)`, so that nobody asks for boxes. What do they look like, and why are they not
#    the mean box any more?
# 2. *(3/5)* Train one network for each question alone, and compare each head with the joint network's. Which question
#    gains from company?
# 3. *(4/5)* Let the network choose the weights: in place of a loss $L$ take $e^{-s} L + s$, with a number $s$ for each
#    loss that is learned like any other weight (an idea of Kendall, Gal and Cipolla, 2018). What is the derivative with
#    respect to $s$, and where does $s$ come to rest?
#
# **Next:** lesson 10, more pictures than you have. It is still to come.
