# %% [markdown]
# # Lesson 08: Training
#
# *A gradient says which way. How far, how often, and how can you tell that it goes well?*
#
# ![Four pictures of a healthy training run, and of three sick ones](picture)
#
# | | |
# |---|---|
# | **You will have** | an optimizer of your own that trains, and four pictures that tell how a run is doing |
# | **Reading** | 35 minutes |
# | **Exercises** | 6, about 80 minutes; solved in [solutions/08_training.ipynb](solutions/08_training.ipynb) |
# | **Computing** | about three minutes in all |
# | **Builds on** | lessons 03 to 07; what is needed of them, the box below repeats |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import contextlib
from types import SimpleNamespace

import numpy as np

import tinycnn as tc
from tinycnn.course import FAST, check, keep, read
from tinycnn.course.calls.lesson08 import somebodys_loop
from tinycnn.course.drawings import training as draw
from tinycnn.course.drawings.convolution import loss_curves

# %% [markdown]
# > **Met before.** A network is a row of *layers* with *weights*; the *loss* is one number that says how wrong its
# > answers are. *Backward* computes for every weight `w` the gradient `dw`: how much the loss grows when that weight
# > grows a little ([03](03_fully_connected.ipynb); [05](05_gradient_checking.ipynb) checks it). A *localizer* is a
# > network that names what is in a picture and draws a box around it; its loss is that of the class plus that of the
# > box. An untrained one guesses: its loss is log 10 = 2.3 for a guess among ten classes, plus 1 for the mean box
# > ([04](04_boxes_as_regression.ipynb)). Its *trunk* is made of convolutions ([06](06_convolution.ipynb)) and a fully
# > connected layer, each followed by a *ReLU*, which sets negative numbers to 0 (07). *Joint* is the share of
# > pictures with the right class *and* an IoU of at least 0.5 ([01](01_boxes.ipynb)).
#
# ## 1. One weight
#
# The smallest training that there is: one weight `w`, and the loss $L(w) = w^2$. Its gradient is $2w$, and it is
# lowest at `w = 0`. Training means: again and again, a small step *against* the gradient.
#
# $$w \leftarrow w - \text{lr} \cdot dw$$
#
# How small says the *learning rate* `lr`. Begin at `w = 1` and do it by hand for three rates:

# %%
def walk(lr, steps=12, w=1.0):
    path = [w]
    for _ in range(steps):
        dw = 2 * w
        w = w - lr * dw
        path.append(w)
    return path


for lr in (0.1, 0.9, 1.1):
    print(f"rate {lr}: w =", *(f"{w:6.3f}" for w in walk(lr)[:6]), "...")

# %% [markdown]
# Every step multiplies `w` by `1 - 2 * lr`: by 0.8, by -0.8, by -1.2. So the first walks down, the second jumps from
# side to side and gets there just as fast, and the third jumps *up* the hill, further each time. There is a largest
# rate, here 1, and it depends on how steeply the hill bends: $L(w) = 25 w^2$ would allow no more than 0.04.

# %%
draw.on_a_parabola(np.square, {f"rate {lr}: times {1 - 2 * lr:.1f}": walk(lr, 8) for lr in (0.1, 0.9, 1.1)})

# %% [markdown]
# ## 2. Two weights: a long valley
#
# A network has many weights, and the hill bends differently along each. Two are enough to see the trouble:
# $L(a, b) = (a^2 + 25\, b^2) / 2$, with the gradient $(a,\ 25\, b)$. Across, along `b`, no rate over 2 / 25 = 0.08 is
# possible. Along `a`, where the way is long, that is little: with 0.07 each step only covers 7 % of what is left.
#
# **Momentum** lets the steps learn from each other. A *velocity* `v` collects the gradients, and forgets them slowly:
#
# $$v \leftarrow \text{momentum} \cdot v + dw \qquad\qquad w \leftarrow w - \text{lr} \cdot v$$
#
# By hand, with a momentum of 0.5. If the gradient is always 1, the velocity is 1, then 0.5 · 1 + 1 = 1.5, then 1.75,
# and at last 2: *twice* the gradient. With 0.9 it is ten times, 1 / (1 - 0.9). If the gradient goes 1, -1, 1, -1, the
# velocity is 1, -0.5, 0.75, -0.625: *less* than the gradient. Steady pulls add up, and what goes to and fro cancels.

# %%
def valley_walk(lr, momentum, steps=30):
    w, v, path = np.array([10.0, 1.0]), np.zeros(2), [(10.0, 1.0)]
    for _ in range(steps):
        v = momentum * v + np.array([1.0, 25.0]) * w
        w = w - lr * v
        path.append(w)
    return np.array(path)


