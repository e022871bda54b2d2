# %% [markdown]
# # Lesson 07: Pooling and ReLU
#
# *Two layers that have no weights. They only choose; and the blame goes to what was chosen.*
#
# ![A map with four overlapping windows, their winners, and who gets the blame](picture)
#
# | | |
# |---|---|
# | **You will have** | a ReLU and a max pooling of your own, in a network that trains with them |
# | **Reading** | 30 minutes |
# | **Exercises** | 6, about 90 minutes; all solved in [solutions](solutions/07_pooling_and_relu.ipynb) |
# | **Computing** | about two minutes in all |
# | **Builds on** | lessons 05 and 06, of which the box below repeats what is needed |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import numpy as np

import tinycnn as tc
from tinycnn.course import FAST, check, keep, mine, read
from tinycnn.course.drawings import pooling as draw
from tinycnn.course.drawings.convolution import loss_curves
from tinycnn.layers import AvgPool2d, Conv2d, Flatten, Layer, Linear, MaxPool2d, ReLU, Sequential

# %% [markdown]
# > **Met before.** A *convolution* ([06](06_convolution.ipynb)) slides a small kernel over N pictures `x` (N, H, W,
# > C) and writes one *map* for each of its F filters, `y` (N, OH, OW, F); *stride* and *padding* say where its
# > windows stand. `dy` says for each number of `y` how the loss changes with it: its *blame*. A layer's `backward` is
# > given `dy` and returns `dx`, the same for each number of `x`. A layer is a class: `self.remember(x)` in `forward`
# > keeps what backward needs, `(x,) = self.recall()` gets it back. *Gradient checking*
# > ([05](05_gradient_checking.ipynb)) compares a backward with measured slopes; at a *kink*, a corner of the
# > function, there is no slope to measure.
#
# ## 1. Two layers without anything between them
#
# A fully connected layer is `x @ w + b`, and two of them in a row are one (lesson 03):
#
# $$(x\,w_1 + b_1)\,w_2 + b_2 \;=\; x\,(w_1 w_2) + (b_1 w_2 + b_2)$$
#
# In numbers, with 3 inputs, 5 hidden numbers and 2 outputs:

# %%
rng = np.random.default_rng(0)
x = rng.standard_normal((1000, 3))
w1, b1, w2, b2 = (rng.standard_normal(shape) for shape in ((3, 5), 5, (5, 2), 2))
two_layers = (x @ w1 + b1) @ w2 + b2
one_layer = x @ (w1 @ w2) + (b1 @ w2 + b2)
print("the same to 12 digits:", np.allclose(two_layers, one_layer, rtol=1e-12, atol=1e-12))
print("weights and biases: two layers", w1.size + b1.size + w2.size + b2.size, " one layer", (w1 @ w2).size + b2.size)

# %% [markdown]
# A hundred layers would be no better. And it holds for convolutions too, which are matrix products on patches: two of
# 3 x 3 in a row are one of 5 x 5, but for what the border does. Something has to stand between them that is *not* of
# this form.
#
# The simplest thing that works is to throw the negative numbers away: `max(x, 0)`. It is called **ReLU**, rectified
# linear unit. Here are two layers with one input, 6 hidden numbers and one output, without and with it:

# %%
def two(x, between):
    """x: (M, 1) -> (M, 1), two fully connected layers with something between them."""
    rng = np.random.default_rng(12)
    w1, b1, w2 = rng.standard_normal((1, 6)), rng.standard_normal(6), rng.standard_normal((6, 1))
    return between(x @ w1 + b1) @ w2


def nothing(x):
    return x


def relu(x):
    return np.maximum(x, 0)


three = np.array([[-2.0], [0.0], [2.0]])
for between in (nothing, relu):
    left, middle, right = two(three, between)[:, 0]
    print(f"{between.__name__:8} left + right = {left + right:6.3f}   twice the middle = {2 * middle:6.3f}")
across = np.linspace(-2, 2, 401)[:, None]
lines = {"nothing between": two(across, nothing)[:, 0], "ReLU between": two(across, relu)[:, 0]}
draw.lines_and_a_bend(across[:, 0], lines)

# %% [markdown]
# On a straight line, left and right together are twice the middle. With ReLU they are not: every hidden number adds a
# bend, at the place where it changes sign. Enough bends follow any curve.
#
# ## 2. ReLU: a gate
#
# Now backward. If an `x` was positive, `y` was `x`; let `x` grow a little and `y` grows as much. So it gets the whole
# blame. If it was negative, `y` was 0 and stays 0, whatever `x` does: no blame. Forward decides which gates are open;
# backward sends `dy` through the same gates.

# %%
numbers = np.array([[2, -1, 0, 3],
                    [-4, 1, -2, 5],
                    [0, 6, -3, -1]], float)
blame = np.array([[1, -2, 3, -1],
                  [2, 4, -5, -3],
                  [7, -6, 2, 8]], float)
draw.gate(numbers, blame, relu(numbers), blame * (numbers > 0))

