# %% [markdown]
# # Lesson 06: Convolution
#
# *Loops, then patches, then one matrix product; and the way back, by hand.*
#
# ![A picture, its windows, the patch matrix, the kernel as a column, and the output](picture)
#
# | | |
# |---|---|
# | **You will have** | a convolution layer of your own, checked, and a localizer that trains with it |
# | **Reading** | 35 minutes |
# | **Exercises** | 7, about 95 minutes; solved in [solutions/06_convolution.ipynb](solutions/06_convolution.ipynb) |
# | **Computing** | about two minutes in all |
# | **Builds on** | lesson 01 for boxes; from lessons 03 and 05, what the box below repeats |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import time

import numpy as np

import tinycnn as tc
from tinycnn.course import FAST, check, keep, read
from tinycnn.course.drawings import convolution as draw
from tinycnn.layers import Flatten, Layer, Linear, MaxPool2d, Parameter, ReLU, Sequential
from tinycnn.patches import col2im as library_col2im
from tinycnn.patches import im2col as library_im2col
from tinycnn.plots import predictions

# %% [markdown]
# > **Met before.** A *fully connected layer* (lesson 03) takes N rows of D numbers, `x` (N, D), and multiplies them
# > with its weights `w` (D, F): `y = x @ w + b`, shape (N, F). Somewhere behind it stands a *loss*, one number that
# > says how wrong the network is. `dy` is short for "the derivative of the loss with respect to `y`": if `y[2, 0]`
# > grew a little, the loss would grow `dy[2, 0]` times as much. It has the shape of `y`. A layer's `backward` is
# > given `dy` and works out the same for everything that went in: `dw = x.T @ dy`, `db = dy.sum(axis=0)`, and `dx =
# > dy @ w.T`, which is the `dy` of the layer below. *Gradient checking* (lesson 05) tests such a backward: change a
# > number a little, see what the loss does, compare. [Lesson 05](05_gradient_checking.ipynb) can be read first. *SGD
# > with momentum* (lesson 08) changes the weights a little against their gradients, after each *batch* of pictures;
# > an *epoch* is once through all of them.
#
# ## 1. A window that slides
#
# A fully connected layer would look at a whole picture at once, with a weight of its own for every pixel. A
# convolution looks through a small window, here 3 x 3, and has nine weights. It puts the window onto the picture,
# multiplies each pixel with the weight that lies on it, adds up, and writes down one number. Then the window moves on
# by one pixel. The nine weights stay the same: what is worth seeing in one corner is worth seeing in the other.
#
# The nine weights are called the *kernel*.

# %%
picture = np.array([[1, 1, 1, 5, 5],
                    [1, 1, 1, 5, 5],
                    [1, 1, 3, 5, 5],
                    [1, 2, 5, 5, 5],
                    [1, 4, 5, 5, 5]], float)
kernel = np.array([[-1, 0, 1],
                   [-1, 0, 1],
                   [-1, 0, 1]], float)


def slide(picture, kernel):
    """One picture (H, W), one kernel (KH, KW), no more."""
    (height, width), (kh, kw) = picture.shape, kernel.shape
    y = np.zeros((height - kh + 1, width - kw + 1))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = (picture[i : i + kh, j : j + kw] * kernel).sum()
    return y


draw.window_on_picture(picture, kernel, slide(picture, kernel), i=0, j=1)

# %% [markdown]
# Look at what this kernel is good for. Its left column is -1 and its right column is +1, so it subtracts the left
# side of the window from the right side. It answers 0 where the picture is even, and with a large number where the
# picture gets brighter from left to right: it has found an *edge*. Check one number of `y` by hand before you go on.
#
# **Which way round?** The kernel lies on the window as it is, upper left on upper left. Mathematicians turn it by 180
# degrees first and call only that a convolution; what we do is *cross-correlation* to them. All of deep learning says
# convolution, and so do we.
#
# ## 2. Channels, filters, a batch
#
# A color picture has three numbers at each pixel: C = 3 *channels*. Then the window is 3 x 3 x 3 and so is the
# kernel: the sum runs over rows, columns and channels, and is still one number. And one kernel sees only one kind of
# thing, so a layer has F of them, called *filters*. Each writes its own output map.
#
# | array | shape | in words |
# |---|---|---|
# | `x` | (N, H, W, C) | N pictures of H x W pixels with C channels, *channels last* |
# | `w` | (KH, KW, C, F) | F kernels of KH x KW x C |
# | `b` | (F,) | one number for each filter, added to all of its output |
# | `y` | (N, OH, OW, F) | N output "pictures" with F channels: the next layer can look at them in just the same way |
#
# Two more numbers say where windows stand. With a **stride** of 2 the window moves on by two pixels each time. With a
# **padding** of 1 the picture gets a border of zeros, one pixel wide on all four sides, so that the window can also
# stand half outside.
#
# In one formula, with stride $s$ and padding $P$:
#
# $$y[n, i, j, f] = b[f] + \sum_{p, q, c} x[n,\ i s + p - P,\ j s + q - P,\ c]\ \ w[p, q, c, f]$$
#
# Read it aloud: the output at position $(i, j)$ is the bias plus, for every place $(p, q)$ in the window and every
# channel $c$, the pixel there times the weight there. The window at $(i, j)$ begins at row $i s - P$ and column
# $j s - P$. Pixels outside of the picture are 0.
#
# ## 3. How many windows fit?
#
# Along one axis. Blue cells are pixels, white ones are the border, bars are windows:

# %%
draw.how_many_fit([(5, 3, 1, 0), (5, 3, 1, 1), (7, 3, 2, 0), (8, 3, 2, 1)])

# %% [markdown]
# In the last row the border on the right is never used: one more step of 2 would lead beyond it.
#
# ### Exercise 1: the output's size
# *Difficulty 1/5, about 5 minutes*
#
# How many windows of `kernel` pixels fit along `size` pixels?
#
# <details><summary>Hint 1</summary>
#
# The first window is always there. How much room is left behind it, and how many steps fit into that room?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `//` divides and rounds down.
#
# </details>

# %% tags=["exercise"]
def output_size(size, kernel, stride=1, padding=0):
    """Number of windows along one axis."""
    ...  # your code here


# %% tags=["solution"]
def output_size(size, kernel, stride=1, padding=0):
    """Number of windows along one axis."""
    room = size + 2 * padding - kernel  # what the first window leaves over
    return room // stride + 1


# %% tags=["yours"]
check("06.output_size", output_size)

# %% [markdown]
# For the four rows of the picture:

# %% tags=["yours", "expected"]
if check("06.output_size", output_size):
    print([output_size(*setting) for setting in [(5, 3, 1, 0), (5, 3, 1, 1), (7, 3, 2, 0), (8, 3, 2, 1)]])

# %% [markdown]
# ## 4. As loops
#
# Now all of it: batch, channels, filters, stride, padding. Write it as slowly as you like. Loops that read like the
# formula are the *specification*: everything faster that comes later is checked against them.
#
# ### Exercise 2: a convolution in loops
# *Difficulty 3/5, about 20 minutes*
#
# Begin with `slide` above. `np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))` puts a border of `p` zeros around rows and
# columns, and none around the batch and the channels.
#
# <details><summary>Hint 1</summary>
#
# Four loops suffice: over pictures, output rows, output columns and filters. The window of picture `n` at `(i, j)` is
# a block of `KH x KW x C` numbers, and `w[..., f]` is a block of the same shape.
#
# </details>
# <details><summary>Hint 2</summary>
#
# In the padded picture, the window at `(i, j)` begins at row `i * stride` and column `j * stride`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `np.zeros(shape, x.dtype)` keeps float32 pictures float32. Without the dtype it makes float64, which takes twice the
# memory and about twice the time.
#
# </details>

# %% tags=["exercise"]
def conv_loops(x, w, b, stride=1, padding=0):
    """x: (N, H, W, C); w: (KH, KW, C, F); b: (F,) -> y: (N, OH, OW, F), in the dtype of x."""
    ...  # your code here


# %% tags=["solution"]
def conv_loops(x, w, b, stride=1, padding=0):
    """x: (N, H, W, C); w: (KH, KW, C, F); b: (F,) -> y: (N, OH, OW, F), in the dtype of x."""
    (n, height, width, _), (kh, kw, _, f) = x.shape, w.shape
    p = padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))  # (N, H + 2p, W + 2p, C)
    y = np.zeros((n, output_size(height, kh, stride, p), output_size(width, kw, stride, p), f), x.dtype)
    for m, i, j, k in np.ndindex(y.shape):
        window = padded[m, i * stride : i * stride + kh, j * stride : j * stride + kw]  # (KH, KW, C)
        y[m, i, j, k] = (window * w[..., k]).sum() + b[k]
    return y


# %% tags=["yours"]
check("06.conv_forward", conv_loops)

# %% [markdown]
# Against the numbers of the first picture, with a batch of one, one channel, one filter:

# %% tags=["yours", "expected"]
if check("06.conv_forward", conv_loops):
    x, w = picture[None, :, :, None], kernel[:, :, None, None]  # (1, 5, 5, 1) and (3, 3, 1, 1)
    y = conv_loops(x, w, np.zeros(1))
    print("shapes:", x.shape, w.shape, "->", y.shape)
    print(y[0, :, :, 0])