def valley(a, b):
    return (a**2 + 25 * b**2) / 2


walks = {"rate 0.02": valley_walk(0.02, 0.0), "rate 0.07": valley_walk(0.07, 0.0),
         "rate 0.02, momentum 0.8": valley_walk(0.02, 0.8)}
for name, path in walks.items():
    print(f"{name:24} loss after 10, 20, 30 steps:", *(f"{valley(*path[n]):6.2f}" for n in (10, 20, 30)))
draw.in_a_valley(valley, walks)

# %% [markdown]
# Along the valley, a rate of 0.02 with momentum 0.8 comes to steps like those of a rate of 0.1, which without
# momentum would climb the walls.
#
# **Weight decay** is one more pull on every weight, toward 0: its gradient gets `weight_decay * w` added. Weights
# that the data do not ask for fade away. A weight of 2 with a gradient of 0.1 and a weight decay of 0.01 moves along
# 0.1 + 0.01 · 2 = 0.12. All three together, as this library and PyTorch have it:
#
# $$g = dw + \text{decay} \cdot w \qquad v \leftarrow \text{momentum} \cdot v + g \qquad w \leftarrow w - \text{lr}
# \cdot v$$
#
# ### Exercise 1: a step
# *Difficulty 1/5, about 10 minutes*
#
# The new `w` and the new `v`, as new arrays: what comes in stays as it is, since the gradient belongs to the layer.
#
# <details><summary>Hint</summary>
#
# Three lines, in the order of the formula. `a += b` changes the array `a` itself; `a = a + b` makes a new one.
#
# </details>