# %% [markdown]
# Two things to see. Negative *blame* passes like any other: the gate looks at `x`, never at `dy`. And there are two
# numbers that are exactly 0. They stand on the kink: to the left the slope is 0, to the right it is 1, and one may
# choose. The rule here is *shut*, as in PyTorch: `dx = dy * (x > 0)`.
#
# ### Exercise 1: MyReLU
# *Difficulty 1/5, about 10 minutes*
#
# For arrays of any shape. What comes in as float32 goes out as float32.
#
# <details><summary>Hint 1</summary>
#
# `np.maximum(x, 0)` compares each number with 0. `np.max` is something else.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `x > 0` is an array of True and False; in a product they are 1 and 0. Backward needs it, or something that it can be
# made from: remember that in forward.
#
# </details>

# %% tags=["exercise"]
class MyReLU(Layer):
    def forward(self, x):
        ...  # your code here: remember what backward needs, return y

    def backward(self, dy):
        ...  # your code here: return dx


# %% tags=["solution"]
class MyReLU(Layer):
    def forward(self, x):
        self.remember(x > 0)
        return np.maximum(x, 0)

    def backward(self, dy):
        (is_open,) = self.recall()
        return dy * is_open


# %% tags=["yours"]
check("07.relu", MyReLU)

# %% tags=["yours", "expected"]
if check("07.relu", MyReLU):
    layer = MyReLU()
    y, dx = layer.forward(numbers), layer.backward(blame)
    print("y =", *y.astype(int).tolist(), "dx =", *dx.astype(int).tolist(), sep="\n")

# %% [markdown]
# ## 3. Max pooling: the winner
#
# A filter that looks for an edge answers loudly where one is, and nearly as loudly one pixel beside it. For most
# questions that is more detail than needed. *Max pooling* keeps the largest number of each window and forgets the
# rest. With a kernel of 2 and a stride of 2, windows lie side by side and a map becomes half as high and half as
# wide:

# %%
x4 = np.array([[1, 3, 2, 0],
               [4, 2, 1, 5],
               [0, 1, 7, 2],
               [6, 3, 2, 4]], float)
draw.winners(x4, kernel_size=2, stride=2)

# %% [markdown]
# $$y[n, i, j, c] = \max_{p, q}\ x[n,\ i s + p - P,\ j s + q - P,\ c]$$
#
# with stride $s$ and padding $P$, as in lesson 06. But there is no $w$: nothing to learn. And there is no sum over
# $c$: **each channel is pooled by itself**. N pictures (N, H, W, C) become (N, OH, OW, C).
#
# **How many windows?** `(size + 2 * padding - kernel) // stride + 1`, as for convolutions. `//` rounds down: what is
# left over at the end is not looked at. The usual stride is the kernel itself, so `MaxPool2d(2)` means stride 2.
# (Some networks round up and let the last window hang over the end; in this library, as in PyTorch, `ceil_mode=True`
# asks for that.)

# %%
print("size  kernel  stride  padding   down   up")
for size, *geometry in ((8, 2, 2, 0), (7, 2, 2, 0), (55, 3, 2, 0), (112, 3, 2, 1), (112, 3, 2, 0)):
    down, up = (MaxPool2d(*geometry, ceil_mode=ceil).output_shape((size, size, 1))[0] for ceil in (False, True))
    print(f"{size:4} {geometry[0]:7} {geometry[1]:7} {geometry[2]:8} {down:6} {up:4}")

# %% [markdown]
# (55 with a kernel of 3 and a stride of 2 is AlexNet's first pooling: its windows *overlap*. 112 with padding 1 is
# ResNet's.)
#
# **What stands in the border?** In a convolution zeros do, since they add nothing to a sum. In a maximum a zero is a
# candidate. Here is a map in which every filter answer is negative:

# %%
negative = np.array([[-3, -1, -4, -2],
                     [-2, -5, -6, -3],
                     [-7, -2, -1, -4],
                     [-5, -3, -2, -6]], float)
draw.borders(negative, kernel_size=2, padding=1)

# %% [markdown]
# On the left the border wins eight of nine windows, with a number that no pixel has. On the right it can never win: a
# border must be something that loses against everything, which is minus infinity. (Behind a ReLU no number is
# negative and nobody would notice, until somebody puts the pooling first.)
#
# ### Exercise 2: max pooling in loops
# *Difficulty 2/5, about 20 minutes*
#
# All of it: batch, channels, stride, padding. `stride=None` means the kernel size. Loops are welcome.
#
# <details><summary>Hint 1</summary>
#
# `np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=-np.inf)` puts a border of `p` around rows and columns.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `window.max(axis=(1, 2))` of a window (N, K, K, C) is (N, C): all pictures and all channels in one step.
#
# </details>

# %% tags=["exercise"]
def max_pool(x, kernel_size, stride=None, padding=0):
    """x: (N, H, W, C) -> the largest number of each window (N, OH, OW, C)."""
    ...  # your code here