# %% [markdown]
# ## 5. As patches
#
# The loops are slow. NumPy is fast when it does the same thing to many numbers at once, and fastest of all at one
# thing: multiplying two matrices. So here is the idea that made convolutional networks practical.
#
# **Copy every window into a row.** A window of KH x KW x C numbers becomes a row of K = KH · KW · C numbers, and all
# windows together a matrix, one row for each. Flatten the kernel in the same order, and it becomes a column. Then
# every output number is a row times a column, and the whole convolution is *one matrix product*.
#
# Here it is with its real numbers: a picture of 4 x 4 and four windows of 3 x 3.

# %% tags=["picture"]
small = np.array([[1, 2, 0, 1],
                  [0, 3, 1, 2],
                  [2, 1, 4, 0],
                  [1, 0, 2, 5]], float)
edges = np.array([[1, 0, -1],
                  [2, 0, -2],
                  [1, 0, -1]], float)
patches = library_im2col(small[None, :, :, None], kernel=(3, 3)).reshape(4, 9)
draw.patch_matrix(small, edges, patches, slide(small, edges))

# %% [markdown]
# Follow one pixel, say the 4. It lies in all four windows, so it stands in all four rows, at four different places.
# The patch matrix is larger than the picture: that is the price. For a kernel of 3 x 3 and stride 1, about nine
# times:

# %%
many = np.zeros((1, 64, 64, 16), np.float32)
cols = library_im2col(many, kernel=(3, 3), padding=(1, 1))
print(f"a picture {many.shape}: {many.nbytes / 1e6:.2f} MB    its patches {cols.shape}: {cols.nbytes / 1e6:.2f} MB, "
      f"{cols.size / many.size:g} times as much")

# %% [markdown]
# With a batch and several filters nothing changes but the shapes:
#
# | | shape |
# |---|---|
# | `cols = im2col(x, ...)` | (N, OH, OW, K), with K = KH · KW · C |
# | `w.reshape(K, F)` | (K, F): every filter is a column |
# | `y = cols @ w.reshape(K, F) + b` | (N, OH, OW, F) |
#
# This is the fully connected layer's own formula, `x @ w + b`, on patches. The name *im2col* is old: image to
# columns. Ours are rows.
#
# ### Exercise 3: im2col
# *Difficulty 3/5, about 15 minutes*
#
# The order inside a row must be that of the flattened kernel (KH, KW, C): row by row of the window, and the channels
# of a pixel side by side.
#
# <details><summary>Hint 1</summary>
#
# `window.reshape(-1)` of a window (KH, KW, C) has just that order. Two loops, over `i` and `j`, can take all N
# pictures at once.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Or loop over the places *in* the window instead: for each `(p, q)`, one strided slice of the padded picture holds
# that number of every window at once, `padded[:, p : p + stride * OH : stride, ...]`. These are only KH · KW steps,
# however large the picture is.
#
# </details>

# %% tags=["exercise"]
def im2col(x, kernel, stride=1, padding=0):
    """x: (N, H, W, C); kernel: (KH, KW) -> every window as a row, (N, OH, OW, KH * KW * C), in the dtype of x."""
    ...  # your code here


# %% tags=["solution"]
def im2col(x, kernel, stride=1, padding=0):
    """x: (N, H, W, C); kernel: (KH, KW) -> every window as a row, (N, OH, OW, KH * KW * C), in the dtype of x."""
    (n, height, width, c), (kh, kw), p = x.shape, kernel, padding
    oh, ow = output_size(height, kh, stride, p), output_size(width, kw, stride, p)
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    cols = np.empty((n, oh, ow, kh, kw, c), x.dtype)
    for i in range(kh):
        for j in range(kw):  # this place of the window, for all windows at once
            cols[:, :, :, i, j] = padded[:, i : i + stride * oh : stride, j : j + stride * ow : stride]
    return cols.reshape(n, oh, ow, kh * kw * c)


# %% tags=["yours"]
check("06.im2col", im2col)

# %% [markdown]
# The patches of the small picture must be the matrix in the drawing:

# %% tags=["yours", "expected"]
if check("06.im2col", im2col):
    print(im2col(small[None, :, :, None], (3, 3)).reshape(4, 9).astype(int))

# %% [markdown]
# And now the convolution is one line. Against the loops, and against the clock:

# %% tags=["yours", "expected"]
def conv_forward(x, w, b, stride=1, padding=0):
    """The same as conv_loops."""
    return im2col(x, w.shape[:2], stride, padding) @ w.reshape(-1, w.shape[3]) + b


if check("06.im2col", im2col) and check("06.conv_forward", conv_loops):
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((2, 32, 32, 3)), rng.standard_normal((3, 3, 3, 8)), rng.standard_normal(8)
    answers, seconds = [], []
    for function in (conv_loops, conv_forward):
        start = time.perf_counter()
        answers.append(function(x, w, b, stride=1, padding=1))
        seconds.append(time.perf_counter() - start)
    print("largest difference from the loops:", f"{abs(answers[0] - answers[1]).max():.0e}")
    print(f"as patches it is {seconds[0] / seconds[1]:.0f} times as fast here")