# %% tags=["exercise"]
def sgd_step(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    """w, dw, v: arrays of one shape -> w, v after the step, in their dtype."""
    ...  # your code here


# %% tags=["solution"]
def sgd_step(w, dw, v, lr, momentum=0.0, weight_decay=0.0):
    """w, dw, v: arrays of one shape -> w, v after the step, in their dtype."""
    g = dw + weight_decay * w
    v = momentum * v + g
    return w - lr * v, v


# %% tags=["yours"]
check("08.sgd_step", sgd_step)

# %% [markdown]
# The weight of 2 from above, with a rate of 0.1 and a momentum of 0.5: three steps with the same gradient.

# %% tags=["yours", "expected"]
if check("08.sgd_step", sgd_step):
    one_w, one_v = np.array([2.0]), np.zeros(1)
    for _ in range(3):
        one_w, one_v = sgd_step(one_w, np.array([0.1]), one_v, lr=0.1, momentum=0.5, weight_decay=0.01)
        print("v =", one_v.round(5), " w =", one_w.round(5))

# %% [markdown]
# ## 3. Batches: a gradient from a few pictures
#
# The loss is a mean over *all* training pictures, and so is its gradient. But who wants to look at all of them for a
# single step? The mean over a few, a *batch*, points the same way on average. That is the "stochastic" in the name:
# *stochastic gradient descent*, SGD. How far a single batch is off can be measured. Here is a localizer, the gradient
# of all of its weights over 1024 pictures, and the same for batches drawn at random from them.

# %%
count, held_out = (240, 60) if FAST else (1600, 300)
data = tc.data.scenes(n=count, image_size=32, seed=0, valid=held_out, test=held_out)
GUESS = np.log(len(data.classes)) + 1  # the loss of a network that has learned nothing
train_codes = tc.boxes.encode(data.train.boxes, data.train.sizes)


def network(seed=0, channels=(16, 32, 64), hidden=128):
    return tc.models.localizer(image_size=32, channels=channels, hidden=hidden, classes=data.classes, seed=seed)


def gradient(model, pictures):
    """Forward, loss and backward for some training pictures; returns all gradients as one long row."""
    loss, targets = tc.MultiTaskLoss(), model.standardize(train_codes[pictures])
    output = model.forward(model.normalize(data.train.images[pictures]))
    loss.forward(output, (data.train.labels[pictures], targets))
    model.backward(*loss.backward())
    return np.concatenate([p.grad.ravel() for p in model.parameters().values()])


# %% [markdown]
# **Predict first.** Batches of 4 pictures have some typical distance from the gradient of all. How large is it for
# batches of 16, four times as many? (a) The same, a sample is a sample. (b) Half. (c) A quarter.

# %%
model, rng = network(), np.random.default_rng(0)
model.set_box_statistics(train_codes)  # what the box head's 0 and 1 mean: lesson 09
everything = np.arange(count)[:1024]
of_all = gradient(model, everything)
distances = {size: [np.linalg.norm(gradient(model, rng.choice(everything, size)) - of_all) / np.linalg.norm(of_all)
                    for _ in range(5 if FAST else 24)] for size in (1, 4, 16, 64, 256)}
for size, found in distances.items():
    print(f"batches of {size:3}: typical distance {np.sqrt(np.mean(np.square(found))):.2f} "
          f"(from {min(found):.2f} to {max(found):.2f})")
draw.noise_of_batches(distances)

# %% [markdown]
# <details><summary>What happened</summary>
#
# (b). Means of independent draws come closer with the *square root* of their number: four times the work, half the
# noise. That is why batches are small: for the price of one step that is half as noisy, four others can be had. Where
# the points lie above 1, the noise is longer than the gradient itself. Such steps still lead down on average, if they
# are short.
#
# </details>
#
# In practice batches are not drawn anew each time. All pictures are shuffled once per *epoch*, and then dealt out
# like cards, so that every picture comes exactly once.
#
# ### Exercise 2: the batches of an epoch
# *Difficulty 2/5, about 15 minutes*
#
# `rng` is a `np.random.Generator`; an epoch takes its random numbers from it and from nowhere else. If the number of
# pictures is no multiple of `batch_size`, the last batch is smaller.
#
# <details><summary>Hint 1</summary>
#
# `rng.permutation(n)` gives the numbers 0 to n - 1 in random order. Cut *them* into pieces.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `images[few]` with an array `few` of numbers picks those pictures, in that order. A slice that reaches beyond the
# end of an array just ends there.
#
# </details>

# %% tags=["exercise"]
def batches(images, labels, batch_size, rng):
    """images: (N, ...); labels: (N,) -> list of (images, labels), one pair for each batch of this epoch."""
    ...  # your code here


# %% tags=["solution"]
def batches(images, labels, batch_size, rng):
    """images: (N, ...); labels: (N,) -> list of (images, labels), one pair for each batch of this epoch."""
    order, pairs = rng.permutation(len(images)), []
    for start in range(0, len(images), batch_size):
        few = order[start : start + batch_size]
        pairs.append((images[few], labels[few]))
    return pairs


# %% tags=["yours"]
check("08.batches", batches)

# %% [markdown]
# Two epochs of ten "pictures", which are their own labels here:

# %% tags=["yours", "expected"]
if check("08.batches", batches):
    shuffle = np.random.default_rng(0)
    for epoch in (1, 2):
        print(f"epoch {epoch}:", *(few.tolist() for few, _ in batches(np.arange(10), np.arange(10), 4, shuffle)))

# %% [markdown]
# ## 4. Where to begin
#
# All weights 0 would be a bad start: no gradient would get through. So they begin at random. *How large* they are at
# random decides whether anything arrives at the end of the network. An output is a sum over D inputs, each times a
# weight. If weights have the spread (standard deviation) $s$, the mean square of the sum is $D s^2$ times that of the
# inputs. ReLU then keeps about half of it. So the mean square stays as it is if $D s^2 / 2 = 1$:
#
# $$s = \sqrt{2 / D}$$
#
# This is the rule of He and colleagues (2015). If all weights are twice as small, every layer halves its numbers, and
# ten layers divide them by $2^{10}$, a thousand. Measured, ten layers of 256 numbers with ReLU, five seeds:

# %%
def ten_layers(scale, seed, depth=10, d=256, n=200):
    """Spread of the outputs of each layer, and of the gradients that arrive there on the way back."""
    rng = np.random.default_rng(seed)
    weights = [scale * (2 / d) ** 0.5 * rng.standard_normal((d, d)) for _ in range(depth)]
    outputs, x = [], rng.standard_normal((n, d))
    for w in weights:
        x = np.maximum(x @ w, 0)
        outputs.append(x)
    dy, gradients = rng.standard_normal((n, d)), []
    for w, y in zip(reversed(weights), reversed(outputs), strict=True):
        gradients.insert(0, dy.std())
        dy = (dy * (y > 0)) @ w.T
    return [y.std() for y in outputs], gradients


names = {0.5: "half as large", 1.0: "He", 2.0: "twice as large"}
measured = {name: np.array([ten_layers(scale, seed) for seed in range(5)]) for scale, name in names.items()}
for name, found in measured.items():
    print(f"{name:14}: outputs of layer 1 and 10: {found[:, 0, 0].mean():.2g}, {found[:, 0, 9].mean():.2g}")
draw.through_layers(*({name: found[:, k] for name, found in measured.items()} for k in (0, 1)))

# %% [markdown]
# On the way back the same happens to the gradients, from right to left.
#
# ### Exercise 3: the first weights
# *Difficulty 2/5, about 10 minutes*
#
# The spread for a layer whose weights have this shape: (D, F) for a fully connected layer, (KH, KW, C, F) for a
# convolution. How many numbers are added up in *one* output?
#
# <details><summary>Hint</summary>
#
# In both shapes the last axis counts outputs. Everything before it is one output's own: `np.prod(shape[:-1])`.
#
# </details>

# %% tags=["exercise"]
def he_std(shape):
    """shape of the weights, outputs last -> their standard deviation at the start."""
    ...  # your code here


# %% tags=["solution"]
def he_std(shape):
    """shape of the weights, outputs last -> their standard deviation at the start."""
    return (2 / np.prod(shape[:-1])) ** 0.5


# %% tags=["yours"]
check("08.init", he_std)

# %% [markdown]
# Against the library's layers, as they come:

# %% tags=["yours", "expected"]
if check("08.init", he_std):
    for layer in (tc.layers.Linear(2048, 128), tc.layers.Conv2d(16, 32, 3)):
        shape = layer.w.value.shape
        print(f"{layer!r:24} weights {shape}: rule {he_std(shape):.4f}, measured {layer.w.value.std():.4f}")

# %% [markdown]
# ## 5. A rate that changes
#
# A large rate is good at the start, where the way is long. At the end it is in the way: every step is noisy, and the
# weights jump about the lowest point, further the larger the rate is. So the rate goes down while training: a
# *schedule*. *Steps* divide it by ten at some moments; half a *cosine* goes down smoothly. And in the very first
# steps the gradients are large and point anywhere; a short *warm-up* lets the rate rise to its full size.
#
# On the right, the parabola of section 1 with noise added to every gradient, 400 walks for each schedule:

# %%
steps = 120
progress = np.arange(steps) / steps
schedules = {"constant": tc.optim.constant(), "steps": tc.optim.steps(at=(0.5, 0.75)), "cosine": tc.optim.cosine(0),
             "cosine with warm-up": tc.optim.cosine(0.1)}
rates = {name: 0.2 * np.array([schedule(p) for p in progress]) for name, schedule in schedules.items()}
noisy = {}
for name, of_step in rates.items():
    w, noise = np.full(400, 10.0), np.random.default_rng(0)
    noisy[name] = []
    for lr in of_step:
        w = w - lr * (2 * w + noise.standard_normal(400))
        noisy[name].append(np.sqrt(np.mean(w**2)))
    print(f"{name:20} typical distance after {steps} steps: {noisy[name][-1]:.3f}")
draw.rates_and_noise(rates, noisy)

# %% [markdown]
# ### Exercise 4: warm-up and cosine
# *Difficulty 3/5, about 15 minutes*
#
# The rates of all steps as an array. In the first `warmup` steps the rate rises in equal parts: step 0 has `1 /
# warmup` of `lr`, step `warmup - 1` all of it. Then it falls from `lr` to `final` along half a cosine:
#
# $$\text{final} + (\text{lr} - \text{final}) \cdot \frac{1 + \cos(\pi p)}{2}$$
#
# where the progress $p$ is 0 at the first step behind the warm-up and would be 1 one step *after* the last.
#
# <details><summary>Hint</summary>
#
# Behind the warm-up, step `k` has gone `k - warmup` of `steps - warmup` parts of the way. By hand: `steps=4, lr=1`
# has the progress 0, 0.25, 0.5, 0.75 and the rates 1, 0.854, 0.5, 0.146.
#
# </details>

# %% tags=["exercise"]
def cosine_rates(steps, lr, warmup=0, final=0.0):
    """steps, warmup: numbers of steps, warmup < steps -> rates (steps,)."""
    ...  # your code here


# %% tags=["solution"]
def cosine_rates(steps, lr, warmup=0, final=0.0):
    """steps, warmup: numbers of steps, warmup < steps -> rates (steps,)."""
    k = np.arange(steps)
    p = np.maximum(k - warmup, 0) / (steps - warmup)
    falling = final + (lr - final) * (1 + np.cos(np.pi * p)) / 2
    return np.where(k < warmup, lr * (k + 1) / max(warmup, 1), falling)


# %% tags=["yours"]
check("08.cosine", cosine_rates)

# %% tags=["yours", "expected"]
if check("08.cosine", cosine_rates):
    print("4 steps:          ", cosine_rates(4, 1.0).round(3))
    print("8 steps, warm-up: ", cosine_rates(8, 0.1, warmup=3, final=0.01).round(3))
    print("the library's, too:", np.allclose(cosine_rates(steps, 0.2), rates["cosine"]))

# %% [markdown]
# ## 6. A loop that does not get there
#
# Below is a whole training loop for one fully connected layer with the mean squared error: three inputs, two outputs,
# 160 rows. Its text says what it should do. It runs, no number is infinite, the loss falls. For a layer so small the
# lowest loss can also be solved for exactly, without any training, and the loop does not come near it:

# %%
def rows_to_fit(n=160):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((n, 3))
    return x, x @ rng.standard_normal((3, 2)) + 0.5 + 0.1 * rng.standard_normal((n, 2))


def losses_of(loop):
    """The loss over all rows after 0, 1, ... 8 epochs of a training loop."""
    (x, t), start = rows_to_fit(), (np.zeros((3, 2)), np.zeros(2))
    ends = [loop(x, t, *start, epochs, 16, lr=0.05, momentum=0.8, factor=0.7) for epochs in range(9)]
    return [((x @ w + b - t) ** 2).mean() for w, b in ends]


x, t = rows_to_fit()
x_and_ones = np.column_stack([x, np.ones(len(x))])
floor = ((x_and_ones @ np.linalg.lstsq(x_and_ones, t)[0] - t) ** 2).mean()
losses = losses_of(somebodys_loop)  # the loop of the next cell
print(f"after 8 epochs {losses[-1]:.2f}, the lowest that there is {floor:.4f}")
draw.epochs_against_floor({"the loop": losses}, floor)

# %% [markdown]
# ### Exercise 5: find the bug
# *Difficulty 2/5, about 15 minutes*
#
# One thing in this loop is not as its text says. Find it and mend it.
#
# <details><summary>Hint 1</summary>
#
# The loss falls well at first and then stands still, far above the floor. What keeps a loop from moving, while its
# gradient is not 0? Print what you suspect, once an epoch.
#
# </details>
# <details><summary>Hint 2</summary>
#
# How many batches does an epoch have here, and what is 0.7 to that power?
#
# </details>

# %% tags=["exercise"]
def train(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    """x: (N, D), t: (N, F) -> w (D, F), b (F,) after some epochs of SGD with momentum on the mean squared error.

    The first epoch has the rate lr; from epoch to epoch the rate is multiplied by `factor`.
    """
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
            lr = lr * factor
    return w, b


# %% tags=["solution"]
def train(x, t, w, b, epochs, batch_size, lr, momentum, factor):
    """x: (N, D), t: (N, F) -> w (D, F), b (F,) after some epochs of SGD with momentum on the mean squared error.

    The first epoch has the rate lr; from epoch to epoch the rate is multiplied by `factor`.
    """
    vw, vb = np.zeros_like(w), np.zeros_like(b)
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            few, true = x[start : start + batch_size], t[start : start + batch_size]
            dy = 2 * (few @ w + b - true) / true.size
            vw = momentum * vw + few.T @ dy
            vb = momentum * vb + dy.sum(axis=0)
            w = w - lr * vw
            b = b - lr * vb
        lr = lr * factor  # behind the loop over batches, not in it
    return w, b


# %% tags=["yours"]
check("08.loop", train)

# %% tags=["yours", "expected"]
draw.epochs_against_floor({"as it was": losses, "as it is now": losses_of(train)}, floor)

# %% [markdown]
# ## 7. An optimizer of your own
#
# ### Exercise 6: MySGD
# *Difficulty 3/5, about 15 minutes*
#
# `step()` moves every parameter of the model by your `sgd_step`. What it needs:
#
# - `self.model.parameters()` is a dictionary {name: Parameter}. Each has a `.value` and, after backward, a `.grad`. A
#   Parameter whose `.grad` is None has taken no part: leave it and its velocity alone.
# - Each Parameter has a velocity of its own, which begins at 0 and lives from step to step.
# - Keep `self.model` and `self.lr` under these names: `tc.fit` changes `optimizer.lr` while it trains.
#
# <details><summary>Hint 1</summary>
#
# A dictionary {name: velocity}, made in `__init__`, with `np.zeros_like(p.value)` for each parameter.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `p.value = ...` gives the parameter its new array. A local name, `w = ...`, changes nothing in the network.
#
# </details>

# %% tags=["exercise"]
class MySGD:
    """SGD with momentum and weight decay. lr may be changed from outside between two steps."""

    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        ...  # your code here

    def step(self):
        ...  # your code here


# %% tags=["solution"]
class MySGD:
    """SGD with momentum and weight decay. lr may be changed from outside between two steps."""

    def __init__(self, model, lr, momentum=0.0, weight_decay=0.0):
        self.model, self.lr, self.momentum, self.weight_decay = model, lr, momentum, weight_decay
        self.v = {name: np.zeros_like(p.value) for name, p in model.parameters().items()}

    def step(self):
        for name, p in self.model.parameters().items():
            if p.grad is not None:
                p.value, self.v[name] = sgd_step(p.value, p.grad, self.v[name], self.lr, self.momentum,
                                                 self.weight_decay)


# %% tags=["yours"]
check("08.sgd", MySGD)

# %% tags=["yours"]
keep("08", {"08.sgd_step": sgd_step, "08.batches": batches, "08.init": he_std, "08.cosine": cosine_rates,
            "08.loop": train, "08.sgd": MySGD})

# %% [markdown]
# Lesson 11 trains with what was kept here. First against the library: two networks with the same weights, the same
# batches, forty steps.

# %% tags=["yours", "expected"]
def forty_steps(Optimizer):
    model, loss, values = network(), tc.MultiTaskLoss(), []
    model.set_box_statistics(train_codes)
    optimizer = Optimizer(model, lr=0.02, momentum=0.9, weight_decay=5e-4)
    for step in range(40):
        few = np.arange(32 * step, 32 * step + 32) % count
        output, targets = model.forward(model.normalize(data.train.images[few])), model.standardize(train_codes[few])
        values.append(float(loss.forward(output, (data.train.labels[few], targets))))
        model.backward(*loss.backward())
        optimizer.step()
    return values


if check("08.sgd", MySGD):
    curves = {"MySGD": forty_steps(MySGD), "tinycnn.optim.SGD": forty_steps(tc.optim.SGD)}
    apart = np.abs(np.subtract(*curves.values()))
    print("in the first ten steps no two losses differ by more than 1e-5:", (apart[:10] < 1e-5).all())
    figure = loss_curves(curves)
else:
    figure = "first the optimizer"
figure

# %% [markdown]
# ## 8. Does momentum pay here?
#
# A fair question needs care. With momentum 0.9 steady steps are ten times as long, so at the *same* rate one would
# compare a long step with a short one. Each kind gets its own best rate; which one that is, the *validation* pictures
# say. Five seeds each (other first weights, other batches), a small network, three epochs. The *test* pictures are
# looked at once, at the end. What do you expect: is momentum no more than a longer step?

# %%
part = data.train.subset(slice(0, 1000))


def short_run(momentum, lr, seed):
    """(model, validation loss after three epochs), or infinity where the run broke."""
    model = network(seed, channels=(8, 16), hidden=64)
    try:
        history = tc.fit(model, part, data.valid, epochs=1 if FAST else 3, batch_size=32, seed=seed,
                         optimizer=tc.optim.SGD(model, lr=lr, momentum=momentum), schedule=tc.optim.constant(),
                         progress=False)
    except tc.errors.TrainingError:  # the loss became infinite
        return model, np.inf
    return model, history.rows[-1]["valid_loss"]


grids = {"no momentum": (0.0, (0.02, 0.05, 0.1, 0.2, 0.4)), "momentum 0.9": (0.9, (0.002, 0.005, 0.01, 0.02, 0.04))}
if FAST:
    grids = {kind: (momentum, rates_of[1:3]) for kind, (momentum, rates_of) in grids.items()}
seeds = range(2 if FAST else 5)
compared, joint, at_best = {}, {}, {}
for kind, (momentum, rates_of) in grids.items():
    runs = {lr: [short_run(momentum, lr, seed) for seed in seeds] for lr in rates_of}
    compared[kind] = {lr: [loss for _, loss in found] for lr, found in runs.items()}
    best = min(runs, key=lambda lr: np.mean(compared[kind][lr]))
    at_best[kind] = np.array(compared[kind][best])
    joint[kind] = np.array([tc.evaluate(model, data.test, data.train)["joint"] for model, _ in runs[best]])
    told = {"validation loss": at_best[kind], "test joint": joint[kind]}  # ± is the spread of the seeds
    print(f"{kind:12} best rate {best}:",
          ", ".join(f"{name} {a.mean():.3f} ± {a.std(ddof=1):.3f}" for name, a in told.items()))
gains = joint["momentum 0.9"] - joint["no momentum"]
print("joint with momentum minus without, seed by seed:", *(f"{gain:+.3f}" for gain in gains))
draw.rates_compared(compared, GUESS)

# %% [markdown]
# On the left each kind has the rates that it was given. On the right the rates with momentum are multiplied by ten, 1
# / (1 - 0.9), so that points above each other take equally long steady steps. For short steps, on the left of that
# picture, the two kinds do about the same: there, momentum *is* no more than a longer step. Without it, longer steps
# soon break; with it they still pay. What it buys is the larger rate, as in the valley. The validation losses of the
# two best rates lie further apart than the seeds do, and every seed gained on the test pictures.
#
# ## 9. Four pictures
#
# A loss curve alone says that something is wrong, and seldom what. Four pictures together say more, and none of them
# costs much. After each epoch a *copy* of the network takes one step under the microscope, `tc.trace`:
#
# 1. **The losses**, training and validation. Below the guess, falling, and not far apart.
# 2. **Update : weight.** How long is one step, compared with the weights themselves? (The norm of one divided by that
#    of the other.) About 0.001 is usual; the green band goes from 0.0003 to 0.01. At 0.00001 a weight needs a hundred
#    thousand steps to change; at 0.1 it is another one after ten.
# 3. **Outputs, layer by layer.** Their spread, before and after training. It should be about the same in all layers.
#    Below it, the share of *dead units*, which answer 0 to all of 64 pictures: no gradient comes back through them.
# 4. **Predictions against the truth**, on validation pictures: the center of the box from left to right. On the
#    diagonal is right. A horizontal line is the same answer to every picture.
#
# The first row is a healthy run. The other three have the same data and the same network, and one thing wrong with
# each. (Training pictures are shifted and mirrored, lesson 10, and validation pictures are not, so they are a little
# easier. "A guess" is meant for the training pictures.)
#
# **Predict first.** Three sicknesses: (a) the rate is too high, (b) the rate is too low, (c) the first weights are
# too small. Which patient has which? Two of the loss curves look alike; other columns tell them apart.

# %%
def watched_run(lr, scale=1.0, epochs=1 if FAST else 10):
    """Train a new network, its trunk's first weights multiplied by scale; returns what the four pictures draw."""
    model = network()
    weights = [name for name, p in model.parameters().items() if name.startswith("trunk") and p.value.ndim > 1]
    for name in weights:
        model.parameters()[name].value *= np.float32(scale)
    optimizer, traces, rows = tc.optim.SGD(model, lr=lr, momentum=0.9, weight_decay=5e-4), [], []

    def look_inside(row=None, model=model):
        some = data.train.subset(slice(0, 64))
        traces.append(tc.trace(model, some.images, some.labels, some.boxes, optimizer=optimizer))
        if row is not None:
            rows.append(row | {"boxes": model.predict(data.valid.images).boxes})

    look_inside()
    with contextlib.suppress(tc.errors.TrainingError), np.errstate(all="ignore"):  # a run may break: what was before it
        tc.fit(model, data.train, data.valid, epochs=epochs, batch_size=32, optimizer=optimizer,
               schedule=tc.optim.constant(), augment=tc.data.Augment(), on_epoch=look_inside,
               progress=False)  # Augment: lesson 10
    relus = [layer.name for layer in traces[0].layers if layer.kind == "ReLU()"]
    boxes = tc.boxes.encode(rows[-1]["boxes"], data.valid.sizes)
    return SimpleNamespace(
        train=[row["loss"] for row in rows], valid=[row["valid_loss"] for row in rows], joint=rows[-1]["valid_joint"],
        ratios={name.split(".")[1]: [seen.parameter(name).ratio for seen in traces[1:]] for name in weights},
        stds={name: [traces[at].layer(name).output.std for at in (0, -1)] for name in relus},
        dead={name: traces[-1].layer(name).dead / traces[-1].layer(name).units for name in relus},
        centers=(boxes[:, 0], tc.boxes.encode(data.valid.boxes, data.valid.sizes)[:, 0]), words=traces[-1].findings)


runs = {"healthy": watched_run(0.01), "patient A": watched_run(0.0002), "patient B": watched_run(0.12),
        "patient C": watched_run(0.01, scale=0.1)}

# %% tags=["picture"]
draw.four_pictures(runs, GUESS)

# %% [markdown]
# <details><summary>What happened</summary>
#
# **Patient A: (b), the rate is too low.** Outputs and dead units are as in the healthy row, but the steps are about a
# hundred times shorter. It does learn, and would need many times as long.
#
# **Patient B: (a), the rate is too high.** The loss jumps about below the guess. Picture 2 lies above the band, most
# of all in the first layer. Steps that were too long have pushed units to where they answer 0 to everything, and from
# there no gradient brings them back. In the end nearly all of the last layer is dead, and most boxes are the same.
# (So it went when this page was made. The rate is at the edge: with other rounding, on another machine, such a run may
# end in infinity instead, and then its row shows the last epoch before that.)
#
# **Patient C: (c), the first weights are too small,** a tenth of what they should be. The loss looks like that of
# patient A. But in picture 3 each layer makes the numbers about ten times smaller, and behind the last one there is
# hardly anything left to tell pictures apart by. Picture 2 shows a flat line at 0.00005. That is 0.01 · 0.0005 · 10,
# the rate times the weight decay times what momentum makes of it: the gradients have no part in it, only the decay
# moves the weights.
#
# </details>
#
# The last trace also says in words what it finds unusual. Its limits are wide: it has nothing to say about patient A.

# %%
for name, run in runs.items():
    print(f"{name}: training loss {run.train[-1]:.2f}, validation loss {run.valid[-1]:.2f}, joint {run.joint:.2f}")
    print(*(f"    {words}" for words in run.words or ["nothing unusual"]), sep="\n")

# %% [markdown]
# Take this order along for every run of your own: *is the loss below the guess? how long are the steps? does
# something arrive at every layer? does it answer differently to different pictures?*
#
# ## 10. For real
#
# Your optimizer in the library's training loop, with half a cosine, longer than the runs above. The test pictures are
# looked at once; [lesson 01](01_boxes.ipynb) explains the table.

# %% tags=["yours", "expected"]
if check("08.sgd", MySGD):
    yours = network()
    tc.fit(yours, data.train, data.valid, epochs=1 if FAST else 16, batch_size=32, augment=tc.data.Augment(),
           optimizer=MySGD(yours, lr=0.02, momentum=0.9, weight_decay=5e-4), progress=False)
    print(tc.metrics.comparison_table(tc.evaluate(yours, data.test, data.train)))

# %% [markdown]
# ## Read it in the library
#
# The step, and the schedule that `tc.fit` uses if it is not told otherwise:

# %%
read(tc.optim.SGD.update, tc.optim.cosine)

# %% [markdown]
# `update` is your `sgd_step`, written so that no new array is made: `v *= momentum`, `v += dw`, and `w -= ...` change
# the arrays where they are, and `scratch` is a place for the one product in between. For sixty million weights that
# matters. `dw` is only read. `cosine` counts progress from 0 to 1 instead of steps, and its warm-up begins at a
# thousandth instead of one part of the rise.
#
# And how picture 2 comes about: `trace` works on a copy, keeps the values of before, lets the optimizer take its
# step, and compares.

# %%
read(tc.trace)

# %% [markdown]
# ## Summary
#
# - A step: `g = dw + decay * w`, `v = momentum * v + g`, `w = w - lr * v`. Too high a rate climbs the hill, however
#   right the gradient is; the steepest direction decides.
# - Momentum adds up steady pulls, up to 1 / (1 - momentum) times, and cancels what goes to and fro.
# - The noise of a batch falls with the square root of its size. Every picture once an epoch, in a new order.
# - First weights with the spread sqrt(2 / inputs of one output) keep numbers alive through all layers.
# - High rate first, low rate last.
# - Four pictures: loss, update : weight, outputs layer by layer, predictions against the truth.
#
# ## Going on
#
# 1. *(2/5)* Start `ten_layers` with the rule without the 2, `scale=0.5**0.5`. What is left after ten layers? Compute
#    it before you run it.
# 2. *(3/5)* Adam divides every step by the typical size of that weight's gradients. Write `MyAdam` after the formula
#    in `tc.optim.Adam`, and walk it through the valley of section 2.
# 3. **Open task.** *(4/5)* Does a schedule pay? Compare a constant rate, steps and a cosine, each at its *own* best
#    rate, in the short runs of section 8. Measure the validation loss over five seeds and three or more rates each,
#    and make sure that no best rate is the first or the last of its row. You know it if the differences, seed by
#    seed, are mostly of one sign and larger than their spread; then, and once, look at the test pictures. If they are
#    not, that is a result, too: say how large a difference you could have seen.
#
# **Next:** lesson 09, [two heads and their losses](09_two_heads.ipynb).