# %% tags=["solution"]
def max_pool(x, kernel_size, stride=None, padding=0):
    """x: (N, H, W, C) -> the largest number of each window (N, OH, OW, C)."""
    k, s, p = kernel_size, stride or kernel_size, padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=-np.inf)
    n, height, width, c = padded.shape
    y = np.empty((n, (height - k) // s + 1, (width - k) // s + 1, c), x.dtype)
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            y[:, i, j] = padded[:, i * s : i * s + k, j * s : j * s + k].max(axis=(1, 2))
    return y


# %% tags=["yours"]
check("07.max_pool", max_pool)

# %% [markdown]
# The map of the first drawing with windows of 2, and the negative one with its border:

# %% tags=["yours", "expected"]
if check("07.max_pool", max_pool):
    print(max_pool(x4[None, :, :, None], 2)[0, :, :, 0])
    print(max_pool(negative[None, :, :, None], 2, padding=1)[0, :, :, 0])

# %% [markdown]
# ## 4. Backward: the winner takes all
#
# Let one `x` grow a little. If it is the largest of its window, `y` grows as much. If it is not, nothing happens. So
# all of a window's blame goes to its winner, and the others get none:

# %%
dy = np.array([[1, -2],
               [3, 4]], float)
draw.winners(x4, kernel_size=2, stride=2, dy=dy)

# %% [markdown]
# When windows overlap, a pixel can win more than one. It has made several outputs, and each sends its share. Here is
# a kernel of 3 with a stride of 2; the 7 in the middle, in gray, lies in all four windows and wins three of them:

# %% tags=["picture"]
x5 = np.array([[1, 3, 2, 0, 1],
               [4, 2, 1, 5, 0],
               [0, 1, 7, 2, 3],
               [6, 3, 2, 4, 1],
               [2, 0, 1, 3, 8]], float)
only_last = np.zeros((5, 5))
for i, j, row, column in ((0, 0, 2, 2), (0, 1, 2, 2), (1, 0, 2, 2), (1, 1, 4, 4)):  # window (i, j) and its winner
    only_last[row, column] = dy[i, j]
draw.winners(x5, kernel_size=3, stride=2, dy=dy, wrong=only_last)

# %% [markdown]
# 1 - 2 + 3 = 2. With `=` for `+=` the last window, whose blame is 3, wipes out what the others have said: lesson 06's
# favorite mistake, in a new place. In loops:
#
#     (row, column) = the place of the largest x in the window of (i, j)
#     dx[n, row, column, c] += dy[n, i, j, c]
#
# **Ties.** Who is the winner when the largest number comes twice? That is not rare. Behind a ReLU, windows full of
# zeros are, and a flat wall gives the same number again and again. One window of four equal numbers, a `dy` of 4, and
# four rules:

# %%
tied = {"x": np.full((2, 2), 5), "dy": np.array([[4]]), "the first": np.array([[4, 0], [0, 0]]),
        "the last": np.array([[0, 0], [0, 4]]), "in equal shares": np.ones((2, 2)), "each one": np.full((2, 2), 4)}
draw.side_by_side(tied, wrong="each one")

# %% [markdown]
# Three of them can be defended; the last cannot. Let *all four* numbers grow by a little: `y` grows by that little,
# and the loss by 4 times as much. But the last rule says 16. A test for this needs no example: in max pooling,
# **the sum of `dx` is the sum of `dy`**. The rule of this library is **the first, row by row**, on every device.
# PyTorch on a CPU does the same.
#
# How often does it happen? A random convolution on drawn scenes, before and behind a ReLU, windows of 2 x 2:

# %%
scenes = tc.data.scenes(n=20 if FAST else 100, image_size=80, seed=0, valid=1, test=1).train.images
scenes = scenes.astype(np.float32) / 255 - np.float32(0.5)  # (N, 80, 80, 3)
middle = scenes[:, 8:72, 8:72]  # the rim is for section 8, where pictures move
conv = Conv2d(3, 16, 3, padding=1, rng=np.random.default_rng(0))
maps = conv.forward(middle)  # (N, 64, 64, 16)


def tied_windows(maps):
    """Share of 2 x 2 windows whose largest number comes more than once, and of those where that number is 0."""
    n, height, width, c = maps.shape
    cells = maps.reshape(n, height // 2, 2, width // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(-1, 4)
    tied = (cells == cells.max(axis=1, keepdims=True)).sum(axis=1) > 1
    return tied.mean(), (tied & (cells.max(axis=1) == 0)).mean()


for name, values in {"pictures": middle, "behind the convolution": maps, "behind ReLU": relu(maps)}.items():
    print("{:23} tied {:5.1%}   of all windows, tied at 0: {:5.1%}".format(name, *tied_windows(values)))

# %% [markdown]
# Behind a ReLU ties are everywhere, and nearly all of them are ties between zeros. And there the rule does not matter
# at all: whoever is blamed in such a window sits behind a gate that is shut. Where pixels themselves are pooled, it
# does matter; and it matters to anyone who compares two libraries number by number.
#
# **Kinks.** A tie is a kink of max pooling. Measure the slope of the maximum of (5, 5) along its first number:

# %%
h = 1e-3
up, here, down = (max(5 + step, 5) for step in (h, 0, -h))
print(f"to the right {(up - here) / h:.1f}   to the left {(here - down) / h:.1f}", end="")
print(f"   both sides {(up - down) / (2 * h):.1f}")

# %% [markdown]
# The rule says 1 for the first number and 0 for the second; the measurement says 0.5. Neither is wrong. So a gradient
# check takes numbers with no two equal or nearly equal: shuffled whole numbers, as `rng.permutation` gives them.
#
# ### Exercise 3: the blame
# *Difficulty 3/5, about 20 minutes*
#
# Begin with your loops. Here many hidden numbers are equal, windows overlap, and most pixels at the border are
# negative.
#
# <details><summary>Hint 1</summary>
#
# Make an array of zeros in the size of the *padded* picture, add everything there, and cut the border off at the end.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `window.argmax()` of a window (K, K) counts its numbers row by row and says where the first of the largest is.
# `divmod(place, k)` makes row and column of it.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `for n, i, j, c in np.ndindex(dy.shape)` runs over every output number: one winner each.
#
# </details>

# %% tags=["exercise"]
def max_pool_backward(dy, x, kernel_size, stride=None, padding=0):
    """dy: (N, OH, OW, C); x: (N, H, W, C), as forward was given it -> dx, in the shape of x."""
    ...  # your code here


# %% tags=["solution"]
def max_pool_backward(dy, x, kernel_size, stride=None, padding=0):
    """dy: (N, OH, OW, C); x: (N, H, W, C), as forward was given it -> dx, in the shape of x."""
    k, s, p = kernel_size, stride or kernel_size, padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=-np.inf)
    dpadded = np.zeros(padded.shape, dy.dtype)
    for n, i, j, c in np.ndindex(dy.shape):
        window = padded[n, i * s : i * s + k, j * s : j * s + k, c]
        row, column = divmod(window.argmax(), k)
        dpadded[n, i * s + row, j * s + column, c] += dy[n, i, j, c]
    return dpadded[:, p : p + x.shape[1], p : p + x.shape[2]]


# %% tags=["yours"]
check("07.max_pool_backward", max_pool_backward)

# %% tags=["yours", "expected"]
if check("07.max_pool_backward", max_pool_backward):
    print(max_pool_backward(dy[None, :, :, None], x5[None, :, :, None], 3, 2)[0, :, :, 0].astype(int))

# %% [markdown]
# ## 5. Average pooling: everybody gets a share
#
# The mean is the other thing that one can make of a window. Every pixel took part with the same weight, 1 / K², so
# backward is quickly said: each pixel gets `dy / K²` from each window it lies in.
#
# The border is 0 again, since a mean is a sum. But does it *count*? A window of 3 x 3 in a corner, with padding 1,
# has four pixels and five zeros. Divide by 9 or by 4? Both are in use; PyTorch and this library ask with
# `count_include_pad`, and say 9 (True) if nobody answers. A wall of 9s shows the difference:

# %%
wall = np.full((1, 4, 4, 1), 9.0)
means = {f"count_include_pad={yes}": AvgPool2d(3, 1, padding=1, count_include_pad=yes).forward(wall)[0, :, :, 0]
         for yes in (True, False)}
draw.side_by_side({"x": wall[0, :, :, 0]} | means)

# %% [markdown]
# In the middle picture the wall gets darker toward its rim, though it is as bright everywhere.
#
# ### Exercise 4: average pooling
# *Difficulty 2/5, about 15 minutes*
#
# <details><summary>Hint 1</summary>
#
# With `count_include_pad=False`: how many pixels of a window are inside? A picture of ones, padded with zeros in the
# same way, knows: sum up its windows.
#
# </details>
# <details><summary>Hint 2</summary>
#
# A pixel may be 0 without being border, so counting the numbers that are not 0 will not do.
#
# </details>

# %% tags=["exercise"]
def avg_pool(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    """x: (N, H, W, C) -> the mean of each window (N, OH, OW, C)."""
    ...  # your code here


# %% tags=["solution"]
def avg_pool(x, kernel_size, stride=None, padding=0, count_include_pad=True):
    """x: (N, H, W, C) -> the mean of each window (N, OH, OW, C)."""
    k, s, p = kernel_size, stride or kernel_size, padding
    border = ((0, 0), (p, p), (p, p), (0, 0))
    padded, inside = np.pad(x, border), np.pad(np.ones_like(x), border)
    n, height, width, c = padded.shape
    y = np.empty((n, (height - k) // s + 1, (width - k) // s + 1, c), x.dtype)
    for i in range(y.shape[1]):
        for j in range(y.shape[2]):
            window = np.s_[:, i * s : i * s + k, j * s : j * s + k]
            count = k * k if count_include_pad else inside[window].sum(axis=(1, 2))
            y[:, i, j] = padded[window].sum(axis=(1, 2)) / count
    return y


# %% tags=["yours"]
check("07.avg_pool", avg_pool)

# %% tags=["yours", "expected"]
if check("07.avg_pool", avg_pool):
    print(avg_pool(wall, 3, 1, 1, count_include_pad=True)[0, :, :, 0].astype(int))

# %% [markdown]
# ## 6. Fast, and wrong
#
# Loops in Python take seconds for a batch. NumPy can hand out all windows at once, `windows(...)` below, as a view:
# no number is copied until `reshape`. Then `argmax` finds all winners in one step, and one line sends all blame. A
# colleague has written this backward. With a kernel of 2 and a stride of 2 it passes every test. A network with
# AlexNet's overlapping windows trains with it, too; only less well than it should, and section 9 measures how much.
#
# ### Exercise 5: find the bug
# *Difficulty 3/5, about 15 minutes*
#
# Find it, and mend it. Everything but one line is right, and there is a `+=`. The cell below the exercise asks the
# gradient checker about both geometries; start from what it says.
#
# <details><summary>Hint 1</summary>
#
# Windows side by side are right, overlapping ones are wrong. What happens to a pixel that wins twice?
#
# </details>
# <details><summary>Hint 2</summary>
#
# Try it on something small: `a = np.zeros(3); a[[0, 0, 2]] += 1; print(a)`. NumPy reads `a[[0, 0, 2]]`, adds, and
# writes back; index 0 is written twice, with the same number.
#
# </details>
# <details><summary>Hint 3</summary>
#
# The documentation of `np.add.at` begins with this very case.
#
# </details>

# %% tags=["exercise"]
def windows(x, kernel_size, stride, padding):
    """x: (N, H, W, C) -> the numbers of all windows (N, OH, OW, C, K * K), row by row; the border is -inf."""
    k, s, p = kernel_size, stride, padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=-np.inf)
    view = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))[:, ::s, ::s]
    return view.reshape(*view.shape[:4], k * k)


def fast_backward(dy, x, kernel_size, stride=None, padding=0):
    """The same as max_pool_backward."""
    k, s, p = kernel_size, stride or kernel_size, padding
    winner = windows(x, k, s, p).argmax(axis=4)  # (N, OH, OW, C), the place in the window
    n, i, j, c = np.indices(dy.shape)  # four arrays (N, OH, OW, C): which output this is
    row, column = i * s + winner // k, j * s + winner % k  # where the winner is in the padded picture
    dpadded = np.zeros((len(x), x.shape[1] + 2 * p, x.shape[2] + 2 * p, x.shape[3]), dy.dtype)
    dpadded[n, row, column, c] += dy
    return dpadded[:, p : p + x.shape[1], p : p + x.shape[2]]


# %% tags=["solution"]
def windows(x, kernel_size, stride, padding):
    """x: (N, H, W, C) -> the numbers of all windows (N, OH, OW, C, K * K), row by row; the border is -inf."""
    k, s, p = kernel_size, stride, padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)), constant_values=-np.inf)
    view = np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2))[:, ::s, ::s]
    return view.reshape(*view.shape[:4], k * k)


