# %% [markdown]
# # Lesson 03: Fully connected, by hand
#
# *The layer everything is made of, the loss that tells it what is wrong, and the way back through both.*
#
# ![The weights of ten classes drawn as pictures: after the first step, and trained](picture)
#
# | | |
# |---|---|
# | **You will have** | a layer and a loss of your own, checked, and a network of them that learns from pictures |
# | **Reading** | 30 minutes |
# | **Exercises** | 7, about 85 minutes; all solved in [solutions](solutions/03_fully_connected.ipynb) |
# | **Computing** | about a minute in all |
# | **Builds on** | NumPy arrays, and what a derivative is |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import numpy as np

import tinycnn as tc
from tinycnn.course import FAST, check, keep, read
from tinycnn.course.calls.lesson03 import somebodys_loop
from tinycnn.course.drawings import connected as draw
from tinycnn.course.drawings.convolution import loss_curves
from tinycnn.layers import Layer, Parameter, ReLU, Sequential

# %% [markdown]
# > **Needed.** The *derivative* of a function says how many times as much it changes as its input, if that changes by
# > a little. Of $x^2$ it is $2x$, of $e^x$ again $e^x$, of $\log x$ it is $1/x$. When one function is put into
# > another, the derivatives are multiplied: the *chain rule*. That is all the calculus in this lesson.
#
# ## 1. A score
#
# Is it a tomato, or is it a leaf? Suppose that three numbers are known of a thing: how red it is, how green, and how
# blue. A simple judge gives each answer a *score*. Red speaks for the tomato, so it counts 2; green speaks against it
# and counts -1; blue does not matter. For the leaf it is -1, 2 and -1. Multiply, add up, and the larger score wins.
# To each score belongs one more number, which is added whatever the thing looks like: the *bias*, a leaning in
# advance.
#
# The counts are the *weights* `w`. Each answer has a column of them, and that is all there is to a fully connected
# layer: **a column of `w` says what speaks for one answer, and what against it.**
#
# | array | shape | in words |
# |---|---|---|
# | `x` | (N, D) | N things, one a row, with D numbers each: a *batch* |
# | `w` | (D, F) | for each of F outputs, a column of D weights |
# | `b` | (F,) | a bias for each output |
# | `y` | (N, F) | N rows of F scores |

# %%
x = np.array([[3, 1, 0],
              [1, 3, 1],
              [2, 2, 0],
              [0, 1, 2]], float)  # four things; red, green, blue
w = np.array([[2, -1],
              [-1, 2],
              [0, -1]], float)  # a column for the tomato, a column for the leaf
b = np.array([-1, 1], float)
y = x @ w + b
draw.one_output(x, w, b, y, n=0, f=0)

# %% [markdown]
# Check one more number of `y` by hand before you go on. In one formula:
#
# $$y[n, f] = \sum_d x[n, d]\ w[d, f] + b[f]$$
#
# Every output looks at every input; hence *fully connected*. In NumPy it is `x @ w + b`. The rows do not know of each
# other: a batch is a way to do many things at once, no more. And `b` has no row of its own: it is added to each.
#
# ### Exercise 1: forward
# *Difficulty 1/5, about 5 minutes*
#
# Write it as loops, if you have never done so: three of them, and the line `y[n, f] += x[n, d] * w[d, f]` inside. Or
# write it as a product. Both are right.
#
# <details><summary>Hint</summary>
#
# With loops: begin with `np.zeros((N, F))`, and add `b[f]` once for every `y[n, f]`, outside of the loop over `d`.
#
# </details>

# %% tags=["exercise"]
def linear_forward(x, w, b):
    """x: (N, D); w: (D, F); b: (F,) -> y: (N, F)."""
    ...  # your code here


# %% tags=["solution"]
def linear_forward(x, w, b):
    """x: (N, D); w: (D, F); b: (F,) -> y: (N, F)."""
    return x @ w + b  # (N, D) @ (D, F) -> (N, F); b is added to every row


# %% tags=["yours"]
check("03.forward", linear_forward)

# %% tags=["yours", "expected"]
if check("03.forward", linear_forward):
    print(linear_forward(x, w, b))

# %% [markdown]
# ## 2. The way back
#
# So far somebody has chosen the weights. A network finds them, and for that it needs to be told how wrong it is: one
# number, the *loss*, that is to become small. Sections 3 and 4 are about a good one. Here any will do. Say what each
# score should have been, and take half the sum of the squared differences.
#
# Now ask every number of `y`: *if you grew a little, how much would the loss grow?* The answers are called `dy`,
# short for the derivative of the loss with respect to `y`. `dy` has the shape of `y`. For half a square the
# derivative is the difference itself:

# %%
wanted = np.array([[3, 0],
                   [-2, 6],
                   [-1, 2],
                   [-1, 0]], float)


def half_squares(y):
    return ((y - wanted) ** 2).sum() / 2


dy = y - wanted
print("loss:", half_squares(y))
print("dy:", *dy.tolist())

# %% [markdown]
# But nobody can turn a knob of `y`. The knobs are `w` and `b`. What is their answer? Look at the one line
# that the forward consists of, for one row, one input and one output at a time:
#
#     y += x * w
#
# If `w` grew by a little, this `y` would grow `x` times as much, and the loss `dy` times that. So `w` gets the share
# `dy * x`. In the same way `x` gets the share `dy * w`. And what takes part in several outputs *collects* the shares
# of all of them:
#
#     dx += dy * w
#     dw += dy * x
#     db += dy        # b is added as it is
#
# That is all of backpropagation. The rest is where to put the loops. A weight is used once in every row of the batch,
# so `dw` is a sum over the rows; each gives a small matrix, all of its `x` times all of its `dy`:

# %%
draw.weight_gradient(x, dy)

# %% [markdown]
# "Rows of one, times rows of the other, summed over the batch" is a matrix product again, and so are the other two:

# %%
draw.three_gradients(x, w, dy)

# %% [markdown]
# You need not learn these by heart, for **the shapes all but dictate them.** `dw` has the shape of `w`, (D, F), and
# is made of `x`, (N, D), and `dy`, (N, F). The N has to vanish, so it must be in the middle: (D, N) @ (N, F), and
# there is only `x.T @ dy`. For `dx`, (N, D), the F has to vanish: `dy @ w.T`. (The shapes say nothing about signs and
# factors. If N, D and F are all equal, they say nothing at all. So try things out with three different sizes.)
#
# Do we believe it? Turn one knob by a thousandth, and see what the loss does:

# %%
step = np.zeros_like(w)
step[0, 0] = 0.001
rise = (half_squares(x @ (w + step) + b) - half_squares(y)) / 0.001
print(f"w[0, 0] grows: the loss rises {rise:.3f} times as much; dw[0, 0] = {(x.T @ dy)[0, 0]:.0f}")

# %% [markdown]
# ([Lesson 05](05_gradient_checking.ipynb) makes a method of this.)
#
# Two things that `backward` does *not* do. It does not divide by N: if the loss is a mean, then `dy` is small
# already. And it changes nothing: it says how the loss would react, and somebody else will decide what to do about
# it.
#
# ### Exercise 2: backward
# *Difficulty 3/5, about 15 minutes*
#
# Loops or products. The check compares all three and then asks the gradient checker for its opinion.
#
# <details><summary>Hint 1</summary>
#
# As loops it is the forward's three loops, with `dx[n, d] += ...`, `dw[d, f] += ...` inside; and two loops for `db`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# As products: begin with the shape that you want, and find the order and the transposes that give it.
#
# </details>

# %% tags=["exercise"]
def linear_backward(dy, x, w):
    """dy: (N, F); x: (N, D); w: (D, F) -> dx (N, D), dw (D, F), db (F,)."""
    ...  # your code here


# %% tags=["solution"]
def linear_backward(dy, x, w):
    """dy: (N, F); x: (N, D); w: (D, F) -> dx (N, D), dw (D, F), db (F,)."""
    return dy @ w.T, x.T @ dy, dy.sum(axis=0)


# %% tags=["yours"]
check("03.backward", linear_backward)

# %% tags=["yours", "expected"]
if check("03.backward", linear_backward):
    print("dx, dw, db:", *(part.astype(int).tolist() for part in linear_backward(dy, x, w)), sep="\n")

# %% [markdown]
# ## 3. Softmax: scores become probabilities
#
# Half a square was a poor loss. Who says that a tomato should score 3, and not 30? All we know is *which* class is
# true. So we let the scores compete. `exp` makes each of them positive, and dividing by the sum makes them shares of
# 1:
#
# $$p_k = \frac{e^{s_k}}{\sum_j e^{s_j}}$$
#
# Three things, three classes. The true class is colored. (The columns to the right of `p` are section 4.)

# %%
scores = np.array([[1, 2, 0],
                   [0, 0, 0],
                   [2, 0, -1]], float)
