# %% [markdown]
# # Lesson 14: On the GPU
#
# *The same formulas on another machine, and why what moves decides how fast they are.*
#
# ![Two memories with a narrow way between them](picture)
#
# | | |
# |---|---|
# | **You will have** | functions that run on either, a loop that does not wait, and estimates of what a GPU gains |
# | **Reading** | 30 minutes |
# | **Exercises** | 5, about 80 minutes; all solved in [solutions](solutions/14_on_the_gpu.ipynb) |
# | **Computing** | a minute in all, and no GPU |
# | **Builds on** | lessons 03 and 06 for layers, 09 for the localizer; the box below repeats what is needed |
#
# **No GPU has run this lesson, and you need none.** So there are three kinds of numbers here, and each says which it
# is. *Counts* are exact: how many arrays move, how many operations there are. *Measured* is what was measured on the
# machine that ran this notebook. Everything about the speed of a GPU is *by formula*, with the assumed numbers
# printed. It tells a factor of a hundred from a factor of two; it does not replace a clock.

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import time
from collections import Counter

import numpy as np

import tinycnn as tc
from tinycnn import simulated
from tinycnn.backend import array_module, device_of, to_device, to_numpy
from tinycnn.bench import roofline, workloads
from tinycnn.course import FAST, check, keep, read
from tinycnn.course.compiled14 import col2im_in_c
from tinycnn.course.drawings import gpu as draw
from tinycnn.kernels import COL2IM
from tinycnn.layers import BatchNorm2d, Conv2d, Dropout, Flatten, Linear, ReLU, Sequential
from tinycnn.patches import col2im

# %% [markdown]
# > **Met before.** A *fully connected* layer is `y = x @ w + b`, with x (N, D), w (D, F) ([lesson
# > 03](03_fully_connected.ipynb)). A *convolution* copies every window of its input into a row (`im2col`) and does
# > the same with those rows; on the way back, `col2im` adds every row onto the pixels that it came from ([lesson
# > 06](06_convolution.ipynb)). The gradient of softmax cross-entropy is `(p - truth) / N`, where the
# > truth is 1 at the label and 0 elsewhere. A *localizer* is a trunk with a class head and a box head ([lesson
# > 09](09_two_heads.ipynb)).
#
# ## 1. Two memories
#
# A GPU, the *device*, has thousands of small processors and a memory of its own. The processor that runs Python, the
# *host*, has another one. Neither can read the other's. Between them lies a *bus*, which is narrower than both.
#
# [CuPy](https://cupy.dev) is NumPy for such a device: `cupy.exp`, `cupy.zeros`, `x @ w` have the names and the rules
# that you know, but its arrays lie over there. Here are our assumptions about a card of the middle class, as round
# numbers. If you have a card, put in its own.

# %% tags=["picture"]
CARD = {"bandwidth": 400e9,  # bytes a second, of its own memory
        "rate": 10e12,  # operations a second, a product and a sum being two
        "latency": 10e-6,  # seconds until a piece of work that Python asks for has begun
        "bus": 12e9}  # bytes a second between host and device
x = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
draw.two_memories(x, 2 * x, {"host": 20e9, "bus": CARD["bus"], "device": CARD["bandwidth"]})

# %% [markdown]
# (20 GB/s for a laptop's memory is assumed as well; in section 4 you measure yours.)
#
# This library has a device for machines without a GPU: `"simulated"`. It computes with NumPy, refuses what CuPy
# refuses, and counts what moves: *uploads* to the device, *downloads* from it.

# %%
with simulated.count() as transfers:
    there = to_device(x, "simulated")  # with a GPU: "cuda"
    total = (2 * there).sum()
    print(type(there).__module__, "holds it; the sum of the doubles is", float(total))
transfers

# %% [markdown]
# One upload of 6 · 4 = 24 bytes, one download of 4. The sum itself, an array without axes, stays over there until
# `float` asks for it. And the host had to *wait* for it: that is the third number, `synchronizations`. What is not
# moved on purpose is not moved at all (one exception: an index):

# %%
try:
    there + x
except tc.errors.DeviceError as error:
    print(error)

# %% [markdown]
# ## 2. One function for both
#
# So how does a layer run on either? It asks the array where it belongs. `array_module(x)` is the module numpy for a
# NumPy array, and cupy for one of CuPy's; everybody calls it `xp`:

# %%
def relu(x):
    xp = array_module(x)
    return xp.maximum(x, 0)


relu(x - 3), relu(there - 3)