def fast_backward(dy, x, kernel_size, stride=None, padding=0):
    """The same as max_pool_backward."""
    k, s, p = kernel_size, stride or kernel_size, padding
    winner = windows(x, k, s, p).argmax(axis=4)  # (N, OH, OW, C), the place in the window
    n, i, j, c = np.indices(dy.shape)  # four arrays (N, OH, OW, C): which output this is
    row, column = i * s + winner // k, j * s + winner % k  # where the winner is in the padded picture
    dpadded = np.zeros((len(x), x.shape[1] + 2 * p, x.shape[2] + 2 * p, x.shape[3]), dy.dtype)
    np.add.at(dpadded, (n, row, column, c), dy)  # an index that comes twice is added twice
    return dpadded[:, p : p + x.shape[1], p : p + x.shape[2]]


# %% tags=["yours"]
no_two_equal = np.random.default_rng(0).permutation(2 * 7 * 9 * 3).reshape(2, 7, 9, 3).astype(float)
side_by_side = tc.gradcheck((lambda x: windows(x, 2, 2, 0).max(axis=4),
                             lambda dy, x: fast_backward(dy, x, 2, 2)), no_two_equal)
overlapping = tc.gradcheck((lambda x: windows(x, 3, 2, 0).max(axis=4),
                            lambda dy, x: fast_backward(dy, x, 3, 2)), no_two_equal)