labels = np.array([0, 2, 0])  # the true classes, counted from 0
draw.softmax_steps(scores, labels)

# %% [markdown]
# Equal scores give equal shares. And only *differences* count: one more in a score makes its `exp` 2.72 times as
# large, and one more in all scores of a row changes nothing, for a common factor cancels.
#
# **That is lucky, for `exp` explodes.** In float32, the numbers that networks compute with, this is as far as it
# goes:

# %%
with np.errstate(over="ignore", invalid="ignore"):
    for largest in (80, 88, 95):
        s = np.array([largest, largest - 1, 0], np.float32)
        print(f"largest score {largest}: exp {np.exp(s[0]):.1e},  p =", np.exp(s) / np.exp(s).sum())

# %% [markdown]
# Scores can become as large as that in a long training, and one `nan`, "not a number", makes all weights `nan` with
# the next step. The remedy: subtract each row's largest score from the row first. Then the largest is 0, its `exp` is
# 1, and the others are between 0 and 1.
#
# ### Exercise 3: softmax
# *Difficulty 2/5, about 10 minutes*
#
# A batch of scores in, a batch of probabilities out; some of the hidden scores are in the thousands.
#
# <details><summary>Hint</summary>
#
# The classes of a row lie along `axis=1`. With `keepdims=True` the maximum has the shape (N, 1) and can be subtracted
# from (N, K).
#
# </details>

# %% tags=["exercise"]
def softmax(scores):
    """scores: (N, K), any size -> probabilities (N, K); every row adds up to 1."""
    ...  # your code here


# %% tags=["solution"]
def softmax(scores):
    """scores: (N, K), any size -> probabilities (N, K); every row adds up to 1."""
    e = np.exp(scores - scores.max(axis=1, keepdims=True))  # the same probabilities, and exp cannot overflow
    return e / e.sum(axis=1, keepdims=True)


# %% tags=["yours"]
check("03.softmax", softmax)

# %% tags=["yours", "expected"]
if check("03.softmax", softmax):
    print(softmax(scores).round(2))
    print(softmax(np.array([[95, 94, 0]], np.float32)).round(2))

# %% [markdown]
# ## 4. Cross-entropy: one number
#
# What should the loss be? Only the probability of the *true* class matters. If it is 1, nothing is wrong, and the
# loss should be 0; the nearer it comes to 0, the worse. Minus the logarithm does that. The loss of a batch is the
# mean:
#
# $$L = \frac{1}{N} \sum_n -\log p_n[\text{true class}]$$
#
# **A number to remember.** Who knows nothing gives each of K classes the probability 1/K, and pays $\log K$: 1.10 for
# three classes, as in the second row above, and 2.30 for ten. A network should begin there. If its first loss is 8,
# or 0.2, something is wrong before the training has begun.
#
# ### The same formula, four programs
#
# Two classes, in float32. We let the score of the true class fall behind, and compute the loss in four ways. The loss
# of one such row is nearly the distance itself.

# %%
distance = np.arange(0, 121, dtype=np.float32)
s = np.stack([np.zeros_like(distance), distance], axis=1)  # (121, 2); the true class is 0 and falls behind
z = s - s.max(axis=1, keepdims=True)
with np.errstate(all="ignore"):
    plain, shifted = (np.exp(t[:, 0]) / np.exp(t).sum(axis=1) for t in (s, z))  # the true class's probability
    losses = {"score − log(sum(exp(scores)))": -(z[:, 0] - np.log(np.exp(z).sum(axis=1))),
              "log(p), largest score subtracted": -np.log(shifted),
              "log(p), as the formula reads": -np.log(plain),
              "log(p + 1e-12)": -np.log(shifted + np.float32(1e-12))}
draw.precautions(distance, losses)

