# %% [markdown]
# # Lesson 11: AlexNet at true size
#
# *Sixty million parameters, layer by layer, and all of them your own.*
#
# ![AlexNet as a row of blocks: what every layer gives](picture)
#
# | | |
# |---|---|
# | **You will have** | AlexNet with two heads, made of layers that you have written, and trained a step |
# | **Reading** | 30 minutes |
# | **Exercises** | 5, about 75 minutes; solved in [solutions/11_alexnet.ipynb](solutions/11_alexnet.ipynb) |
# | **Computing** | about two minutes in all, and 2 GB of memory |
# | **Builds on** | lessons 06 and 09; your own layers of lessons 03 to 08, if you have them |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import numpy as np

import tinycnn as tc
from tinycnn.course import FAST, check, keep, mine, read
from tinycnn.course.alexnet11 import FULL, LIBRARY, NARROW, Groups, alexnet, start_as_in_2012
from tinycnn.course.by_slopes import ask_the_library
from tinycnn.course.drawings import alexnet as draw
from tinycnn.course.drawings import convolution as draw_windows
from tinycnn.layers import Layer, LocalResponseNorm

# %% [markdown]
# > **Met before.** A *convolution* has F filters of `kernel` x `kernel` x C weights and a bias each, and
# > `(size + 2 * padding - kernel) // stride + 1` windows along an axis ([lesson 06](06_convolution.ipynb)). A *fully
# > connected* layer has a weight for each pair of input and output, and a bias for each output
# > ([lesson 03](03_fully_connected.ipynb)). *ReLU* is `max(x, 0)`; *max pooling* keeps the largest number of each
# > window. A *localizer* has two heads on one feature vector, scores and a box ([lesson 09](09_two_heads.ipynb)).
#
# ## 1. Eight layers that learn
#
# In 2012 a network by Alex Krizhevsky, Ilya Sutskever and Geoffrey Hinton won the ImageNet challenge, 1000 classes
# and more than a million photographs, by a wide margin. It took the same kinds of layers that you know, and made them
# large: five convolutions, three fully connected layers. Here they are, as plain numbers. (The paper says that its
# pictures have 224 pixels. With 224, the first layer's windows do not come out even; with 227, all numbers of the
# paper fit.)

# %%
ALEXNET = {
    # filters, kernel, stride, padding, groups
    "conv1": ("conv", 96, 11, 4, 0, 1),
    "pool1": ("pool", 3, 2),  # kernel, stride
    "conv2": ("conv", 256, 5, 1, 2, 2),
    "pool2": ("pool", 3, 2),
    "conv3": ("conv", 384, 3, 1, 1, 1),
    "conv4": ("conv", 384, 3, 1, 1, 2),
    "conv5": ("conv", 256, 3, 1, 1, 2),
    "pool5": ("pool", 3, 2),
    "fc6": ("linear", 4096),  # outputs
    "fc7": ("linear", 4096),
    "scores": ("linear", 1000),
}
PICTURE = (227, 227, 3)

# %% [markdown]
# A pool with a kernel of 3 and a stride of 2 has windows that *overlap* (lesson 07): every second
# pixel lies in two of them. Above, six pixels with windows side by side; below, seven with windows that overlap, and
# just as many windows. (The paper found 0.4 % fewer errors with it.)

# %%
draw_windows.how_many_fit([(6, 2, 2, 0), (7, 3, 2, 0)])

# %% [markdown]
# New are the *groups*. With two of them, the first half of the filters sees the first half of the channels, and the
# second half the other. It is as if two convolutions stood side by side. They did: the network was trained on two
# graphics cards of 3 GB each, and each held one half.
#
# ### Exercise 1: the shape behind every layer
# *Difficulty 2/5, about 15 minutes*
#
# A fully connected layer takes all numbers as one row, and gives `(outputs,)`.
#
# <details><summary>Hint 1</summary>
#
# Keep one variable with the shape so far, `(H, W, C)`. Each layer replaces it.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `for kind, *numbers in layers.values():` takes a layer apart. A pool has no padding, and leaves the channels as they
# are. The `filters` of a convolution are those of all its groups together.
#
# </details>