print("kernel 2, stride 2:", side_by_side.summary)
print("kernel 3, stride 2:", overlapping.summary)

# %% tags=["yours"]
check("07.fast_backward", fast_backward)

# %% [markdown]
# How much was lost? On the maps from above, behind the convolution, overlapping windows often share their winners:

# %%
pool = MaxPool2d(3, stride=2)
pool.forward(maps)
wins = pool.backward(np.ones((len(maps), 31, 31, 16), np.float32))  # how many windows each pixel has won
print(f"{(wins > 1).sum() / (wins > 0).sum():.0%} of the winners win several windows")
print(f"if each window sends 1, {1 - (wins > 0).sum() / wins.sum():.0%} of all blame is lost")

# %% [markdown]
# ## 7. A layer of your own
#
# ### Exercise 6: MyMaxPool2d
# *Difficulty 2/5, about 10 minutes*
#
# One line in each method, and one more that remembers. `windows` and your `fast_backward` do the work.
#
# <details><summary>Hint</summary>
#
# `windows(...)` is (N, OH, OW, C, K * K), and `y` its largest number along the last axis.
#
# </details>

# %% tags=["exercise"]
class MyMaxPool2d(Layer):
    def __init__(self, kernel_size, stride=None, padding=0):
        self.geometry = kernel_size, kernel_size if stride is None else stride, padding

    def output_shape(self, shape):  # so that a network knows its shapes before it runs
        k, s, p = self.geometry
        return (shape[0] + 2 * p - k) // s + 1, (shape[1] + 2 * p - k) // s + 1, shape[2]

    def forward(self, x):
        ...  # your code here: remember x, return y

    def backward(self, dy):
        ...  # your code here: recall x, return dx