# %% [markdown]
# - **As the formula reads** it ends at 88, where `exp` overflows.
# - **With the largest score subtracted** it gets a little further. At 104 the true class's probability is so small
#   that float32 rounds it to 0, and the logarithm of 0 is minus infinity.
# - **`log(p + 1e-12)`** is what many programs do about that. It never fails, and from 28 on it is *wrong*: the curve
#   is flat, and whoever is more wrong pays no more. A mistake that nobody sees is the worse one.
# - **Without any `p`** it is right everywhere. The logarithm of a quotient is a difference of logarithms, and the
#   logarithm undoes the `exp` above the line:
#
# $$\log p_k = s_k - \log \sum_j e^{s_j}$$
#
# all with the largest score subtracted. The last part is called *log-sum-exp*.
#
# ### Its gradient
#
# For one row, the loss is $\log \sum_j e^{s_j} - s_{true}$. Let one score $s_k$ grow a little. The sum grows by
# $e^{s_k}$ times as much, and its logarithm by $e^{s_k} / \sum_j e^{s_j}$: that is $p_k$, of all things. The second
# part matters only if $k$ is the true class; then it takes away 1. So the gradient of the scores is
#
# $$\text{dscores} = \frac{p - \text{truth}}{N}$$
#
# where the truth is 1 at the true class and 0 elsewhere, and N comes from the mean. That is the last column of the
# drawing above (before it is divided by N). Each row adds up to 0: what the true class is lacking is what the others
# have too much.
#
# ### Exercise 4: cross-entropy
# *Difficulty 3/5, about 20 minutes*
#
# Value and gradient. Some hidden scores are in the thousands, and some true classes are hopeless.
#
# <details><summary>Hint 1</summary>
#
# `log_p[np.arange(N), labels]` picks one number from each row, at its label: an array (N,).
#
# </details>
# <details><summary>Hint 2</summary>
#
# Compute `log_p` without `p`; `p` is then `np.exp(log_p)`.
#
# </details>
# <details><summary>Hint 3</summary>
#
# `dscores` begins as `p`. Subtract 1 at the true classes, and do it *after* all that needs `p` itself.
#
# </details>

# %% tags=["exercise"]
def cross_entropy(scores, labels):
    """scores: (N, K); labels: (N,) whole numbers 0 to K - 1 -> value (one number), dscores (N, K)."""
    ...  # your code here


# %% tags=["solution"]
def cross_entropy(scores, labels):
    """scores: (N, K); labels: (N,) whole numbers 0 to K - 1 -> value (one number), dscores (N, K)."""
    rows = np.arange(len(scores))
    z = scores - scores.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))  # (N, K)
    dscores = np.exp(log_p)
    dscores[rows, labels] -= 1
    return -log_p[rows, labels].mean(), dscores / len(scores)


# %% tags=["yours"]
check("03.cross_entropy", cross_entropy)

# %% tags=["yours", "expected"]
if check("03.cross_entropy", cross_entropy):
    value, dscores = cross_entropy(scores, labels)
    print(f"value {value:.3f}, the mean of 1.41, 1.10 and 0.17")
    print("dscores times 3:", *(3 * dscores).round(2).tolist())

# %% [markdown]
# ## 5. A step downhill, and a bug
#
# Now all is there. `x @ w + b` gives scores, the loss gives `dscores`, and that is the `dy` of the layer. The
# gradient points to where the loss grows, so the weights move *against* it, by a little: `w = w - lr * dw`. How
# little, says the *learning rate* `lr`. Then all of it begins anew. (Lesson 08 is about steps and rates.)
#
# Somebody has written that loop. To save time they make room for the gradients once, before it. It runs. Here are its
# losses for sixty points of three kinds, in the plane:

# %%
rng = np.random.default_rng(0)
kinds = np.arange(60) % 3
points = np.array([[0, 2], [2, -1], [-2, -1]])[kinds] + 2 * rng.standard_normal((60, 2))
zeros = np.zeros((2, 3)), np.zeros(3)
somebodys_losses, *_ = somebodys_loop(points, kinds, *zeros, steps=100, lr=0.1)
loss_curves({"somebody's loop": somebodys_losses})

# %% [markdown]
# It begins at log 3, as it should. It falls, even quickly. Then it comes up again, and goes back and forth. One might
# look for the cause in the learning rate for a long time.
#
# ### Exercise 5: find the bug
# *Difficulty 2/5, about 15 minutes*
#
# This is the loop. Mend it, and change as little as you can. (`tc.SoftmaxCrossEntropy` is the library's loss: its
# `forward` gives the value, and then its `backward` gives `dscores`.)
#
# <details><summary>Hint 1</summary>
#
# The first step is right. Print `dw` in the second one, and compare it with what `x.T @ dscores` gives there.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Adding up belongs inside of one backward, over the rows of the batch. `x.T @ dscores` has done that already.
#
# </details>

# %% tags=["exercise"]
def descend(x, labels, w, b, steps, lr):
    """Go downhill on the whole batch -> the loss before each step (steps,), and w and b after the last one."""
    loss, losses = tc.SoftmaxCrossEntropy(), []
    dw, db = np.zeros_like(w), np.zeros_like(b)
    for _ in range(steps):
        losses.append(loss.forward(x @ w + b, labels))
        dscores = loss.backward()
        dw += x.T @ dscores
        db += dscores.sum(axis=0)
        w = w - lr * dw
        b = b - lr * db
    return np.array(losses), w, b