# %% [markdown]
# The *data* decide, and there is no switch. What is created needs `xp`: `xp.zeros`, `xp.arange`, `xp.eye`. An array
# that NumPy creates lies on the host, and would meet a device array sooner or later.
#
# ### Exercise 1: one function for both
# *Difficulty 2/5, about 15 minutes*
#
# The gradient of the mean softmax cross-entropy, for arrays on the host and for arrays on the device. The check calls
# it with both, and counts: nothing is to move.
#
# <details><summary>Hint 1</summary>
#
# `p` is `exp(scores - the row's largest)`, divided by its sum over the row. Then 1 is subtracted at each row's label,
# and all of it divided by N.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `p[rows, labels] -= 1` with `rows` = 0, 1, 2 ... N - 1. Where should `rows` lie?
#
# </details>

# %% tags=["exercise"]
def score_gradient(scores, labels):
    """scores: (N, K); labels: (N,), both on one device -> dscores: (N, K), on the same device."""
    ...  # your code here


# %% tags=["solution"]
def score_gradient(scores, labels):
    """scores: (N, K); labels: (N,), both on one device -> dscores: (N, K), on the same device."""
    xp = array_module(scores)
    e = xp.exp(scores - scores.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[xp.arange(len(p)), labels] -= 1
    return p / len(p)


# %% tags=["yours"]
check("14.gradient", score_gradient)

# %% tags=["yours", "expected"]
if check("14.gradient", score_gradient):
    scores, labels = np.array([[2.0, 0, 0], [0, 1, 1]]), np.array([0, 1])
    here = np.asarray(score_gradient(scores, labels))
    answer = score_gradient(to_device(scores, "simulated"), to_device(labels, "simulated"))
    print(here.round(3).tolist(), "on", device_of(here))
    print(to_numpy(answer).round(3).tolist(), "on", device_of(answer))

# %% [markdown]
# ## 3. Who waits for whom
#
# The host does not compute on the device; it *asks*. Each array operation is a piece of work, a *kernel*, that is put
# into the device's queue: a *launch*. (Not the kernel of a convolution. The field uses the word for both.) A launch
# takes the host some microseconds, however small the array is; then Python goes on at once, while the device works
# through its queue. So for a while both are busy, as long as nobody asks for a result.
#
# `float(loss)` asks. The host waits until the queue is empty, and then the device waits until the host has filled it
# again. The host has other things to do as well: it prepares the next batch. Say that this takes 60 microseconds,
# that a step is ten kernels of 20 microseconds each, and that a launch takes 10:

# %%
def timeline(steps, kernels, work, launch, prepare, ask):
    """What host and device do, as (start, end, what). ask: is the loss asked for after each step?"""
    host, device, now, free = [], [], 0.0, 0.0  # free: when the device will have done all that was asked
    for step in range(steps):
        host.append((now, now + prepare, "prepare"))
        now += prepare
        for _ in range(kernels):
            host.append((now, now + launch, "launch"))
            now += launch
            device.append((max(now, free), max(now, free) + work, step))
            free = max(now, free) + work
        if ask or step == steps - 1:
            host.append((now, free, "wait"))
            now = free
    return host, device


draw.timelines({"float(loss) in each step": timeline(3, 10, 20e-6, CARD["latency"], 60e-6, ask=True),
                "asked once, at the end": timeline(3, 10, 20e-6, CARD["latency"], 60e-6, ask=False)})

# %% [markdown]
# Above, the device has nothing to do while the next batch is prepared. Below, the queue is full by then, and but for
# the beginning there is no gap. (With kernels of 2 microseconds instead of 20 the device starves in both: then the
# host is too slow to fill the queue, and only fewer, larger kernels help.)
#
# ### Exercise 2: find the bug
# *Difficulty 2/5, about 15 minutes*
#
# This loop fits a linear layer to targets by gradient descent. Its numbers are right, on any device, and yet it may
# well be slower on a GPU than on a laptop. `w` says where to compute. What moves in each step that need not, and what
# makes the host wait? In the end `w` stays where it is, and all losses come down together, as one NumPy array. The
# arrays that were handed in are not changed.
#
# <details><summary>Hint 1</summary>
#
# Run it with `w` on the simulated device inside `with simulated.count() as transfers:`, for 10 steps and for 20.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A list may hold arrays of the device. `xp.stack(losses)` makes one array of them, over there.
#
# </details>

# %% tags=["exercise"]
def train(w, x, t, steps, rate):
    """w: (D, F), anywhere; x: (N, D), t: (N, F), on the host -> w after the steps, there; losses (steps,), here."""
    losses = []
    for _ in range(steps):
        x_there, t_there = to_device(x, device_of(w)), to_device(t, device_of(w))
        difference = x_there @ w - t_there
        loss = (difference * difference).mean()
        losses.append(float(loss))
        w = w - rate * 2 / t.size * x_there.T @ difference
    return w, np.array(losses)


# %% tags=["solution"]
def train(w, x, t, steps, rate):
    """w: (D, F), anywhere; x: (N, D), t: (N, F), on the host -> w after the steps, there; losses (steps,), here."""
    losses = []
    x_there, t_there = to_device(x, device_of(w)), to_device(t, device_of(w))  # up once
    for _ in range(steps):
        difference = x_there @ w - t_there
        losses.append((difference * difference).mean())  # it stays there, and nobody waits
        w = w - rate * 2 / t.size * x_there.T @ difference
    return w, to_numpy(array_module(w).stack(losses))


# %% tags=["yours"]
check("14.train", train)

# %% tags=["yours", "expected"]
if check("14.train", train):
    rng = np.random.default_rng(0)
    w, x, t = (rng.standard_normal(shape) for shape in ((3, 2), (50, 3), (50, 2)))
    for steps in (10, 20):
        with simulated.count() as transfers:
            train(to_device(w, "simulated"), x, t, steps, 0.1)
        print(f"{steps} steps: {transfers.uploads} uploads, {transfers.downloads} downloads")

# %% [markdown]
# (One of the three uploads is `w` itself.)
#
# **A whole training step.** The simulated device counts launches as well. Here is one step of a small localizer,
# layer by layer. (Each call that computes counts as one; CuPy needs more than one for some of them.)

# %%
model = tc.models.localizer(num_classes=10, image_size=32, channels=(16, 32), hidden=128, seed=0).to("simulated")
rng, optimizer = np.random.default_rng(0), tc.optim.SGD(model, lr=0.01, momentum=0.9)
pixels = rng.standard_normal((8, 32, 32, 3)).astype(np.float32)
labels, targets = rng.integers(0, 10, 8), rng.standard_normal((8, 4)).astype(np.float32)


def one_step():
    """A training step, layer by layer -> {part: how many launches it made, forward, backward and update}."""
    counts = {}

    def counted(part, kind, function, *arguments):
        with simulated.launches() as found:
            result = function(*arguments)
        counts.setdefault(part, Counter())[kind] = found.total()
        return result

    x, trunk = to_device(pixels, "simulated"), {}
    for name, layer in model.trunk.children().items():
        trunk[name] = Sequential(layer)  # a network of one layer
        x = counted(name, "forward", trunk[name].forward, x)
    heads = {"class head": model.class_head, "box head": model.box_head}
    outputs = tuple(counted(name, "forward", head.forward, x) for name, head in heads.items())
    loss, there = tc.MultiTaskLoss(), to_device(targets, "simulated")
    counted("loss", "forward", loss.forward, outputs, (labels, there))
    gradients = counted("loss", "backward", loss.backward)
    dx, dx2 = (counted(name, "backward", head.backward, dy)
               for (name, head), dy in zip(heads.items(), gradients, strict=True))
    dx = counted("sum of both dx", "backward", np.add, dx, dx2)
    first, *others = trunk
    for name in reversed(others):
        dx = counted(name, "backward", trunk[name].backward, dx)
    counted(first, "backward", trunk[first].backward, dx, False)  # nobody needs the gradient of the pixels
    counted("optimizer", "update", optimizer.step)
    return counts


with simulated.count() as transfers:
    counts = one_step()
print(transfers)
for name, found in (("first", counts), ("second", one_step())):
    launches = sum(part.total() for part in found.values())
    print(f"{name} step: {launches} launches, by formula {1e3 * launches * CARD['latency']:.1f} ms, whatever happens")
draw.launches(counts)

# %% [markdown]
# Three uploads, pixels, labels and targets, and no download: the library's loop looks at its losses every 50 steps, and
# at the end of an epoch. `flatten` launches nothing, since it only looks at the same memory in another shape. The loss
# handles a few hundred numbers, and launches more than three times as often as a convolution. (`conv1` has fewer than
# `conv2`: nobody needs the gradient of the pixels.) And the optimizer launches most of all: five small operations for
# each of ten parameters, half of which are biases. One of the five makes the velocities, and so it is missing in the
# second step. None of this depends on the batch. That is why a GPU wants large ones.
#
# ## 4. Bytes against operations
#
# How long does a kernel take? It has to fetch its inputs and store its outputs: *bytes*. It has to compute:
# *operations*. A device does both at once, so the longer one decides. And before that stands the launch.
#
# $$\text{seconds} = \max\left(\frac{\text{bytes}}{\text{bandwidth}},\ \frac{\text{operations}}{\text{rate}}\right) +
# \text{latency}$$
#
# This is called the *roofline* model. By hand, for the card above: adding 1000 numbers of 4 bytes to 1000 others
# moves 12,000 bytes, which takes 0.03 microseconds, and computes 1000 sums, 0.0001 microseconds. The launch takes 10.
# For a million numbers these are 30 and 0.1 microseconds: now bytes are what limits, and always will be. The product
# of two matrices of 2000 x 2000 moves 48 million bytes, 120 microseconds, but has 16 billion operations, 1600
# microseconds.
#
# ### Exercise 3: seconds by formula
# *Difficulty 2/5, about 15 minutes*
#
# For each kernel: its seconds, and which of the three is the longest: 0 for the launch, 1 for bytes, 2 for
# operations.
#
# <details><summary>Hint</summary>
#
# `np.argmax` of three rows along `axis=0` says for each column which row is largest.
#
# </details>

# %% tags=["exercise"]
def estimate(kernels, bandwidth, rate, latency):
    """kernels: (M, 2), bytes and operations of each -> seconds (M,), limit (M,): 0 launch, 1 bytes, 2 operations."""
    ...  # your code here


# %% tags=["solution"]
def estimate(kernels, bandwidth, rate, latency):
    """kernels: (M, 2), bytes and operations of each -> seconds (M,), limit (M,): 0 launch, 1 bytes, 2 operations."""
    moving, computing = kernels[:, 0] / bandwidth, kernels[:, 1] / rate
    launching = np.full(len(kernels), latency)
    return np.maximum(moving, computing) + latency, np.argmax([launching, moving, computing], axis=0)


# %% tags=["yours"]
check("14.estimate", estimate)

# %% tags=["yours", "expected"]
card = {name: CARD[name] for name in ("bandwidth", "rate", "latency")}
if check("14.estimate", estimate):
    seconds, limit = estimate(np.array([[12e3, 1e3], [12e6, 1e6], [48e6, 16e9]]), **card)
    names = "1000 sums", "a million sums", "a product of 2000 x 2000"
    for name, s, which in zip(names, seconds, limit, strict=True):
        print(f"{name:25} {1e6 * s:7.1f} microseconds, limited by {('the launch', 'bytes', 'operations')[int(which)]}")

# %% [markdown]
# Your own machine has a roofline, too, and that one can be *measured*: the rate by a product of matrices, the
# bandwidth by a copy, the latency by a sum of two numbers in arrays. (The best of several tries: other programs only
# make it slower.)

# %%
def best(function, tries=5):
    """Seconds of the fastest of several calls."""
    seconds = []
    for _ in range(tries):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


side, one = (512 if FAST else 1500), np.ones(1, np.float32)
square, source = np.ones((side, side), np.float32), np.ones(2**22 if FAST else 2**24, np.float32)
target = np.empty_like(source)
HERE = {"bandwidth": 2 * source.nbytes / best(lambda: np.copyto(target, source)),  # read once, written once
        "rate": 2 * side**3 / best(lambda: square @ square), "latency": best(lambda: one + one, 1000)}
print(f"measured here: {HERE['bandwidth'] / 1e9:.0f} GB/s, {HERE['rate'] / 1e9:.0f} billion operations a second, "
      f"{1e6 * HERE['latency']:.1f} microseconds for a call")
print(f"assumed of the card: {CARD['bandwidth'] / 1e9:.0f} GB/s, {CARD['rate'] / 1e9:,.0f} billion operations a "
      f"second, {1e6 * CARD['latency']:.0f} microseconds for a launch")

# %% [markdown]
# Now layers. What the kernels of a layer move and compute follows from its shapes:

# %%
def kernels_of(layer, shape, n):
    """(M, 2): bytes and operations of each kernel of a forward, for a batch of n inputs of `shape`, in float32."""
    y, products = n * np.prod(layer.output_shape(shape)), n * layer.multiply_adds(shape)
    x, w, f = n * np.prod(shape), layer.w.value.size, layer.b.value.size
    rows = []
    if isinstance(layer, Conv2d):
        cols = y // f * (w // f)  # the patches: a row of KH * KW * C numbers for each window
        rows.append((x + cols, 0))  # im2col reads the pictures, and writes the patches
        x = cols
    rows += [(x + w + y, 2 * products), (y + f + y, y)]  # the product; the bias, added to y where it lies
    return np.array(rows, float) * [4, 1]


LAYERS = {"class head, Linear(128, 10)": (Linear(128, 10), (128,)),
          "Conv2d(3, 32, 3), 64 x 64": (Conv2d(3, 32, 3, padding=1), (64, 64, 3)),
          "fc6 of AlexNet, Linear(9216, 4096)": (Linear(9216, 4096), (9216,))}
for title, (layer, shape) in LAYERS.items():
    x = simulated.xp.zeros((2, *shape), "float32")
    with simulated.launches() as found:
        layer.to("simulated").forward(x)
    layer.to("cpu")
    print(f"{title}: {dict(found)}, and {len(kernels_of(layer, shape, 2))} kernels in the formula")

# %% [markdown]
# **Predict first.** Weights and input lie on the card already. For the smallest of the three layers, the class head
# with its 1280 weights: from which batch on does the card take less time than your machine?
#
# - a) From 1: a GPU is faster.
# - b) From about 5.
# - c) From dozens to thousands, depending on your machine.

# %% tags=["yours", "expected"]
def panel(layer, size):
    """Seconds over batches, by formula; and measured here where that takes no time to speak of."""
    batches = np.unique(np.logspace(0, 3.5, 60).astype(int))
    kernels = [kernels_of(layer, size, n) for n in batches]
    here, there = (np.array([np.sum(estimate(k, **machine)[0]) for k in kernels]) for machine in (HERE, card))
    moving = 4 * batches * (np.prod(size) + np.prod(layer.output_shape(size))) / CARD["bus"] + 2 * CARD["latency"]
    inputs = {n: np.zeros((n, *size), np.float32) for n in (1, 8, 64, 512)
              if n * layer.multiply_adds(size) < 4e8}
    measured = {n: best(lambda batch=batch: layer.forward(batch), 30 if n < 64 else 3) for n, batch in inputs.items()}
    sooner = batches[there < here]
    return {"batches": batches, "here": here, "card": there, "moved": there + moving, "measured": measured,
            "pays": int(sooner[0]) if len(sooner) else None}


if check("14.estimate", estimate):
    figure = draw.where_it_pays({title: panel(*layer) for title, layer in LAYERS.items()})
else:
    figure = "first exercise 3"
figure

# %% [markdown]
# <details><summary>What happened</summary>
#
# It is c). Two launches of 10 microseconds are a floor that no batch gets below, and in 20 microseconds a slow
# processor has done this layer for dozens of rows, and a quick one for about a thousand. The line of the card is flat
# for most of the panel: its time does not depend on the batch, since it is launches and nothing else.
#
# The two large layers are the other way round: the card is sooner from the first picture, or the first few, on. `fc6`
# shows why at a batch of 1: it reads 151 million bytes of weights, and uses each of them once. Bytes limit it on both
# machines, so the ratio is that of the bandwidths. With larger batches each weight is used N times, and it becomes
# that of the operations.
#
# </details>
#
# The line of dashes and dots is the same layer where x comes from the host and y goes back. For the convolution that
# costs several times as much as the layer itself: y has eleven times as many numbers as x, and all of them come down.
# What stays on the device is cheap, and what is carried to and fro is not. So one moves a *whole network*, once.
#
# The dots are measured, and on your machine, not on the card. See how far they are from the line: the formula leaves
# out memory that has to be found first, caches, which keep a small layer's numbers near the processor, matrices with
# few rows or columns, which are multiplied at less than the full rate, and other programs that run besides. Expect no
# better of it on a card. It is good for the question whether a card gains tens of times, or nothing.
#
# A whole training step in one figure: a *roofline* (Williams, Waterman and Patterson 2009). To the right, how many
# operations a layer does for each byte that must move; upward, how many it does in a second. Where bytes are the limit
# the roof rises, where operations are it is flat, and the corner says how many operations a byte has to be good for
# before your machine's arithmetic is busy. The library measures it: `tinycnn bench A --roofline`.

# %%
(job,) = workloads.choose(["A"])  # 64 pictures of 64 x 64 through four convolutions and two heads, and the way back
layers = roofline.roofline(job, HERE["rate"] / 1e9, repeats=1 if FAST else 9)
print(f"a step takes {1e3 * layers['step_seconds']:.0f} ms; were every layer at its limit, "
      f"{1e3 * layers['ideal_seconds']:.0f} ms")
roofline.figure(layers, "A training step under the roof of this machine")

# %% [markdown]
# A dot above the roof is no error: operations are counted by the formula, and some convolutions are done with fewer
# (Winograd's). A dot below the flat part does other things than multiply: it copies patches, or waits. Under the slope
# stand the small layers, the heads, whose weights are fetched for few numbers. On a card the roof is higher and its
# corner lies elsewhere, and the dots stay where they are from left to right: that is the formula's.
#
# ## 5. A kernel, line by line
#
# Most of the library runs on a GPU as it stands. Four loops are written out in C,
# [tinycnn/kernels.py](../tinycnn/kernels.py). One of them is `col2im`. On the host it is a loop that *scatters*: each
# window adds its numbers onto pixels. Thousands of threads cannot do that at once: two of them read the same pixel,
# add, and write, and one sum is lost. So the kernel turns it around: one thread for each *pixel*, which *gathers*
# from the windows that it lies in. Nobody else writes that pixel.

# %%
cols = np.arange(1.0, 37).reshape(1, 2, 2, 3, 3, 1)  # four windows of 3 x 3 from a picture of 4 x 4
dx = col2im(cols.reshape(1, 2, 2, 9), (1, 4, 4, 1), (3, 3))
draw.one_thread(cols[0, ..., 0], (4, 4), (1, 2), dx[0, 1, 2, 0])

# %% [markdown]
# ### Exercise 4: one thread
# *Difficulty 3/5, about 25 minutes*
#
# What does one thread do? `at` says which number of x it has to find. The check calls your function for every pixel,
# in a random order.
#
# <details><summary>Hint 1</summary>
#
# In the padded picture your pixel lies in row `row + padding`. It is place `p` of a window that begins in row `row +
# padding - p`. Go through all `p` and `q`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Windows begin at rows 0, `stride`, 2 · `stride` ..., and there are OH of them. Three things can be wrong with a
# beginning: it is negative, it lies between two windows, or it lies behind the last.
#
# </details>

# %% tags=["exercise"]
def pixel(at, cols, stride, padding):
    """at: (n, row, column, c) in x; cols: (N, OH, OW, KH, KW, C) -> the number x[at], without writing anything."""
    ...  # your code here


# %% tags=["solution"]
def pixel(at, cols, stride, padding):
    """at: (n, row, column, c) in x; cols: (N, OH, OW, KH, KW, C) -> the number x[at], without writing anything."""
    (n, row, column, c), (_, oh, ow, kh, kw, _) = at, cols.shape
    total = 0.0
    for p in range(kh):
        i, between = divmod(row + padding - p, stride)
        if between or not 0 <= i < oh:
            continue
        for q in range(kw):
            j, between = divmod(column + padding - q, stride)
            if not between and 0 <= j < ow:
                total += cols[n, i, j, p, q, c]
    return total


# %% tags=["yours"]
check("14.pixel", pixel)

# %% [markdown]
# And here is the library's own. Read it beside yours:

# %%
print(COL2IM.body)

# %% [markdown]
# `_ind.get()` is `at`. `sh` and `sw` are the strides, `ph` and `pw` the padding, `dh` and `dw` the distance between
# the places of a window, 1 here. `oh * sh != row - p * dh` asks for the rest of the division; `p * dh <= row` in the
# loop's head keeps it from becoming negative. The last line is the only one that writes, and `x` is one number.
#
# Where there is a C compiler, this very text can run without a GPU: compiled for your processor, called once for each
# pixel. The order of the calls is drawn by lot, as if it were the order in which threads come to their turn.

# %% tags=["yours", "expected"]
rng = np.random.default_rng(0)
shape, order = (2, 7, 5, 3), np.random.default_rng(1).permutation(2 * 7 * 5 * 3)
cols = rng.standard_normal((2, 4, 3, 3, 3, 3))
plain = col2im(cols.reshape(2, 4, 3, 27), shape, (3, 3), (2, 2), (1, 1))
if check("14.pixel", pixel):
    threads = np.array([pixel(at, cols, 2, 1) for at in np.ndindex(shape)]).reshape(shape)
    print(f"your threads and NumPy's loop differ by at most {abs(threads - plain).max():.0e}")
compiled = col2im_in_c(cols, shape, 2, 1, order)
print("no C compiler here, and none is needed" if compiled is None else
      f"the compiled kernel and NumPy's loop differ by at most {abs(compiled - plain).max():.0e}")

# %% [markdown]
# The kernel does not even differ by rounding, since it adds the same numbers in the same order as NumPy's loop. If
# numbers were added in the order in which threads happen to come, two runs of one program would differ in their last
# digits, and no run could be repeated.
#
# ## 6. Many machines
#
# When one GPU is not enough, the batch is shared out. Each machine has the whole network and a part of the pictures;
# each computes a gradient; the gradients are averaged, and all take the same step. So all keep the same weights. By
# hand: two machines with 3 and 1 pictures, a loss whose gradients of the single pictures are 1, 1, 1 and 9. The
# gradient of the batch is their mean, 3. The machines find 1 and 9.
#
# ### Exercise 5: one gradient out of many
# *Difficulty 1/5, about 10 minutes*
#
# <details><summary>Hint</summary>
#
# The mean of 1 and 9 is 5. How do you get 3 out of 1, 9, and the numbers of pictures?
#
# </details>

# %% tags=["exercise"]
def average(gradients, counts):
    """gradients: (M, ...), of the mean loss of each machine; counts: (M,) pictures -> that of all pictures, (...)."""
    ...  # your code here


# %% tags=["solution"]
def average(gradients, counts):
    """gradients: (M, ...), of the mean loss of each machine; counts: (M,) pictures -> that of all pictures, (...)."""
    return np.tensordot(counts / counts.sum(), gradients, axes=1)


# %% tags=["yours"]
check("14.average", average)

# %% [markdown]
# Four machines, simulated one after the other, and 32 pictures in float64. The same batch in one piece, in equal
# shares, in unequal ones; and then with layers for which it does not hold:

# %% tags=["yours", "expected"]
def gradient_of(layers, rows, x, labels):
    """The gradient of all weights, as one long row, for some of the pictures."""
    net, loss = Sequential(*layers()).astype("float64"), tc.SoftmaxCrossEntropy()
    loss.forward(net.forward(x[rows]), labels[rows])
    net.backward(loss.backward())
    return np.concatenate([parameter.grad.ravel() for parameter in net.parameters().values()])


KINDS = {"convolution and linear": lambda: [Conv2d(3, 8, 3), ReLU(), Flatten(), Linear(800, 10)],
         "with dropout": lambda: [Conv2d(3, 8, 3), ReLU(), Flatten(), Dropout(0.5), Linear(800, 10)],
         "with batch normalization": lambda: [Conv2d(3, 8, 3), BatchNorm2d(8), ReLU(), Flatten(), Linear(800, 10)]}
SHARES = {"8 8 8 8": [8, 8, 8, 8], "17 9 4 2": [17, 9, 4, 2]}
if check("14.average", average):
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((32, 12, 12, 3)), rng.integers(0, 10, 32)
    print(f"{'how far from the gradient of the whole batch':45} weighted  plain mean")
    for kind, layers in KINDS.items():
        whole = gradient_of(layers, slice(None), x, labels)
        for name, sizes in SHARES.items():
            parts = np.split(np.arange(32), np.cumsum(sizes)[:-1])
            found = np.array([gradient_of(layers, rows, x, labels) for rows in parts])
            far = [np.linalg.norm(one - whole) / np.linalg.norm(whole)
                   for one in (average(found, np.array(sizes)), found.mean(axis=0))]
            print(f"{kind:26} shares {name:11} {far[0]:8.0e}  {far[1]:10.0e}")

# %% [markdown]
# - *Equal shares:* the mean of means is the mean, to rounding.
# - *Unequal shares:* only if weighted. The last batch of an epoch is rarely a multiple of the number of machines.
# - *Dropout:* the masks fall otherwise on four machines than on one. It is another draw of the same thing: not wrong,
#   but nobody can check it digit by digit.
# - *Batch normalization:* mean and variance are those of each share, not of the batch. That is another function. (What
#   helps is to average these statistics as well, in each forward.)
#
# Does a mean of means matter? It trains as well, and nothing complains. But with 17, 9, 4 and 2 pictures each of the
# last two counts 1/8 of everything, and each of the first 17 counts 1/68. So a few pictures decide, and the gradient
# of a batch is further from that of all pictures ([lesson 08](08_training.ipynb) on the noise of batches). How much
# further? Here are the gradients of 400 scenes, each by itself, and of many batches made of them:

# %% tags=["yours", "expected"]
def small():
    return [Conv2d(3, 8, 5, stride=2), ReLU(), Flatten(), Linear(1568, 10)]


if check("14.average", average):
    scenes = tc.data.scenes(n=50 if FAST else 400, image_size=32, valid=0, test=0, seed=0).train
    x, rng = (scenes.images.astype(float) - 127.5) / 64, np.random.default_rng(0)
    each = np.array([gradient_of(small, [i], x, scenes.labels) for i in range(len(x))])  # (pictures, weights)
    whole, sizes = each.mean(axis=0), np.array([17, 9, 4, 2])
    far = {"all 32 on\none machine": [], "17, 9, 4, 2\nweighted": [], "17, 9, 4, 2\nplain mean": [],
           "17 on\none machine": []}
    for _ in range(30 if FAST else 300):
        batch = each[rng.integers(0, len(x), 32)]
        found = np.array([share.mean(axis=0) for share in np.split(batch, np.cumsum(sizes)[:-1])])
        ways = batch.mean(axis=0), average(found, sizes), found.mean(axis=0), found[0]
        for distances, way in zip(far.values(), ways, strict=True):
            distances.append(np.linalg.norm(way - whole) / np.linalg.norm(whole))
    figure = draw.noise_of_ways(far)
else:
    figure = "first exercise 5"
figure

# %% [markdown]
# Weighted, four machines are one machine. With the plain mean, 32 pictures on four machines are as noisy as 17 on
# one: nearly half of the work is lost. (The squares of all 32 weights sum up to 1/17.4. With equal weights it would
# be 1/32.)
#
# **What it costs.** After each step every machine needs the sum of all gradients. If all send theirs to one, that one
# receives n - 1 gradients and sends n - 1. In a *ring* each gradient is cut into n pieces; in each round every
# machine sends one piece to its right-hand neighbor. After n - 1 rounds each has one piece that is summed up; n - 1
# rounds more, and all have all of them. So each machine sends 2 (n - 1) / n of a gradient, less than two, however
# many machines there are:

# %%
def ring(gradients):
    """gradients: (n, n * piece), a row each machine -> what each has in the end, and how many numbers it has sent."""
    n, sent = len(gradients), 0
    pieces = gradients.reshape(n, n, -1).copy()  # machine, piece, numbers
    for turn in range(2 * (n - 1)):
        there = [(machine, (machine - turn) % n) for machine in range(n)]  # which piece each sends now
        sending = [pieces[at].copy() for at in there]  # all at once
        for (machine, piece), numbers in zip(there, sending, strict=True):
            right = (machine + 1) % n
            pieces[right, piece] = pieces[right, piece] + numbers if turn < n - 1 else numbers
        sent += sending[0].size
    return pieces.reshape(gradients.shape), sent


gradients = np.random.default_rng(0).integers(0, 9, (4, 12)).astype(float)
found, sent = ring(gradients)
print("all have the sum:", (found == gradients.sum(axis=0)).all(), f"    each has sent {sent} numbers for 12")

# %% [markdown]
# AlexNet with 128 pictures on each machine ([lesson 11](11_alexnet.ipynb)), by formula. Forward and backward multiply
# about three times 0.72 billion times for a picture, a product and a sum each; the card computes, and then the ring
# sends, over a network of 10 Gbit/s as between ordinary computers, or over links of 100 GB/s as between the GPUs of
# one machine:

# %%
alexnet = tc.models.alexnet_localizer(num_classes=1000, seed=0)
numbers = sum(parameter.value.size for parameter in alexnet.parameters().values())
multiplications = alexnet.trunk.multiply_adds((227, 227, 3)) + 4096 * 1004
computing = 128 * 3 * 2 * multiplications / CARD["rate"]
print(f"{numbers:,} parameters, a gradient of {4e-6 * numbers:.0f} MB; a step computes {1e3 * computing:.0f} ms")
print("machines  each sends  10 Gbit/s: a step takes, as fast as   100 GB/s: a step takes, as fast as")
for n in (1, 2, 8, 64):
    sends, words = 2 * (n - 1) / n * 4 * numbers, []
    for speed in (1.25e9, 100e9):
        step = computing + sends / speed
        words.append(f"{1e3 * step:15.0f} ms {n * computing / step:10.1f}")
    print(f"{n:8} {1e-6 * sends:8.0f} MB {words[0]}            {words[1]}")

# %% [markdown]
# "As fast as" is the number of machines without any sending that would do the same work. Over the slow network eight
# machines are little better than one: 427 million bytes are sent for 56 milliseconds of computing, and 96 % of them
# belong to the fully connected layers, which do 8 % of the work. Again it is what moves that decides. (Real programs
# send a layer's gradient while that of the next is computed, and hide a part of it.)
#
# **In the library** it is `mpirun -n 4 tinycnn train`, and nothing has to be weighted there. Each process computes the
# scores and boxes of its own pictures; these few numbers are put together first, and all of them compute the loss of
# the whole batch. So the gradients that they send down their networks are shares of one mean, and are simply added up.
# Each also draws the dropout masks of the whole batch and uses its own rows, so the losses can be checked against those
# of one process after all: they are the same to rounding. Batch normalization is not.
#
# ## 7. Keep it

# %% tags=["yours"]
keep("14", {"14.gradient": score_gradient, "14.train": train, "14.estimate": estimate, "14.pixel": pixel,
            "14.average": average})

# %% [markdown]
# ## Read it in the library
#
# Your first exercise is `SoftmaxCrossEntropy`. The labels come from the host there, where they are checked, and are
# moved once, in forward; `xp.arange(n)` is made where the scores lie. `backward` finds everything in place.

# %%
read(tc.SoftmaxCrossEntropy.forward, tc.SoftmaxCrossEntropy.backward)

# %% [markdown]
# And this is where host memory goes to a GPU, the only place in the library:

# %%
read(tc.backend.to_device, tc.backend.to_numpy, tc.backend.array_module)

# %% [markdown]
# If you have a GPU: `pip install 'cupy-cuda12x>=14,<15'`, then `model.to("cuda")` or `tc.fit(..., device="cuda")`.
# What has been checked without one, and what could not be, is in [tests/README.md](../tests/README.md).
#
# ## Summary
#
# - Two memories. What crosses the bus is moved on purpose, once: `to_device`, `to_numpy`.
# - The array decides: `xp = array_module(x)`. What is created is created where the others lie.
# - The host asks, the device works. `float`, `if` and `print` make the host wait; keep losses where they are.
# - A kernel takes a launch, and then the longer of bytes / bandwidth and operations / rate. Small layers are
#   launches, large layers with small batches are bytes, large batches are operations.
# - A kernel for a GPU gathers: one thread, one number, nobody else writes it.
# - Many machines: weight by pictures. A ring sends less than two gradients, and that may still be too much.
#
# ## Going on
#
# 1. *(2/5)* Put 50, 10 and 2 microseconds of work into `timeline`. When does asking for the loss cost most?
# 2. *(3/5)* The optimizer launches most. Which launches would be left if all parameters lay one after the other in
#    one long array? Write such a step of SGD, and count.
# 3. **Open task.** *(4/5)* Does the formula hold where you can measure? Time `forward` of five layers of your choice
#    at five batches each, ten times, on your machine, and compare with `estimate`. You are done when you can say by
#    what factor it is off, with the spread, for which kind of kernel most, and what a better formula would have to
#    count. If you have a GPU, do the same there: these would be the first measured numbers of this lesson. (Call
#    `tc.backend.synchronize` before you read the clock. Why?)
#
# **Next:** [lesson 15](15_your_own_pictures.ipynb), your own pictures.