# %% [markdown]
# How much faster depends on the machine. The tiny difference is rounding: both add the same numbers, in another
# order.
#
# The library's `Conv2d.forward` says just this: [tinycnn/layers/conv.py](../tinycnn/layers/conv.py). In a network an
# engine runs it, a few pictures at a time, so that the patches stay in the processor's fast memory. For the most
# common kernels the engine has an algorithm that comes to the same numbers, but for rounding, with fewer
# multiplications: [tinycnn/engine/winograd.py](../tinycnn/engine/winograd.py). Patches remain the definition.
#
# ## 6. Why channels last?
#
# An array is a long row of numbers in memory, and the last axis runs fastest. With *channels last*, the three numbers
# of a pixel are neighbors, and so are the pixels of a row. So a window's row of KW · C numbers is one run in memory,
# and copying long runs is what machines do well. Here is a picture of 3 x 4 pixels in color, and the window in its
# upper left corner:

# %%
draw.memory_order((3, 4, 3), (2, 2))

# %% [markdown]
# There is a second reason, and it is the better one. With channels last, a row of patches multiplies `w` and *is* a
# row of `y`, and `y` is the next layer's picture as it stands: between layers no axis ever has to be moved. (The `.T`
# of the formulas below moves nothing either: it is the same memory, read the other way round.) PyTorch's default is
# channels first; if you compare with it, use `x.transpose(0, 3, 1, 2)`.
#
# ## 7. What kernels see
#
# A real picture at last, and three kernels made by hand. All three look at gray, so they have the same weights for
# red, green and blue.

# %%
image, *_ = tc.data.scene(3, seed=5, image_size=96)  # uint8 (96, 96, 3)
x = image[None] / 255.0
by_hand = {"brighter to the right": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 12,
           "brighter downwards": np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]) / 12,
           "spots and corners": np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]) / 24}
w = np.stack([np.stack([k] * 3, axis=2) for k in by_hand.values()], axis=3)  # (3, 3, 3 channels, 3 filters)
y = library_im2col(x, (3, 3)) @ w.reshape(27, 3)  # (1, 94, 94, 3)
draw.responses(image, {name: y[0, :, :, f] for f, name in enumerate(by_hand)})

# %% [markdown]
# For a long time people thought up such kernels (lesson 02 is about that time). A convolutional network *learns*
# them: it needs to know how the loss changes with every weight. So we have to go back through all of this.
#
# ## 8. Backward, by hand
#
# The forward consists of nothing but lines like this one, for one pixel, one weight and one output number at a time:
#
#     y += x * w
#
# If `x` grew by a little, `y` would grow `w` times as much, and the loss `dy` times that. So `x` gets the blame `dy *
# w`, and in the same way `w` gets `dy * x`. And as one pixel takes part in several outputs, it *collects* blame from
# each:
#
#     dx += dy * w
#     dw += dy * x
#
# That is all. The rest is bookkeeping: the same loops as in forward, with these two lines inside. This is what
# `tc.reference.conv2d_backward` does, and it is worth a look: [tinycnn/reference](../tinycnn/reference/windows.py).
#
# ### The picture's gradient, window by window
#
# Take the small picture from above, and let this `dy` come from the layer behind: four numbers, one for each window.
#
# **Predict first.** In which pixels of `dx` is there nothing to add up, because one window alone has touched them:
# (a) in the four corners, (b) in the four pixels in the middle, (c) in none? And what stands in the upper left
# corner?

# %%
dy = np.array([[1, -2],
               [3, 1]], float)
draw.input_gradient(dy, edges, small.shape)

# %% [markdown]
# <details><summary>What happened</summary>
#
# (a). Each corner lies in one window only, so it holds that window's `dy` times one number of the kernel: the upper
# left one is 1 · 1 = 1. In the middle four pixels, all four windows meet.
#
# </details>
#
# The first window made `y[0, 0]`, and `dy[0, 0]` is 1. So it puts down 1 times the kernel, where it stood. The second
# puts down -2 times the kernel, *on top of* the first one. And so on.
#
# The last square shows the most frequent mistake: `=` instead of `+=`. Each window wipes out what the others had to
# say. Where windows do not overlap, the numbers are even right, so with a stride as large as the kernel nobody
# notices.
#
# ### The kernel's gradient, window by window
#
# A weight was used once in every window, each time with another pixel. So `dw` is the sum of all patches, each times
# the `dy` of its window:

# %%
draw.weight_gradient(patches, dy, (3, 3))