# %% tags=["solution"]
def descend(x, labels, w, b, steps, lr):
    """Go downhill on the whole batch -> the loss before each step (steps,), and w and b after the last one."""
    loss, losses = tc.SoftmaxCrossEntropy(), []
    for _ in range(steps):
        losses.append(loss.forward(x @ w + b, labels))
        dscores = loss.backward()
        dw = x.T @ dscores  # of this step alone: the weights have moved, and older gradients belong to other places
        db = dscores.sum(axis=0)
        w = w - lr * dw
        b = b - lr * db
    return np.array(losses), w, b


# %% tags=["yours"]
check("03.training", descend)

# %% tags=["yours", "expected"]
if check("03.training", descend):
    mended, *_ = descend(points, kinds, *zeros, steps=100, lr=0.1)
    print(f"after 100 steps: {somebodys_losses[-1]:.2f} with the bug, {mended[-1]:.2f} without")
    figure = loss_curves({"somebody's loop": somebodys_losses, "mended": mended})
else:
    figure = "first the loop"
figure

# %% [markdown]
# Other libraries add up on purpose, and the user has to say `zero_grad()` in each step. This is what happens to those
# who forget. In tinycnn every backward writes its gradients anew.
#
# ## 6. A layer and a loss of your own
#
# In a network, a layer has to keep things: its weights, and between forward and backward the `x` that it has seen. So
# it becomes a class ([tinycnn/layers/base.py](../tinycnn/layers/base.py)):
#
# - `Parameter(array)` holds a weight in `.value`; backward writes its gradient into `.grad`;
# - `self.remember(x)` in forward keeps `x`, and `(x,) = self.recall()` in backward gets it back;
# - backward *returns* `dx`, which is the `dy` of the layer below.
#
# ### Exercise 6: MyLinear
# *Difficulty 2/5, about 10 minutes*
#
# Two or three lines each. The weights begin at random, with a size that lesson 08 explains; it is the library's.
#
# <details><summary>Hint</summary>
#
# `dx, self.w.grad, self.b.grad = linear_backward(dy, x, self.w.value)`.
#
# </details>

# %% tags=["exercise"]
class MyLinear(Layer):
    def __init__(self, in_features, out_features, rng=None):
        rng = np.random.default_rng(0) if rng is None else rng
        std = np.float32((2 / in_features) ** 0.5)
        self.w = Parameter(rng.standard_normal((in_features, out_features), dtype=np.float32) * std)
        self.b = Parameter(np.zeros(out_features, np.float32))

    def output_shape(self, shape):  # so that a network knows its shapes before it runs
        return (self.w.value.shape[1],)

    def forward(self, x):
        ...  # your code here: remember x, return y

    def backward(self, dy):
        ...  # your code here: recall x, store both gradients, return dx


# %% tags=["solution"]
class MyLinear(Layer):
    def __init__(self, in_features, out_features, rng=None):
        rng = np.random.default_rng(0) if rng is None else rng
        std = np.float32((2 / in_features) ** 0.5)
        self.w = Parameter(rng.standard_normal((in_features, out_features), dtype=np.float32) * std)
        self.b = Parameter(np.zeros(out_features, np.float32))

    def output_shape(self, shape):  # so that a network knows its shapes before it runs
        return (self.w.value.shape[1],)

    def forward(self, x):
        self.remember(x)
        return linear_forward(x, self.w.value, self.b.value)

    def backward(self, dy):
        (x,) = self.recall()
        dx, self.w.grad, self.b.grad = linear_backward(dy, x, self.w.value)
        return dx


# %% tags=["yours"]
check("03.layer", MyLinear)

# %% [markdown]
# ### Exercise 7: MyCrossEntropy
# *Difficulty 2/5, about 10 minutes*
#
# A loss is the last layer. Its forward gives one number; its backward is asked without a `dy` and returns `dscores`.
#
# <details><summary>Hint</summary>
#
# `cross_entropy` gives both at once. What forward does not return, it can remember.
#
# </details>

# %% tags=["exercise"]
class MyCrossEntropy(Layer):
    def forward(self, scores, labels):
        ...  # your code here: return the value

    def backward(self):
        ...  # your code here: return dscores


# %% tags=["solution"]
class MyCrossEntropy(Layer):
    def forward(self, scores, labels):
        value, dscores = cross_entropy(scores, labels)
        self.remember(dscores)
        return value

    def backward(self):
        (dscores,) = self.recall()
        return dscores