# %% tags=["solution"]
class MyMaxPool2d(Layer):
    def __init__(self, kernel_size, stride=None, padding=0):
        self.geometry = kernel_size, kernel_size if stride is None else stride, padding

    def output_shape(self, shape):  # so that a network knows its shapes before it runs
        k, s, p = self.geometry
        return (shape[0] + 2 * p - k) // s + 1, (shape[1] + 2 * p - k) // s + 1, shape[2]

    def forward(self, x):
        self.remember(x)
        return windows(x, *self.geometry).max(axis=4)

    def backward(self, dy):
        (x,) = self.recall()
        return fast_backward(dy, x, *self.geometry)


# %% tags=["yours"]
check("07.layer", MyMaxPool2d)

# %% [markdown]
# Keep what is right, so that later lessons can use it:

# %% tags=["yours"]
keep("07", {"07.relu": MyReLU, "07.max_pool": max_pool, "07.max_pool_backward": max_pool_backward,
            "07.avg_pool": avg_pool, "07.fast_backward": fast_backward, "07.layer": MyMaxPool2d})

# %% [markdown]
# ## 8. What pooling buys
#
# **Less work.** Behind a pooling of 2 x 2 there are a quarter as many pixels, for every layer that follows. The
# network of the next section, with and without its two poolings:

# %%
def cost(pool):
    """(multiplications, numbers to learn) for one picture of 32 x 32."""
    layers = [Conv2d(3, 16, 3, padding=1), *pool, Conv2d(16, 32, 3, padding=1), *pool, Flatten()]
    shape, multiplications, learned = (32, 32, 3), 0, 0
    for layer in layers:
        multiplications += layer.multiply_adds(shape)
        learned += sum(p.value.size for p in layer.parameters().values())
        shape = layer.output_shape(shape)
    return multiplications + shape[0] * 128, learned + shape[0] * 128 + 128  # and a fully connected layer to 128


for name, pool in (("with pooling", [MaxPool2d(2)]), ("without", [])):
    print("{:13} {:10,} multiplications   {:10,} numbers to learn".format(name, *cost(pool)))

# %% [markdown]
# **Calm.** The books say: when the picture moves a little, the winner stays in its window, so the pooled map stays as
# it is. Let us measure. A picture moves to the right by 1 to 8 pixels (new things come in at its edge, as in life).
# The maps behind convolution and ReLU change; call that 100 %. How much of the change is left behind a pooling? So
# that sizes can be compared, each change is measured in units of the distance between two *different* pictures. And
# since a pooled map has fewer pixels, there is one more competitor, that only takes every second pixel and does
# nothing else.
#
# **Predict first.** The picture moves by one pixel. Behind max pooling with windows of 2 x 2, what is left of the
# change?
#
# - (a) next to nothing: the winners stay in their windows
# - (b) about half: half of the winners cross into the next window
# - (c) more than three quarters

# %%
def changes(pool):
    """How far the maps of each picture move with it, (shifts, N), in units of the distance of different pictures."""
    still = pool(relu(maps))
    unit = np.sqrt(((still - np.roll(still, 1, axis=0)) ** 2).mean(axis=(1, 2, 3))).mean()
    moved = [pool(relu(conv.forward(scenes[:, 8:72, 8 + d : 72 + d]))) for d in shifts]
    return np.array([np.sqrt(((m - still) ** 2).mean(axis=(1, 2, 3))) for m in moved]) / unit


shifts = (1, 2, 4, 8)
unpooled = changes(nothing)
pools = {"every second pixel": lambda a: a[:, ::2, ::2], "max, 2 x 2": MaxPool2d(2).forward,
         "max, 4 x 4": MaxPool2d(4).forward, "mean, 2 x 2": AvgPool2d(2).forward, "mean, 4 x 4": AvgPool2d(4).forward}
left = {name: 100 * changes(pool) / unpooled for name, pool in pools.items()}
draw.what_is_left(shifts, left)