# %% [markdown]
# "The sum over all rows, each times its `dy`" is a matrix product again: `cols.T @ dy`. And the kernel, put down `dy`
# times for each window, is `dy @ w.T`: a matrix of patches. So the backward of a convolution is the fully connected
# layer's backward on patches, plus one new thing, *adding patches back onto the picture*:
#
# | | formula | shapes |
# |---|---|---|
# | `dw` | `cols.T @ dy` | (K, M) @ (M, F) -> (K, F), then (KH, KW, C, F); M = N · OH · OW windows |
# | `db` | `dy` summed over all windows | (M, F) -> (F,) |
# | `dx` | `col2im(dy @ w.T)` | (M, F) @ (F, K) -> (M, K), then back onto (N, H, W, C) |
#
# ### Exercise 4: col2im
# *Difficulty 3/5, about 15 minutes*
#
# The way back of `im2col`: every patch is *added* to the pixels that it was copied from. The border of the padding is
# cut off at the end; nobody asked about those zeros.
#
# <details><summary>Hint 1</summary>
#
# Make an array of zeros in the size of the *padded* pictures, add everything there, and return its middle.
#
# </details>
# <details><summary>Hint 2</summary>
#
# It is your `im2col` with the assignment turned around: `padded[...] += cols[...]`, in the same loops. If you have
# looped over places in the window, no two windows meet in one step, so `+=` on a slice is safe.
#
# </details>

# %% tags=["exercise"]
def col2im(cols, x_shape, kernel, stride=1, padding=0):
    """cols: (N, OH, OW, KH * KW * C) -> pictures of x_shape (N, H, W, C) that have collected all patches."""
    ...  # your code here


# %% tags=["solution"]
def col2im(cols, x_shape, kernel, stride=1, padding=0):
    """cols: (N, OH, OW, KH * KW * C) -> pictures of x_shape (N, H, W, C) that have collected all patches."""
    (n, height, width, c), (kh, kw), p = x_shape, kernel, padding
    oh, ow = cols.shape[1:3]
    cols = cols.reshape(n, oh, ow, kh, kw, c)
    padded = np.zeros((n, height + 2 * p, width + 2 * p, c), cols.dtype)
    for i in range(kh):
        for j in range(kw):
            padded[:, i : i + stride * oh : stride, j : j + stride * ow : stride] += cols[:, :, :, i, j]
    return padded[:, p : p + height, p : p + width]


# %% tags=["yours"]
check("06.col2im", col2im)

# %% [markdown]
# Patches full of ones count for you: how many windows of 3 x 3 does each pixel of a 4 x 4 picture lie in?

# %% tags=["yours", "expected"]
if check("06.col2im", col2im):
    print(col2im(np.ones((1, 2, 2, 9)), (1, 4, 4, 1), (3, 3))[0, :, :, 0].astype(int))

# %% [markdown]
# There is a test for a pair like this that needs no example at all. Adding back is the *adjoint* of copying out: for
# any picture `x` and any patches `d`, the sum of `im2col(x) * d` equals the sum of `x * col2im(d)`. (Both add up the
# same products; one sorts them by window, the other by pixel.)

# %%
rng = np.random.default_rng(1)
x, d = rng.standard_normal((2, 7, 6, 3)), rng.standard_normal((2, 4, 3, 27))
geometry = {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1)}
print("by window:", (library_im2col(x, **geometry) * d).sum().round(12))
print("by pixel: ", (x * library_col2im(d, x.shape, **geometry)).sum().round(12))

# %% [markdown]
# ### Exercise 5: the backward
# *Difficulty 3/5, about 15 minutes*
#
# Three lines of the table above, with reshapes. The check compares your three gradients and then asks the gradient
# checker for its opinion.
#
# <details><summary>Hint 1</summary>
#
# `dy.reshape(-1, F)` puts all windows of all pictures below each other: (M, F). Do the same with the patches.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `dx` does not need that reshape: `dy @ w.reshape(K, F).T` has the shape (N, OH, OW, K), which is what `col2im`
# takes.
#
# </details>

# %% tags=["exercise"]
def conv_backward(dy, x, w, stride=1, padding=0):
    """dy: (N, OH, OW, F) -> dx, dw, db in the shapes of x (N, H, W, C), w (KH, KW, C, F) and b (F,)."""
    ...  # your code here


# %% tags=["solution"]
def conv_backward(dy, x, w, stride=1, padding=0):
    """dy: (N, OH, OW, F) -> dx, dw, db in the shapes of x (N, H, W, C), w (KH, KW, C, F) and b (F,)."""
    kernel, f = w.shape[:2], w.shape[3]
    cols = im2col(x, kernel, stride, padding)  # (N, OH, OW, K)
    dw = cols.reshape(-1, cols.shape[3]).T @ dy.reshape(-1, f)  # (K, F)
    dcols = dy @ w.reshape(-1, f).T  # (N, OH, OW, K)
    return col2im(dcols, x.shape, kernel, stride, padding), dw.reshape(w.shape), dy.sum(axis=(0, 1, 2))