# %% tags=["yours"]
check("03.loss", MyCrossEntropy)

# %% [markdown]
# Later lessons can build on what you have written. This puts what is right into a file of your own,
# `mine/lesson03.py`:

# %% tags=["yours"]
keep("03", {"03.forward": linear_forward, "03.backward": linear_backward, "03.softmax": softmax,
            "03.cross_entropy": cross_entropy, "03.layer": MyLinear, "03.loss": MyCrossEntropy})

# %% [markdown]
# ## 7. Pictures
#
# Drawn pictures of ten kinds of things ([lesson 00](00_what_we_will_build.ipynb)), at 16 x 16 pixels. A fully
# connected layer wants a row of numbers, so the pixels of a picture are put one behind the other: 16 · 16 · 3 = 768
# numbers, moved and scaled so that they lie around 0. The *validation* part is for choosing, the *test* part for one
# look at the end.

# %%
count, held_out = (200, 100) if FAST else (3000, 1000)
data = tc.data.scenes(n=count, image_size=32, seed=0, valid=held_out, test=held_out)


def pixels(samples):
    """Pictures (N, 32, 32, 3) of 0 to 255 -> rows (N, 768) around 0, each number the mean of 2 x 2 pixels."""
    halves = samples.images.reshape(-1, 16, 2, 16, 2, 3).mean(axis=(2, 4))
    return ((halves - 127.5) / 64).reshape(-1, 768).astype(np.float32)


train, valid, test = ((pixels(part), part.labels) for part in (data.train, data.valid, data.test))


def train_network(network, loss, lr, epochs, seed=0, batch_size=50):
    """Steps downhill, a batch of pictures each, in an order drawn from the seed. Returns the loss of every step."""
    (rows, truth), rng, losses = train, np.random.default_rng(seed), []
    for _ in range(epochs):  # an epoch is once through all pictures
        order = rng.permutation(len(rows))
        for few in np.split(order, range(batch_size, len(order), batch_size)):
            losses.append(float(loss.forward(network.forward(rows[few]), truth[few])))
            network.backward(loss.backward())
            for parameter in network.parameters().values():
                parameter.value -= np.float32(lr) * parameter.grad
    return losses


# %% [markdown]
# Two of your layers, with a *ReLU* between them: `max(y, 0)`, each number by itself (lesson 07). `Sequential` runs
# them one after the other, and backward in the other direction. The same network out of the library's parts draws the
# same random weights. If yours is right, the two curves coincide, to rounding.

# %% tags=["yours", "expected"]
def network(Linear, seed=0):
    """768 numbers, 100 in between, 10 scores, out of any fully connected layer."""
    rng = np.random.default_rng(seed)
    layers = Sequential(Linear(768, 100, rng=rng), ReLU(), Linear(100, 10, rng=rng))
    layers[2].w.value *= np.float32(0.1)  # begin with small scores, so with the loss of a guess
    return layers


if check("03.layer", MyLinear) and check("03.loss", MyCrossEntropy):
    curves = {"your layers, your loss": train_network(network(MyLinear), MyCrossEntropy(), lr=0.1, epochs=4),
              "tinycnn's": train_network(network(tc.layers.Linear), tc.SoftmaxCrossEntropy(), lr=0.1, epochs=4)}
    yours, library = map(np.array, curves.values())
    print(f"first loss {yours[0]:.2f}, and log 10 is {np.log(10):.2f}")
    print(f"largest difference of the losses is below 1e-4: {abs(yours - library).max() < 1e-4}")
    figure = loss_curves(curves)
else:
    figure = "first the layer and the loss"
figure

# %% [markdown]
# ### What a column of w looks like
#
# One layer alone, `x @ w + b`, has a column of 768 weights for each class. They can be put back into the order of the
# pixels, and looked at. Gray is 0; a pixel that is bright in the picture speaks for the class where the weights are
# bright, and against it where they are dark.
#
# We begin with weights of 0. Then all probabilities are 1/10, and the first gradient `x.T @ (p - truth) / N` is
# nothing but pictures added up: a tenth of the mean of all pictures, minus a tenth of the mean of those of the class.
# The step goes against it. So **the first step paints the mean picture of each class, minus the mean of all.**

# %% tags=["picture"]
def mean_pictures(part):
    """The mean picture of each class, minus that of all: (10, 768)."""
    rows, truth = part
    return np.stack([rows[truth == k].mean(axis=0) - rows.mean(axis=0) for k in range(10)])