# %% [markdown]
# <details><summary>What happened</summary>
#
# (c). Most of the change is left, and the further the picture moves, the more: after four pixels, max pooling of 2 x
# 2 makes hardly a difference. Even 4 x 4, which is the same as 2 x 2 twice in a row, takes away about a third at
# best. A mean is calmer than a maximum. Every second pixel calms nothing, so it is the pooling and not the smaller
# map.
#
# Why so little? The books think of *one* bright dot on black. It stays in its window at every second step, and then
# nothing changes at all; that would be (b). But a map is not one dot. As the picture moves, something rises or falls
# in nearly every window, and the largest number goes along with it.
#
# </details>
#
# The median over the pictures, with the middle half in brackets:

# %%
print("% of the change     ", *(f"{d:>4} px      " for d in shifts))
for name, percent in left.items():
    low, middle, high = np.quantile(percent, [0.25, 0.5, 0.75], axis=1)
    print(f"{name:20}", *(f"{m:4.0f} ({a:3.0f}-{b:3.0f})" for a, m, b in zip(low, middle, high, strict=True)))

# %% [markdown]
# ## 9. It trains
#
# A small localizer for scenes of 32 x 32 pixels, as in lesson 06: `network(...)` takes any convolution, ReLU and
# pooling. If you have kept the convolution of lesson 06, it is yours throughout.

# %% tags=["yours"]
MyConv2d = mine("06", "MyConv2d", tc.layers.Conv2d)

# %%
train, held_out = (160, 40) if FAST else (1600, 400)
data = tc.data.scenes(n=train, image_size=32, seed=0, valid=held_out, test=held_out)


def network(Conv, Relu, pool, seed=0):
    """The same network out of any layers. pool: function that makes a pooling which halves height and width."""
    rng = np.random.default_rng(seed)
    trunk = Sequential(Conv(3, 16, 3, padding=1, rng=rng), Relu(), pool(),
                       Conv(16, 32, 3, padding=1, rng=rng), Relu(), pool(),
                       Flatten(), Linear(8 * 8 * 32, 128, rng=rng), Relu(), input_shape=(32, 32, 3))
    heads = Linear(128, len(data.classes), rng=rng), Linear(128, 4, rng=rng)
    for head in heads:
        head.w.value *= np.float32(0.1)  # begin with small answers
    return tc.models.Localizer(trunk, *heads, classes=data.classes, image_size=32)


def trained(model, epochs, seed=0):
    """The losses of all epochs."""
    optimizer = tc.optim.SGD(model, lr=0.02, momentum=0.9, weight_decay=5e-4)
    return tc.fit(model, data.train, data.valid, epochs=epochs, batch_size=32, optimizer=optimizer, seed=seed,
                  progress=False)


# %% [markdown]
# With your layers, and with the library's. If yours are right, the curves coincide. (Rounding makes a small
# difference, and a training enlarges it.)

# %% tags=["yours", "expected"]
if check("07.relu", MyReLU) and check("07.layer", MyMaxPool2d):
    mine_too = network(MyConv2d, MyReLU, lambda: MyMaxPool2d(2))
    runs = {"your layers": trained(mine_too, 1 if FAST else 6),
            "the library's": trained(network(Conv2d, ReLU, lambda: MaxPool2d(2)), 1 if FAST else 6)}
    print(tc.metrics.comparison_table(tc.evaluate(mine_too, data.test, data.train)))
    figure = loss_curves({whose: run.column("loss") for whose, run in runs.items()}, along="epoch")
else:
    figure = "first the layers"
figure

# %% [markdown]
# **Which pooling?** The same network with four ways to halve a map: max of 2 x 2; max of overlapping 3 x 3 windows,
# as in AlexNet; mean of 2 x 2; and every second pixel, without any pooling. And, while we are at it, the overlapping
# windows with the bug of exercise 5. Each from several seeds, measured on the validation part. (The learning rate is
# lesson 06's. It was chosen for none of them.)