# %% tags=["yours"]
check("06.conv_backward", conv_backward)

# %% [markdown]
# For the small picture, both gradients of the two drawings. (The same lines in the library: `Conv2d.backward` in
# [tinycnn/layers/conv.py](../tinycnn/layers/conv.py), and `col2im` in [tinycnn/patches.py](../tinycnn/patches.py).)

# %% tags=["yours", "expected"]
if check("06.conv_backward", conv_backward):
    dx, dw, db = conv_backward(dy[None, :, :, None], small[None, :, :, None], edges[:, :, None, None])
    print("dx =", *dx[0, :, :, 0].astype(int).tolist(), "", "dw =", *dw[:, :, 0, 0].astype(int).tolist(), sep="\n")

# %% [markdown]
# ### Exercise 6: find the bug
# *Difficulty 2/5, about 15 minutes*
#
# The same backward once more, as loops, written by somebody who had no use for patches. Without padding it is right.
# With padding networks still train with it, only not as well as they should, and nobody knows why. What has gone
# astray, and by how many pixels? (`np.s_[...]` is an index that has a name, so that it can be used twice.)
#
# <details><summary>Hint 1</summary>
#
# Run it with `dy` all ones on a picture of 4 x 4 with a padding of 1, and look at `dx`. Should it be symmetric?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `dpadded` is larger than the picture. Where in it does the picture lie?
#
# </details>

# %% tags=["exercise"]
def conv_backward_loops(dy, x, w, stride=1, padding=0):
    """dy: (N, OH, OW, F) -> dx, dw, db in the shapes of x, w and b."""
    (kh, kw), (height, width), p = w.shape[:2], x.shape[1:3], padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for n, i, j, f in np.ndindex(dy.shape):
        window = np.s_[n, i * stride : i * stride + kh, j * stride : j * stride + kw]
        dpadded[window] += dy[n, i, j, f] * w[..., f]
        dw[..., f] += dy[n, i, j, f] * padded[window]
    return dpadded[:, :height, :width], dw, dy.sum(axis=(0, 1, 2))


# %% tags=["solution"]
def conv_backward_loops(dy, x, w, stride=1, padding=0):
    """dy: (N, OH, OW, F) -> dx, dw, db in the shapes of x, w and b."""
    (kh, kw), (height, width), p = w.shape[:2], x.shape[1:3], padding
    padded = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for n, i, j, f in np.ndindex(dy.shape):
        window = np.s_[n, i * stride : i * stride + kh, j * stride : j * stride + kw]
        dpadded[window] += dy[n, i, j, f] * w[..., f]
        dw[..., f] += dy[n, i, j, f] * padded[window]
    # The picture lies in the middle of its border.
    return dpadded[:, p : p + height, p : p + width], dw, dy.sum(axis=(0, 1, 2))


# %% tags=["yours"]
check("06.backward_loops", conv_backward_loops)

# %% [markdown]
# ## 9. Why the check uses a random dy
#
# Here is a wrong backward. It reads `dy` upside down: the blame for the upper windows goes to the lower ones. First
# it is checked by summing up the output, which comes to mind first. Then `dy` is 1 everywhere.

# %%
def forward(x, w, b):
    return library_im2col(x, (3, 3)) @ w.reshape(-1, w.shape[3]) + b


def upside_down(dy, x, w, b):
    dy = dy[:, ::-1]  # the mistake
    rows = dy.reshape(-1, w.shape[3])
    dcols = (rows @ w.reshape(-1, w.shape[3]).T).reshape(*dy.shape[:3], -1)
    dw = library_im2col(x, (3, 3)).reshape(len(rows), -1).T @ rows
    return library_col2im(dcols, x.shape, (3, 3)), dw.reshape(w.shape), rows.sum(axis=0)


rng = np.random.default_rng(2)
x, w, b = rng.standard_normal((2, 5, 5, 2)), rng.standard_normal((3, 3, 2, 3)), rng.standard_normal(3)
with_ones = tc.gradcheck((forward, upside_down), x, w, b, dy=np.ones((2, 3, 3, 3)), invariants=False)
print("with ones:  ", with_ones.summary)
with_random = tc.gradcheck((forward, upside_down), x, w, b, invariants=False)
print("with random:", with_random.summary)

# %% [markdown]
# If all windows carry the same blame, it does not matter who gets whose. A random `dy` has no such symmetry to hide
# behind. The gradient checker even says what is the matter:

# %%
with_random