linear, loss = tc.layers.Linear(768, 10), tc.SoftmaxCrossEntropy()
linear.w.value[:] = 0
loss.forward(linear.forward(train[0]), train[1])
linear.backward(loss.backward())
first_step = -linear.w.grad  # (768, 10)
far = abs(first_step - mean_pictures(train).T / 10).max()
print(f"largest difference from the mean pictures is below 1e-6: {far < 1e-6}")
train_network(linear, loss, lr=0.003, epochs=1 if FAST else 20)
draw.templates({"first step": first_step.reshape(16, 16, 3, 10),
                "trained": linear.w.value.reshape(16, 16, 3, 10)}, data.classes)

# %% [markdown]
# The upper row shows what a class looks like on average, a pale bottle or a mushroom with its stem. Training sharpens
# what tells the classes *apart*: the rim of the donut, the dome of the umbrella.
#
# But why is the donut blue? The things in these pictures have random colors, whatever they are. The donuts among
# these 3000 happened to be bluer than the rest, and a layer cannot know an accident from a rule. Other pictures can.
# Here are the mean pictures of the training part compared with those of the validation part, brightness and color
# apart (1 is complete agreement, 0 is none):

# %%
ours, others = (mean_pictures(part).reshape(10, 256, 3) for part in (train, valid))
gray, other_gray = (means.mean(axis=2, keepdims=True) for means in (ours, others))
for what, trained_on, unseen in (("brightness", gray, other_gray), ("color", ours - gray, others - other_gray)):
    print(f"{what:10} correlation {np.corrcoef(trained_on.ravel(), unseen.ravel())[0, 1]:+.2f}")

# %% [markdown]
# And one sees what else is the matter. There is one template for all bottles, at one place and of one size.
#
# ## 8. Is more better?
#
# So one layer is a set of ten templates. What if a second one follows, with 100 numbers in between? We compare, on
# pictures that none of them has seen:
#
# - one layer, 768 to 10;
# - two layers, 768 to 100 to 10, *with nothing between*: ten times as many weights;
# - two layers with a ReLU between.
#
# Each is trained five times, from other random weights and in another order of the pictures, for each of three
# learning rates; the rate that is best on the validation part counts. (± is the spread of the five, their standard
# deviation.) Without looking, by always naming the same class, one has 10 % right.
#
# **Predict first.** What does the second layer do, if there is nothing between the two?
#
# - a) It helps clearly, since there are ten times as many weights; ReLU adds a little more.
# - b) It does not help. Only with ReLU does a second layer make a difference.
# - c) It learns nearly all training pictures by heart, as so many weights can, and knows the unseen ones no better.

# %%
kinds_of_network = {"one layer": (768, 10), "two layers,\nnothing between": (768, 100, 10),
                    "two layers,\nReLU between": (768, 100, ReLU, 10)}
seeds, rates, epochs = (range(2), (0.1,), 1) if FAST else (range(5), (0.01, 0.03, 0.1), 20)


def build(sizes, seed):
    """A Sequential of fully connected layers of the library from size to size, and of what else is named between."""
    rng, layers, before = np.random.default_rng(seed), [], sizes[0]
    for size in sizes[1:]:
        layers.append(size() if size is ReLU else tc.layers.Linear(before, size, rng=rng))
        before = before if size is ReLU else size
    layers[-1].w.value *= np.float32(0.1)
    return Sequential(*layers)


def accuracy(network, part):
    """Share of a part's pictures whose largest score is that of the true class."""
    return float((network.forward(part[0]).argmax(axis=1) == part[1]).mean())


def trained(sizes, rate, seed):
    model = build(sizes, seed)
    train_network(model, tc.SoftmaxCrossEntropy(), rate, epochs, seed)
    return model


results, models = {}, {}
for name, sizes in kinds_of_network.items():
    runs = {rate: [trained(sizes, rate, seed) for seed in seeds] for rate in rates}
    best = max(rates, key=lambda rate, runs=runs: np.mean([accuracy(run, valid) for run in runs[rate]]))
    models[name], results[name] = runs[best], [accuracy(run, test) for run in runs[best]]
    known = np.mean([accuracy(run, train) for run in runs[best]])
    print(f"{name.replace(chr(10), ' '):30} lr {best}: test {100 * np.mean(results[name]):4.1f} % "
          f"± {100 * np.std(results[name], ddof=1):.1f}, training pictures {100 * known:4.1f} %")