# %% tags=["exercise"]
def shapes(layers, shape):
    """layers: as above; shape: (H, W, C) of the picture -> list of shapes, one for each layer."""
    ...  # your code here


# %% tags=["solution"]
def shapes(layers, shape):
    """layers: as above; shape: (H, W, C) of the picture -> list of shapes, one for each layer."""
    found = []
    for kind, *numbers in layers.values():
        if kind == "conv":
            filters, kernel, stride, padding, _ = numbers
            shape = *((n + 2 * padding - kernel) // stride + 1 for n in shape[:2]), filters
        elif kind == "pool":
            kernel, stride = numbers
            shape = *((n - kernel) // stride + 1 for n in shape[:2]), shape[2]
        else:
            shape = tuple(numbers)
        found.append(shape)
    return found


# %% tags=["yours"]
check("11.shapes", shapes)

# %% [markdown]
# AlexNet, then:

# %% tags=["yours", "expected"]
if check("11.shapes", shapes):
    for name, shape in zip(ALEXNET, shapes(ALEXNET, PICTURE), strict=True):
        print(f"{name:7}", *shape)

# %% [markdown]
# As blocks, with the library's network, which has a second head for the box: what is wide and flat at first becomes
# small and deep. (Sides are drawn as square roots.)

# %% tags=["picture"]
library = tc.models.alexnet_localizer(num_classes=1000, seed=0)
blocks, shape = {"picture": PICTURE}, PICTURE
for name, _, _, shape in library.trunk.shapes(PICTURE):
    if name.startswith(("conv", "pool", "fc")):
        blocks[name] = shape
draw.blocks(blocks | {"scores": library.class_head.output_shape(shape)})

# %% [markdown]
# ## 2. What it costs
#
# A network is paid for twice: in memory for its parameters, and in time for its multiplications.
#
# | | parameters | multiplications for one picture |
# |---|---|---|
# | convolution | `kernel` · `kernel` · C / groups weights and a bias for each filter | weights · output places |
# | fully connected | a weight for each pair of input and output, a bias for each output | as many as weights |
# | pooling | none | none |
#
# Biases are added, not multiplied.
#
# ### Exercise 2: parameters and multiplications
# *Difficulty 2/5, about 15 minutes*
#
# <details><summary>Hint 1</summary>
#
# For each layer you need the shape before it and the shape behind it. `shapes` gives the second kind; the first is
# that of the layer before.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `math.prod(shape)` multiplies the numbers of a shape. How many inputs has `fc6`?
#
# </details>

# %% tags=["exercise"]
def costs(layers, shape):
    """-> (parameters of each layer, multiplications of each layer), two lists of whole numbers."""
    ...  # your code here


# %% tags=["solution"]
def costs(layers, shape):
    """-> (parameters of each layer, multiplications of each layer), two lists of whole numbers."""
    parameters, multiplications = [], []
    for (kind, *numbers), after in zip(layers.values(), shapes(layers, shape), strict=True):
        if kind == "conv":
            filters, kernel, _, _, groups = numbers
            weights, places, biases = kernel * kernel * (shape[2] // groups) * filters, after[0] * after[1], filters
        elif kind == "pool":
            weights, places, biases = 0, 0, 0
        else:
            weights, places, biases = int(np.prod(shape)) * numbers[0], 1, numbers[0]
        parameters.append(weights + biases)
        multiplications.append(weights * places)
        shape = after
    return parameters, multiplications


# %% tags=["yours"]
check("11.costs", costs)

# %% tags=["yours", "expected"]
if check("11.costs", costs):
    parameters, multiplications = costs(ALEXNET, PICTURE)
    print(f"{sum(parameters):,} parameters, {sum(multiplications):,} multiplications")

# %% [markdown]
# **Predict first.** Which layer holds the most parameters, and which multiplies most?
#
# - a) `conv2` has both.
# - b) `fc6` has most parameters, `conv2` most multiplications.
# - c) `fc6` has both, by far.

# %%
rows = [(name, sum(p.value.size for p in layer.parameters().values()), layer.multiply_adds(before))
        for name, layer, before, _ in library.trunk.shapes(PICTURE) if layer.parameters()]
rows += [(name, sum(p.value.size for p in head.parameters().values()), head.multiply_adds((4096,)))
         for name, head in (("class head", library.class_head), ("box head", library.box_head))]
draw.where_it_is(*zip(*rows, strict=True))

# %% [markdown]
# <details><summary>What happened</summary>
#
# It is b). `fc6` looks at 6 · 6 · 256 = 9216 numbers and has a weight of its own for each of them and each of its 4096
# outputs: 62 % of the whole network. But it uses each weight once for a picture. `conv2` has 123 times fewer, and uses
# each of them at 27 · 27 places. The convolutions hold 4 % of the parameters and do 92 % of the work; the fully
# connected layers are the other way round.
#
# </details>
#
# (The library's network has 16,388 parameters more than the table above: those of the box head.)
#
# **Memory.** Each parameter is a number of 4 bytes. Training keeps three of a kind: the value, its gradient, and the
# velocity of momentum. Then there is what each layer remembers for backward.

# %%
count = sum(p.value.size for p in library.parameters().values())
kept = sum(np.prod(after) for _, _, _, after in library.trunk.shapes(PICTURE))
print(f"values {4e-6 * count:.0f} MB, with gradients and velocities {12e-6 * count:.0f} MB")
print(f"what the layers give, for one picture: {4e-6 * kept:.0f} MB")

# %% [markdown]
# **Time.** Backward multiplies about twice as often as forward: once for `dw`, once for `dx`. So a step with a batch
# of 128 is 128 · 3 · 0.72 billion multiplications, about 280 billion. A laptop of today, with two cores and nothing
# else to do, manages some 50 billion a second in such layers: several seconds a step. An epoch of the paper has 1.2
# million pictures, about 9400 steps; they did 90 epochs, in five to six days.
#
# ## 3. Local response normalization
#
# Behind the first two ReLUs stands a layer that is hardly used any more. In one pixel, each channel says how much of
# its pattern it sees. When several neighboring channels are loud, each is turned down: they compete.
#
# $$s_c = k + \alpha \sum_{j\ \text{near}\ c} x_j^2 \qquad\qquad y_c = \frac{x_c}{s_c^{\beta}}$$
#
# *Near* are `size` channels with $c$ in the middle, cut off at the ends. With `size` = 5, these are $c - 2$ to
# $c + 2$. By hand, for a pixel with five channels, a `size` of 3, k = 2, and an alpha and a beta of 1 (the paper's
# are 0.0001 and 0.75):

# %%
x5 = np.array([0, 1, 3, 2, 0], float)
layer = LocalResponseNorm(3, alpha=1, beta=1, k=2, divide_alpha=False)
y5 = layer.forward(x5.reshape(1, 1, 1, 5)).ravel()
s5 = np.array([2 + 0 + 1, 2 + 0 + 1 + 9, 2 + 1 + 9 + 4, 2 + 9 + 4 + 0, 2 + 4 + 0], float)
draw.normalized(x5, s5, y5, size=3, channel=3)

# %% [markdown]
# ### Exercise 3: local response normalization
# *Difficulty 2/5, about 15 minutes*
#
# `alpha` is multiplied with the sum as it is, as in the paper. (PyTorch and Caffe divide it by `size` first. Two
# papers with the same alpha may not mean the same network.)
#
# <details><summary>Hint 1</summary>
#
# A loop over channels will do. For channel `c`, the window is a slice of the last axis, from
# `max(0, c - size // 2)` on. A slice that ends behind the last channel is cut off by itself.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Add up squares of `x`, never of numbers that have been normalized already.
#
# </details>

# %% tags=["exercise"]
def lrn(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """x: (N, H, W, C) -> y: (N, H, W, C), each number damped by the squares of neighboring channels. size: odd."""
    ...  # your code here


# %% tags=["solution"]
def window_sum(x, size):
    """The sum over `size` neighboring channels, each in the middle of its window."""
    half = size // 2
    return np.stack([x[..., max(0, c - half) : c + half + 1].sum(axis=3) for c in range(x.shape[3])], axis=3)


# %% tags=["solution"]
def lrn(x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """x: (N, H, W, C) -> y: (N, H, W, C), each number damped by the squares of neighboring channels. size: odd."""
    return x / (k + alpha * window_sum(x * x, size)) ** beta


# %% tags=["yours"]
check("11.lrn", lrn)

# %% tags=["yours", "expected"]
if check("11.lrn", lrn):
    print(lrn(x5.reshape(1, 1, 1, 5), size=3, alpha=1, beta=1, k=2).ravel().round(2))

# %% [markdown]
# ### The way back
#
# Take $x_3 = 2$ in the drawing. It acts in two ways. *Directly*, it is the numerator of $y_3$; the share of this is
# $dy_3 / s_3^{\beta}$. And *through s*: it lies in the windows of channels 2, 3 and 4, makes their $s$ larger and so
# their $y$ smaller. For one of them, $j$:
#
# - $s_j$ grows by $2 \alpha x_3$ when $x_3$ grows by 1;
# - $y_j = x_j s_j^{-\beta}$ changes by $-\beta\, x_j\, s_j^{-\beta - 1}$ when $s_j$ grows by 1;
# - the loss changes by $dy_j$ when $y_j$ grows by 1.
#
# The product of the three, added up over all $j$ whose window holds channel $c$. These are just the channels near $c$:
#
# $$dx_c = \frac{dy_c}{s_c^{\beta}} - 2 \alpha \beta\, x_c \sum_{j\ \text{near}\ c} dy_j\, x_j\, s_j^{-\beta - 1}$$
#
# ### Exercise 4: the backward
# *Difficulty 3/5, about 15 minutes*
#
# <details><summary>Hint 1</summary>
#
# It is the same window as before, over other numbers: `dy * x / s ** (beta + 1)`. Which x stands in the sum, and which
# before it?
#
# </details>
# <details><summary>Hint 2</summary>
#
# A function of your own that adds up over windows serves both exercises.
#
# </details>

# %% tags=["exercise"]
def lrn_backward(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """dy, x: (N, H, W, C) -> dx: (N, H, W, C)."""
    ...  # your code here


# %% tags=["solution"]
def lrn_backward(dy, x, size=5, alpha=1e-4, beta=0.75, k=2.0):
    """dy, x: (N, H, W, C) -> dx: (N, H, W, C)."""
    s = k + alpha * window_sum(x * x, size)
    return dy / s**beta - 2 * alpha * beta * x * window_sum(dy * x / s ** (beta + 1), size)


# %% tags=["yours"]
check("11.lrn_backward", lrn_backward)

# %% [markdown]
# ## 4. Dropout
#
# Sixty million parameters can learn a million pictures by heart. Against that, behind `fc6` and `fc7` stands a layer
# that sets each number to 0 with probability p = 0.5, another half in each step. No number can count on a certain
# other one being there. What is kept is divided by 1 - p, so that sums behind it are as large as without dropout, on
# average. In evaluation nothing is dropped.
#
# ### Exercise 5: find the bug
# *Difficulty 2/5, about 15 minutes*
#
# "Backward is dropout as well," somebody says, "so it does to `dy` what forward does to `x`." Networks with this layer
# train, but badly, and `accuse` says that the backward is wrong. Mend it.
#
# <details><summary>Hint 1</summary>
#
# Say that forward has dropped number 3. What is `dx[3]` in truth? What is it here?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Keep what forward has drawn, as layers do: `self.remember(...)`, and `self.recall()`. Mind the evaluation, too.
#
# </details>

# %% tags=["exercise"]
class MyDropout(Layer):
    def __init__(self, p=0.5, rng=None):
        self.p, self.rng = p, np.random.default_rng(0) if rng is None else rng

    def forward(self, x):
        if not self.training:
            return x
        mask = self.rng.random(x.shape, dtype=np.float32) >= self.p
        return x * mask / (1 - self.p)

    def backward(self, dy):
        if not self.training:
            return dy
        mask = self.rng.random(dy.shape, dtype=np.float32) >= self.p
        return dy * mask / (1 - self.p)


# %% tags=["solution"]
class MyDropout(Layer):
    def __init__(self, p=0.5, rng=None):
        self.p, self.rng = p, np.random.default_rng(0) if rng is None else rng

    def forward(self, x):
        if not self.training:
            self.remember(None)
            return x
        mask = self.rng.random(x.shape, dtype=np.float32) >= self.p
        self.remember(mask)
        return x * mask / (1 - self.p)

    def backward(self, dy):
        (mask,) = self.recall()  # the very numbers that forward has kept
        return dy if mask is None else dy * mask / (1 - self.p)


# %% tags=["yours"]
check("11.dropout", MyDropout)

# %% [markdown]
# Ten ones, in training, backward with ten ones, and in evaluation:

# %% tags=["yours", "expected"]
if check("11.dropout", MyDropout):
    layer = MyDropout(0.5)
    print("y ", *layer.forward(np.ones(10)).astype(int), " in training")
    print("dx", *layer.backward(np.ones(10)).astype(int))
    print("y ", *layer.eval().forward(np.ones(10)).astype(int), " in evaluation")

# %% tags=["yours"]
keep("11", {"11.shapes": shapes, "11.costs": costs, "11.lrn": lrn, "11.lrn_backward": lrn_backward,
            "11.dropout": MyDropout})

# %% [markdown]
# ## 5. AlexNet out of your own layers
#
# Now everything that you have written. What you have not kept is taken from the library.

# %% tags=["yours"]
MyConv2d = mine("06", "MyConv2d", tc.layers.Conv2d)
MyLinear = mine("03", "MyLinear", tc.layers.Linear)
MyReLU = mine("07", "MyReLU", tc.layers.ReLU)
MyMaxPool2d = mine("07", "MyMaxPool2d", tc.layers.MaxPool2d)
MyCrossEntropy = mine("03", "MyCrossEntropy", tc.SoftmaxCrossEntropy)
MyL2Loss = mine("04", "MyL2Loss", tc.L2Loss)
MySGD = mine("08", "MySGD", tc.optim.SGD)
accuse = mine("05", "accuse", ask_the_library)

# %% [markdown]
# The functions of exercises 3 and 4 become a layer:

# %% tags=["yours"]
class MyNorm(Layer):
    def forward(self, x):
        self.remember(x)
        return lrn(x)

    def backward(self, dy):
        (x,) = self.recall()
        return lrn_backward(dy, x)


# %% [markdown]
# Before sixty million numbers are trained, the checker of lesson 05 looks at each kind of layer: at its `dx`, and at
# the gradients of its weights. (Inputs are shuffled whole numbers and a half: no two are equal, none is near 0, so
# they are far from all kinks. A dropout must draw the same mask for every measurement.)

# %% tags=["yours", "expected"]
def suspicions(layer, shape):
    """Which gradients of a layer are wrong, says the checker of lesson 05?"""
    layer.astype("float64")
    x = (np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape) - np.prod(shape) // 2 + 0.5) / 10

    def y_of_x(x):
        layer.rng = np.random.default_rng(1)
        return layer.forward(x)

    def dx(dy, x):
        y_of_x(x)
        return layer.backward(dy)

    wrong = ["dx"] if accuse(y_of_x, dx, x) else []
    for weight, parameter in layer.parameters().items():
        def y_of_w(w, parameter=parameter):
            parameter.value = w
            return layer.forward(x)

        def dw(dy, w, parameter=parameter):
            parameter.value = w
            dx(dy, x)
            return parameter.grad

        wrong += [weight] if accuse(y_of_w, dw, parameter.value) else []
    return wrong


if check("11.lrn", lrn) and check("11.lrn_backward", lrn_backward) and check("11.dropout", MyDropout):
    for layer, shape in ((MyConv2d(2, 3, 3, stride=2, padding=1), (2, 5, 6, 2)), (MyLinear(7, 3), (4, 7)),
                         (Groups(MyConv2d, 4, 6, 3, 1, np.random.default_rng(0)), (2, 4, 5, 4)),
                         (MyNorm(), (2, 3, 2, 7)), (MyReLU(), (3, 8)), (MyMaxPool2d(3, stride=2), (2, 7, 5, 2)),
                         (MyDropout(0.5), (3, 8))):
        print(f"{type(layer).__name__:12} wrong: {', '.join(suspicions(layer, shape)) or 'nothing'}")

# %% [markdown]
# The network is a recipe, for any parts and any size. Groups are two convolutions side by side, whosever they are.
# `Localizer` is the library's; it joins a trunk and two heads.

# %%
read(Groups, alexnet)

# %%
def step(model, x, labels, targets, class_loss, box_loss, optimizer):
    """One training step; returns the loss before it."""
    scores, boxes = model.forward(x)
    value = float(class_loss.forward(scores, labels)) + float(box_loss.forward(boxes, targets))
    model.backward(class_loss.backward(), box_loss.backward())
    optimizer.step()
    return value


# %% [markdown]
# ### One step at true size
#
# Two pictures of 227 x 227, one step: forward through all layers, both losses, backward, and an update of 61 million
# numbers. Once out of your layers, losses and optimizer, once out of the library's, from the same first weights. On a
# quiet machine with two cores this takes a few seconds, and drawing 61 million random numbers twice is a good part of
# it. Drawn pictures will do; their labels are among the first ten of a thousand.

# %% tags=["yours", "expected"]
MINE = (MyConv2d, MyLinear, MyReLU, MyMaxPool2d, MyNorm, MyDropout)


def one_step(size):
    """The same step with both networks; prints how far apart they are."""
    pair, nets, losses = tc.data.scenes(n=2, image_size=size["image_size"], seed=0).train, [], []
    for parts, class_loss, box_loss, Optimizer in ((MINE, MyCrossEntropy(), MyL2Loss(), MySGD),
                                                   (LIBRARY, tc.SoftmaxCrossEntropy(), tc.L2Loss(), tc.optim.SGD)):
        net = alexnet(parts, **size, classes=library.classes)
        first = net.parameters()["trunk.conv1.w"].value.copy()
        losses.append(step(net, net.normalize(pair.images), pair.labels, np.zeros((2, 4), np.float32), class_loss,
                           box_loss, Optimizer(net, lr=0.01, momentum=0.9)))
        nets.append(net.parameters())
    print(f"{sum(p.value.size for p in nets[0].values()):,} parameters")
    print(f"the loss: {losses[0]:.4f} with your parts, {losses[1]:.4f} with the library's")
    far = max(abs(p.value - nets[1][key].value).max() for key, p in nets[0].items())
    moved = abs(nets[0]["trunk.conv1.w"].value - first).max()
    print(f"the step moves weights of conv1 by up to {moved:.0e}; after it, no weight of any layer")
    print(f"is further from the library's than {far:.0e}")


if check("11.lrn", lrn) and check("11.lrn_backward", lrn_backward) and check("11.dropout", MyDropout):
    one_step(NARROW if FAST else FULL)

# %% [markdown]
# The same to rounding: this is AlexNet, and you have written it.
#
# ### It learns
#
# A million photographs are not for this evening. But a network that is right can learn a few pictures by heart, and
# one with a mistake in it usually cannot; so that is the first thing to ask of any large network. Here is a narrow
# AlexNet, every layer in its place: a sixth of the filters, 128 features, pictures of 67 x 67. It gets sixteen
# pictures, all of them in every step. The wide line is the library's.

# %%
steps, few = 5 if FAST else 150, tc.data.scenes(n=16, image_size=NARROW["image_size"], seed=0)


def by_heart(model, class_loss, box_loss, optimizer, rates):
    """Steps with all pictures, one for each rate. Returns the losses, and the share of classes known in the end.

    A run that breaks, whose numbers grow beyond all bounds, ends there: nan for the losses to come, nothing known.
    """
    codes = tc.boxes.encode(few.train.boxes, few.train.sizes)
    model.set_box_statistics(codes)
    x, targets, losses = model.normalize(few.train.images), model.standardize(codes), []
    for rate in rates:
        optimizer.lr = rate
        with np.errstate(all="ignore"):
            losses.append(step(model, x, few.train.labels, targets, class_loss, box_loss, optimizer))
        if not np.isfinite(losses[-1]):
            return losses[:-1] + [np.nan] * (len(rates) - len(losses) + 1), 0.0
    return losses, np.mean(model.predict(few.train.images).labels == few.train.labels)  # predict switches dropout off


# %% tags=["yours", "expected"]
if check("11.lrn", lrn) and check("11.lrn_backward", lrn_backward) and check("11.dropout", MyDropout):
    own, theirs = (alexnet(parts, **NARROW, classes=few.classes) for parts in (MINE, LIBRARY))
    losses, known = by_heart(theirs, tc.SoftmaxCrossEntropy(), tc.L2Loss(), tc.optim.SGD(theirs, 0.01, momentum=0.9),
                             [0.01] * steps)
    own_losses, own_known = by_heart(own, MyCrossEntropy(), MyL2Loss(), MySGD(own, 0.01, momentum=0.9),
                                     [0.01] * steps)
    apart = abs(np.subtract(own_losses, losses))
    print(f"classes known by heart: your parts {100 * own_known:.0f} %, the library's {100 * known:.0f} %")
    print(f"losses differ by at most {max(apart[:30]):.0e} in the first 30 steps, by {max(apart):.0e} in all")
    figure = draw_windows.loss_curves({"the library's parts": losses, "your parts": own_losses})
else:
    figure = "first exercises 3 to 5"
figure

# %% [markdown]
# Rounding makes a tiny difference in the first step, and training enlarges it step by step. (The curve is restless
# because of dropout: in each step another half of the features is missing.)
#
# ## 6. What such a network needs
#
# "Deep networks are hard to train" has precise reasons. The same sixteen pictures, the same network out of the
# library's layers, and four ways to begin, with three seeds each:
#
# - as above: weights with a standard deviation of sqrt(2 / inputs) (lesson 08), biases 0, rate 0.01;
# - the rate five times as large;
# - the large rate, reached little by little in the first 50 steps: a *warm-up*;
# - the first weights of 2012: a standard deviation of 0.01 in all layers, biases of 1 in `conv2`, `conv4`, `conv5`,
#   `fc6` and `fc7`, and pixels that only lose their mean.

# %%
warm_up = [0.05 * min(1, (n + 1) / 50) for n in range(steps)]
ways = {"rate 0.01": ([0.01] * steps, False), "rate 0.05": ([0.05] * steps, False),
        "rate 0.05, with warm-up": (warm_up, False), "weights of 2012, rate 0.01": ([0.01] * steps, True)}
curves = {}
for name, (rates, old) in ways.items():
    curves[name], shares, spreads = [], [], []
    for seed in range(1 if FAST else 3):
        model = alexnet(LIBRARY, **NARROW, classes=few.classes, seed=seed)
        if old:
            start_as_in_2012(model, seed)
        features = model.trunk.eval().forward(model.normalize(few.train.images))  # (16, 128), before any training
        spreads.append(100 * features.std(axis=0).mean() / features.mean())
        model.train()
        losses, known = by_heart(model, tc.SoftmaxCrossEntropy(), tc.L2Loss(),
                                 tc.optim.SGD(model, 0.01, momentum=0.9), rates)
        curves[name].append(losses)
        shares.append(100 * known)
    broken = sum(np.isnan(losses[-1]) for losses in curves[name])
    print(f"{name:26} known by heart: {' '.join(f'{share:3.0f}' for share in shares)} %, {broken} broke;"
          f"  at first the features differ by {np.mean(spreads):.1f} %")
print(f"always naming the most frequent class: {100 * np.bincount(few.train.labels).max() / 16:.0f} %")
draw.learning(curves)

# %% [markdown]
# All four are the same network and could say the same. The first learns it, with every seed; the last does no better
# than the most frequent label; and the gap is far larger than the spread over the seeds.
#
# - *The rate.* With 0.05 the loss hardly falls, and a run may even break: its weights jump further with every step, as
#   on the parabola of [lesson 08](08_training.ipynb), until they are no numbers any more. (Its curve leaves the
#   picture. Which runs break is a matter of rounding, so of the machine.) A warm-up helps where only the beginning is
#   rough; here it leads to a rate that is too large, and arrives there.
# - *The first weights.* The last number of each line is how much the feature vector differs from picture to picture
#   before training, in percent of its mean. With weights that follow the number of inputs, pictures differ from the
#   start. With those of 2012, which do not, nearly all of the features comes from the biases, and both heads are
#   shown sixteen times almost the same. (The paper had 4096 features, where sums have more terms, and a million
#   pictures to make them differ.)
# - *Pictures.* Sixteen are learned by heart, and that is all. What a network says about pictures that it has never
#   seen is another matter ([lesson 00](00_what_we_will_build.ipynb) looks at one; lesson 10 is about it).
#
# ## What eight years added
#
# Networks after this one have more layers and fewer parameters. `tinycnn train --model resnet` builds a small one
# with two further parts: *batch normalization* brings every channel to mean 0 and variance 1 over the batch
# ([batchnorm.py](../tinycnn/layers/batchnorm.py)), and a *residual block* adds to its input what its layers make
# of it ([residual.py](../tinycnn/layers/residual.py)), so that a gradient also has a way past them. It has 13
# convolutions, and half the parameters of the localizer with 4. On ten classes of photographs it names as many
# rightly, .789 of them, but its boxes are better: a mean IoU of .593 against .563 ([the
# table](../README.md)).
#
# ## Read it in the library
#
# The library's normalization has both conventions for alpha (`_a`), and a window whose size may be even: then
# backward's window is the mirror image of forward's. Otherwise these are your two formulas.

# %%
read(LocalResponseNorm.forward, LocalResponseNorm.backward)

# %% [markdown]
# And the dropout. `rng` draws on the processor, even if the numbers live on a graphics card: the same seed gives the
# same mask everywhere.

# %%
read(tc.layers.Dropout.forward, tc.layers.Dropout.backward)

# %% [markdown]
# ## Summary
#
# - AlexNet is five convolutions and three fully connected layers, of kinds that you have written yourself.
# - Parameters are where everything is connected with everything: 62 % in `fc6` alone. Multiplications are where a
#   window stops at many places: 92 % in the convolutions.
# - Training keeps three numbers for each parameter, and multiplies three times as often as predicting.
# - Local response normalization damps a channel by its neighbors; backward has a direct way and one through `s`.
# - A backward uses the very mask that its forward has drawn.
# - A large network is first asked to learn a few pictures by heart. Whether it does depends on its first weights and on
#   the rate as much as on its layers.
#
# ## Going on
#
# 1. *(2/5)* `costs` of AlexNet without groups: how many multiplications do they save, and how many parameters?
# 2. *(3/5)* The network's `fc6` could be written as a convolution of 6 x 6. Which `kernel`, how many filters, how many
#    places? What would it give for a picture of 259 x 259?
# 3. **Open task.** *(4/5)* Is the normalization worth its time? Train the narrow network with and without `MyNorm`, and
#    with `alpha` a hundred times as large, on a few hundred pictures of `tc.data.scenes`; measure the share of unseen
#    pictures named rightly, with five seeds each, and the spread over the seeds. Choose the rate for each of the three
#    on validation pictures. You would know that it helps if the difference on test pictures is larger than the spread.
#
# **Next:** [lesson 12](12_pose.ipynb), human pose: fourteen joints instead of one box.