# %% [markdown]
# ## 10. A layer of your own
#
# A layer keeps its weights and what backward will need. In this library it is a class with `forward` and `backward`
# ([tinycnn/layers/base.py](../tinycnn/layers/base.py)):
#
# - `Parameter(array)` holds a weight in `.value`; backward writes its gradient into `.grad`;
# - `self.remember(x)` in forward keeps `x`, and `(x,) = self.recall()` in backward gets it back;
# - backward *returns* `dx`, the `dy` of the layer below. It changes no weight: that is the optimizer's job.
#
# ### Exercise 7: MyConv2d
# *Difficulty 2/5, about 10 minutes*
#
# Two or three lines each. The weights' initial size is explained in lesson 08; it is the one that the library uses.
#
# <details><summary>Hint</summary>
#
# `dx, self.w.grad, self.b.grad = conv_backward(...)`, with the layer's own stride and padding.
#
# </details>

# %% tags=["exercise"]
class MyConv2d(Layer):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, rng=None):
        rng = np.random.default_rng(0) if rng is None else rng
        shape = (kernel_size, kernel_size, in_channels, out_channels)
        std = np.float32((2 / (kernel_size * kernel_size * in_channels)) ** 0.5)
        self.w = Parameter(rng.standard_normal(shape, dtype=np.float32) * std)
        self.b = Parameter(np.zeros(out_channels, np.float32))
        self.stride, self.padding = stride, padding

    def output_shape(self, shape):  # so that a network knows its shapes before it runs
        size = [output_size(n, self.w.value.shape[0], self.stride, self.padding) for n in shape[:2]]
        return *size, self.w.value.shape[3]

    def forward(self, x):
        ...  # your code here: remember x, return y

    def backward(self, dy):
        ...  # your code here: recall x, store both gradients, return dx


# %% tags=["solution"]
class MyConv2d(Layer):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, rng=None):
        rng = np.random.default_rng(0) if rng is None else rng
        shape = (kernel_size, kernel_size, in_channels, out_channels)
        std = np.float32((2 / (kernel_size * kernel_size * in_channels)) ** 0.5)
        self.w = Parameter(rng.standard_normal(shape, dtype=np.float32) * std)
        self.b = Parameter(np.zeros(out_channels, np.float32))
        self.stride, self.padding = stride, padding

    def output_shape(self, shape):  # so that a network knows its shapes before it runs
        size = [output_size(n, self.w.value.shape[0], self.stride, self.padding) for n in shape[:2]]
        return *size, self.w.value.shape[3]

    def forward(self, x):
        self.remember(x)
        return conv_forward(x, self.w.value, self.b.value, self.stride, self.padding)

    def backward(self, dy):
        (x,) = self.recall()
        dx, self.w.grad, self.b.grad = conv_backward(dy, x, self.w.value, self.stride, self.padding)
        return dx


# %% tags=["yours"]
check("06.layer", MyConv2d)

# %% [markdown]
# ## 11. It trains
#
# A small localizer for scenes of 32 x 32 pixels: two convolutions, each with a ReLU and a pooling (lesson 07), a
# fully connected layer, and two heads, one for the class and one for the box (lesson 09). `network(MyConv2d)` is made
# of your layer, `network(tc.layers.Conv2d)` of the library's. Both draw the same random weights.

# %%
train, held_out = (160, 40) if FAST else (2400, 200)
data = tc.data.scenes(n=train, image_size=32, seed=0, valid=held_out, test=held_out)


def network(Conv):
    """The same network out of any convolution layer."""
    rng = np.random.default_rng(0)
    trunk = Sequential(Conv(3, 16, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2),
                       Conv(16, 32, 3, padding=1, rng=rng), ReLU(), MaxPool2d(2),
                       Flatten(), Linear(8 * 8 * 32, 128, rng=rng), ReLU(), input_shape=(32, 32, 3))
    heads = Linear(128, len(data.classes), rng=rng), Linear(128, 4, rng=rng)
    for head in heads:
        head.w.value *= np.float32(0.1)  # begin with small answers
    return tc.models.Localizer(trunk, *heads, classes=data.classes, image_size=32)


def train_steps(model, steps, batch_size=32):
    """Plain training steps: forward, loss, backward, a step of the optimizer. Returns the losses."""
    model.set_box_statistics(tc.boxes.encode(data.train.boxes, data.train.sizes))
    loss, optimizer = tc.MultiTaskLoss(), tc.optim.SGD(model, lr=0.01, momentum=0.9)
    losses = []
    for step in range(steps):
        few = np.arange(step * batch_size, (step + 1) * batch_size) % len(data.train)
        x = model.normalize(data.train.images[few])  # pixels become numbers around 0
        targets = model.standardize(tc.boxes.encode(data.train.boxes[few], data.train.sizes[few]))
        losses.append(float(loss.forward(model.forward(x), (data.train.labels[few], targets))))
        model.backward(*loss.backward())
        optimizer.step()
    return losses


# %% [markdown]
# Thirty steps with each. If your layer is right, the two curves coincide. (Rounding makes a small difference,
# and a training enlarges it step by step.)