noise = np.sqrt(np.mean(results[name]) * (1 - np.mean(results[name])) / len(test[1]))
print(f"as many other test pictures would move each of these numbers by about {100 * noise:.1f}")
draw.accuracies(results, baseline=np.bincount(test[1]).max() / len(test[1]))

# %% [markdown]
# <details><summary>What happened</summary>
#
# It is b). Whatever the two layers say, one layer could say:
#
#     (x @ w1 + b1) @ w2 + b2  ==  x @ (w1 @ w2) + (b1 @ w2 + b2)
#
# and `w1 @ w2` is a matrix (768, 10), ten templates again. The next cell multiplies them out. (The two layers even
# come out two points *below* the one. They could say the same; but steps downhill take another way there, and after
# 20 epochs have not come as far, as the training pictures show. Two points are also hardly more than other test
# pictures would make.)
#
# The ReLU brings 15 points, many times the spread over the seeds. With it the numbers in between are no longer
# weighted sums of pixels: each can be off for one picture and on for another, and there may be several templates for
# one class.
#
# And c) is true of *that* network: it names more than nine of ten pictures that it was trained on, and of the others
# one in three. That is three times the majority class, and a long way from good. More pictures help
# (lesson 10), and so does looking through a small window that slides ([lesson 06](06_convolution.ipynb)).
#
# </details>

# %%
two = models["two layers,\nnothing between"][0]
(w1, b1), (w2, b2) = ((two[k].w.value, two[k].b.value) for k in (0, 1))
merged = test[0] @ (w1 @ w2) + (b1 @ w2 + b2)  # one layer
print(f"largest difference of the scores: {abs(merged - two.forward(test[0])).max():.0e}, "
      f"and the scores go up to {abs(merged).max():.0f}")

# %% [markdown]
# ## 9. Read it in the library
#
# You can now read the library's own layer, which has a few lines more than yours:

# %%
read(tc.layers.Linear.forward, tc.layers.Linear.backward)

# %% [markdown]
# `check` refuses what cannot be meant, with a sentence. `bias=False` leaves out `b`. `remember(x, output=y)` notes
# the shape of `y` as well, so that a `dy` of another shape is noticed. And `input_gradient=False` saves the work for
# `dx` in a network's first layer, where nobody needs it. The three formulas are yours. So is this:

# %%
read(tc.SoftmaxCrossEntropy.forward, tc.SoftmaxCrossEntropy.backward)

# %% [markdown]
# `z` is the scores with the largest subtracted, `log_p` the log-sum-exp of section 4, and `dscores[rows, labels] -=
# 1` comes last. `xp` is NumPy, or CuPy on a GPU. The option `label_smoothing` gives a small share `e` of the truth to
# all classes; at 0, every line with an `e` in it falls away.
#
# ## Summary
#
# - A score is a weighted sum plus a bias: `y = x @ w + b`. A column of `w` is what speaks for one output.
# - Backward is read off the forward: `y += x * w` becomes `dx += dy * w` and `dw += dy * x`. In matrices `dy @ w.T`,
#   `x.T @ dy`, `dy.sum(axis=0)`; the shapes all but dictate them.
# - Softmax makes scores probabilities, cross-entropy makes them one number, and the gradient of both is `(p - truth)
#   / N`. Subtract the row's largest score; never take the logarithm of a `p`.
# - A loss begins at log K. Gradients are written anew in each step.
# - Two layers with nothing between are one.
#
# ## Going on
#
# 1. *(2/5)* Train `linear` from weights of 0 again, with a rate of 0.1, and draw its templates. What has become of
#    them, and what does the accuracy on the validation part say to that?
# 2. *(3/5)* With K = 2, softmax depends on one number, the difference of the two scores. Find the formula: it is
#    called the *logistic function*. What does `p - truth` become?
#
# **Open task.** How many of these pictures can fully connected layers name, of those that they have never seen? You
# may change width, depth, rate, epochs, the pixels (gray? only the middle?), and take more pictures from
# `tc.data.scenes`. Measure the mean and the spread over five seeds on the validation part; a change counts if it is
# larger than the spread. Look at the test part once, when you have decided. You would know that you have found
# something if the gap between training and test pictures becomes smaller while the test accuracy grows.
#
# **Next:** [lesson 04](04_boxes_as_regression.ipynb), where the same layer says four numbers instead of ten scores: a
# box. Then [lesson 05](05_gradient_checking.ipynb) makes sure that a backward is right, and [lesson
# 06](06_convolution.ipynb) has an answer to the one template for all places.