# %%
class WithTheBug(MaxPool2d):
    """The library's forward, and the colleague's backward."""

    def backward(self, dy):
        (_, h, w, _), winner = self.recall(dy)
        (k, _), (s, _), (p, _) = self.kernel, self.stride, self.padding
        n, i, j, c = np.indices(dy.shape, sparse=True)
        dpadded = np.zeros((len(dy), h + 2 * p, w + 2 * p, dy.shape[3]), dy.dtype)
        dpadded[n, i * s + winner // k, j * s + winner % k, c] += dy
        return dpadded[:, p : p + h, p : p + w]


kinds = {"max, 2 x 2": lambda: MaxPool2d(2), "max, 3 x 3, stride 2": lambda: MaxPool2d(3, stride=2, padding=1),
         "the same with the bug": lambda: WithTheBug(3, stride=2, padding=1), "mean, 2 x 2": lambda: AvgPool2d(2),
         "every second pixel": lambda: MaxPool2d(1, stride=2)}
scores = {name: [] for name in kinds}
for name, pool in kinds.items():
    for seed in range(1 if FAST else 3):
        model = network(Conv2d, ReLU, pool, seed)
        trained(model, 1 if FAST else 6, seed)
        scores[name].append(tc.evaluate(model, data.valid, data.train))
print(f"{'':21}  class accuracy, %      mean IoU, %    (mean, lowest to highest of the seeds)")
for name, reports in scores.items():
    accuracy, iou = (100 * np.array([report[key] for report in reports]) for key in ("accuracy", "mean_iou"))
    print(f"{name:21}", *(f"{a.mean():6.1f} ({a.min():.1f} to {a.max():.1f})" for a in (accuracy, iou)))
accuracy, iou = (100 * reports[0][key] for key in ("majority_class/accuracy", "mean_box/mean_iou"))
print(f"{'without looking':21} {accuracy:6.1f} {iou:22.1f}")
found = {name: [100 * report["accuracy"] for report in reports] for name, reports in scores.items()}
draw.points_with_spread(found, ("without looking", accuracy), "% of validation pictures with the right class")

# %% [markdown]
# Here the maximum earns its place. It finds more classes than the mean, by more than the seeds differ, and
# overlapping windows find more still. Every second pixel comes last, and is the only one that costs the boxes
# something as well. It is not calm that helps: the mean is calmer and does worse. One explanation: a maximum says
# *whether* something is anywhere in its window, which is the question that a class asks. A mean dilutes it with what
# is around it, and every second pixel, in both directions, misses three of four. What this does *not* show is that it
# must be so for other pictures, after longer training, or with a learning rate chosen for each.
#
# And look at the third row. The bug takes away nearly all that overlapping windows have gained. Nothing crashed, the
# loss went down, and whoever saw only this row would write "overlapping windows do not help". A wrong backward does
# not look like an error. It looks like a result.
#
# ## Read it in the library

# %%
read(tc.layers.ReLU.forward, tc.layers.ReLU.backward, tc.layers.MaxPool2d.forward, tc.layers.MaxPool2d.backward)

# %% [markdown]
# - ReLU remembers `y` instead of the gate: where `y` is positive the gate was open. That is an array which the next
#   layer keeps anyway, so it costs no memory. `array_module(x)` is NumPy, or CuPy for an array on a GPU.
# - `_windows(x, fill=-np.inf)` is your `windows`: copied out by lesson 06's `im2col`, with a border that loses.
# - `winner` is all that pooling remembers, beside a shape: one small integer for each window, no matter what `x` was.
#   `argmax` takes the first among equals: that is the whole rule about ties.
# - backward compares every place of a window with the winner's: `dy` where they agree, 0 elsewhere. That is a matrix
#   of patches, and `_add_windows` adds it back onto the picture: `col2im`, with its `+=`. The bug of exercise 5 has
#   no place to hide there, since within one step of `col2im` no pixel comes twice.
#
# Both layers are in [tinycnn/layers/pool.py](../tinycnn/layers/pool.py) and
# [tinycnn/layers/activation.py](../tinycnn/layers/activation.py), the loops in
# [tinycnn/reference/windows.py](../tinycnn/reference/windows.py).
#
# ## Summary
#
# - Without something between them, two layers are one. ReLU is the simplest thing that helps: it adds bends.
# - ReLU is a gate. Forward opens and shuts it by the sign of `x`; backward sends `dy` through. At exactly 0: shut.
# - Max pooling chooses a winner in each window, in each channel. Its border is -inf.
# - The winner gets all the blame. A pixel that wins several windows collects: `+=`, and with index arrays
#   `np.add.at`. Among equals the first one wins.
# - Average pooling gives everybody a share. Its border is 0, and one has to say whether it counts.
# - Pooling saves work. It makes maps calmer by less than is said, and a maximum is worth more for the class than a
#   mean.
#
# ## Going on
#
# 1. *(2/5)* Put the pooling *before* the ReLU. Are `y` and `dx` the same, also where numbers are tied? Which of the
#    two orders has less to do? (The library's own networks have chosen.)
# 2. *(3/5)* Write `avg_pool_backward`, and test it without any step size: for random `x` and `d`, the sum of
#    `avg_pool(x) * d` equals the sum of `x * avg_pool_backward(d)`. Why does this test not work for a maximum?
# 3. *(3/5)* LeakyReLU lets a hundredth of a negative number through. Change MyReLU, and let `tc.gradcheck` judge.
#
# **Open task.** Zhang (2019) proposes to take the maximum of 2 x 2 windows at *every* pixel (stride 1), blur the
# result a little, and only then take every second pixel. Build it: `MaxPool2d(2, stride=1)`, then `AvgPool2d` for a
# blur, then every second pixel. Is it calmer, in the measure of section 8? And does the network of section 9 find
# more classes with it? You know when the means of several seeds lie further apart than the seeds of each. Measure a
# trained network too, whose filters are no longer random. Choose on the validation part, and look at the test part
# once, at the end.
#
# **Next:** [lesson 08](08_training.ipynb), how to train.