# %% tags=["yours", "expected"]
if check("06.layer", MyConv2d):
    curves = {"your layer": train_steps(network(MyConv2d), 30),
              "tinycnn.layers.Conv2d": train_steps(network(tc.layers.Conv2d), 30)}
    yours, library = curves.values()
    print(f"largest difference of the losses: {max(abs(a - b) for a, b in zip(yours, library, strict=True)):.0e}")
    figure = draw.loss_curves(curves)
else:
    figure = "first the layer"
figure

# %% [markdown]
# Now for longer. `tc.fit` is the library's training loop; it takes any model made of layers, yours included
# (`weight_decay` is explained in lesson 08). Joint
# accuracy is the share of pictures with the right class *and* an IoU of at least 0.5
# ([lesson 01](01_boxes.ipynb), which also explains the table).

# %% tags=["yours", "expected"]
if check("06.layer", MyConv2d):
    model = network(MyConv2d)
    optimizer = tc.optim.SGD(model, lr=0.02, momentum=0.9, weight_decay=5e-4)
    history = tc.fit(model, data.train, data.valid, epochs=1 if FAST else 12, batch_size=32, optimizer=optimizer,
                     augment=tc.data.Augment(), progress=False)  # pictures are mirrored and shifted: lesson 10
    report = tc.evaluate(model, data.test, data.train)
    print(tc.metrics.comparison_table(report))

# %% [markdown]
# On pictures that it has never seen:

# %% tags=["yours", "expected"]
if check("06.layer", MyConv2d):
    some = data.test.subset(slice(0, 12))
    figure = predictions(some, model.predict(some.images))
else:
    figure = "first the layer"
figure

# %% [markdown]
# And here is one of these pictures as the first layer sees it: its output `y[0, :, :, f]` for the first eleven
# filters, bright where the answer is large. Nobody told them what to look for. Some follow a color, some a rim on one
# side.

# %% tags=["yours", "expected"]
if check("06.layer", MyConv2d):
    y = model.trunk[0].forward(model.normalize(some.images[2:3]))  # (1, 32, 32, 16)
    figure = draw.feature_maps(some.images[2], y[0, :, :, :11])
else:
    figure = "first the layer"
figure

# %% [markdown]
# ## 12. Keep it
#
# The lessons on two heads and on AlexNet train with this very layer.

# %% tags=["yours"]
keep("06", {"06.output_size": output_size, "06.conv_forward": conv_loops, "06.im2col": im2col, "06.col2im": col2im,
            "06.conv_backward": conv_backward, "06.layer": MyConv2d})

# %% [markdown]
# ## Read it in the library
#
# `Conv2d` is your layer with groups: filters may look at a part of the channels only, and with `groups=1` the extra
# axis has the length 1. The rest you have written yourself: patches, a product and a bias; and back, `cols.T @ dy`, a
# sum, and `col2im`.

# %%
read(tc.layers.Conv2d.forward, tc.layers.Conv2d.backward)

# %% [markdown]
# ## Summary
#
# - A convolution is one small kernel at every place: products, sum, bias. Output size:
#   `(size + 2 * padding - kernel) // stride + 1`.
# - Copy every window into a row, and it is one matrix product: `cols @ w + b`. The fully connected layer's formula.
# - Channels last: long runs in memory, and what one layer writes the next can read as it stands.
# - Backward is read off the forward: `y += x * w` becomes `dx += dy * w` and `dw += dy * x`. In matrices: `cols.T @
#   dy`, `dy.sum`, `col2im(dy @ w.T)`. Where windows overlap, gradients add up.
# - Check with a random `dy`. Ones hide flips and swaps.
#
# ## Going on
#
# 1. *(2/5)* A kernel of 1 x 1: what is `im2col` then? Which layer is a 1 x 1 convolution, seen from a single pixel?
# 2. *(3/5)* With stride 1, `dx` can be had without `col2im`: it is a convolution of `dy` with the kernel turned by
#    180 degrees, its inputs and outputs exchanged. Look at the squares of section 8 until you believe it, then write
#    it. (Where the library's engine computes with patches, it does it this way, since copying is faster than adding.)
# 3. *(4/5)* A *dilated* convolution leaves gaps between the window's pixels. Change one slice in `im2col` and one in
#    `col2im`, and let `tc.gradcheck` say whether you are right.
# 4. **Open task.** *(3/5)* Copying patches costs time, multiplying them costs time. Measure both, each five times,
#    for kernels of 1, 3, 5 and 11 and for 4, 32 and 128 filters. From how many filters on does the product outweigh
#    the copying? You are done when a drawing with error bars says so, and when you can say why it has to be like that.
#
# **Next:** [lesson 07](07_pooling_and_relu.ipynb), the two layers that stand between convolutions.
