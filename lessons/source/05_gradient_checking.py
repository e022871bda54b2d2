# %% [markdown]
# # Lesson 05: Gradient checking: trust nothing
#
# *A wrong backward does not crash. It trains, badly, and looks like bad luck. Here is how to be sure.*
#
# ![The error over the step size for a right gradient, a wrong one, and one at a kink](picture)
#
# | | |
# |---|---|
# | **You will have** | a gradient checker of your own that convicts every planted bug |
# | **Reading** | 25 minutes |
# | **Exercises** | 5, about 80 minutes; all solved in [solutions](solutions/05_gradient_checking.ipynb) |
# | **Computing** | under a minute in all |
# | **Builds on** | what a derivative is; from lesson 03, what the box below repeats |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import numpy as np

import tinycnn as tc
from tinycnn.course import check, keep, read
from tinycnn.course.drawings import gradients as draw
from tinycnn.gradient_check.finite_differences import FiniteDifferences
from tinycnn.layers import Conv2d, MaxPool2d, ReLU, Sequential
from tinycnn.patches import col2im, im2col

# %% [markdown]
# > **Met before.** A layer turns an array `x` into an array `y`: that is its *forward*. Somewhere behind it stands a
# > *loss*, one number that says how wrong the network is. Training needs to know how the loss changes with every
# > number in the network, and works this out from the end to the beginning. A layer is told `dy`, which says for
# > every number of `y` how the loss changes with it, and its *backward* answers with `dx`, the same for every number
# > of `x`. For the *fully connected layer* `y = x @ w` that is `dx = dy @ w.T`
# > ([lesson 03](03_fully_connected.ipynb) derives it). Inputs come several at a time, as a *batch*: the first axis of
# > `x` counts them. Three more layers appear below: *ReLU*, which is `max(x, 0)`; *max pooling*, which keeps the
# > largest number of each small window; and *convolution*, which slides a small kernel over a picture. Nothing else
# > needs to be known of them here.
#
# ## 1. Measuring a slope
#
# How fast does $f(x) = x^3$ rise at $x = 1$? The book says $3x^2 = 3$. But suppose that we do not trust the book.
# Then we *measure*: take a small step, see how much the function has changed, and divide by the step. There are two
# ways.

# %%
def cube(x):
    return x**3


draw.two_ways_to_measure(cube, slope=3, x=1, h=0.5)

# %% [markdown]
# With one step to the right, the line is too steep: the curve bends on the way. With a step to *both* sides, most of
# the bend cancels out. See what happens as the step becomes smaller:

# %%
print("      h   one side    error     both sides    error")
for h in (0.5, 0.05, 0.005, 0.0005):
    one, both = (cube(1 + h) - cube(1)) / h, (cube(1 + h) - cube(1 - h)) / (2 * h)
    print(f"{h:7}  {one:9.6f}  {one - 3:.6f}     {both:9.6f}  {both - 3:.8f}")

# %% [markdown]
# A step ten times smaller makes the error of one side ten times smaller, and that of both sides a *hundred* times.
# That is worth a second evaluation. So a slope is measured like this, and it is called the *central difference*:
#
# $$\frac{f(x + h) - f(x - h)}{2h}$$
#
# ## 2. How small should h be?
#
# Smaller is better, so why not $10^{-15}$? Because a computer keeps only so many digits: about 16 in float64, about 7
# in float32. When the step is tiny, $f(x + h)$ and $f(x - h)$ agree in nearly all of them, and their difference is
# made of what is left.

# %%
steps = 10.0 ** -np.arange(0.5, 12, 0.5)
x, true = 0.7, 1 - np.tanh(0.7) ** 2


def errors_of(slope):
    return np.array([abs(slope(h) - true) / true for h in steps])


def tanh32(x):
    return float(np.tanh(np.float32(x)))


curves = {
    "one side, float64": errors_of(lambda h: (np.tanh(x + h) - np.tanh(x)) / h),
    "both sides, float64": errors_of(lambda h: (np.tanh(x + h) - np.tanh(x - h)) / (2 * h)),
    "both sides, float32": errors_of(lambda h: (tanh32(x + h) - tanh32(x - h)) / (2 * h)),
}
for name, errors in curves.items():
    print(f"{name:20} best at h = {steps[errors.argmin()]:.0e}, error {errors.min():.0e}")
draw.errors_over_h(steps, curves, "Measuring the slope of tanh")

# %% [markdown]
# Read it from left to right. First the error falls: the bend matters less and less. Then it rises again: rounding
# takes over, and a step ten times smaller makes it ten times larger. In between lies the best that can be had. Two
# rules follow.
#
# - **Check in float64.** In float32 there is no step at which much could be seen. (And train in float32: it is only
#   the check that needs the digits.)
# - **h about 1e-5**, for numbers of about 1. Then a right gradient agrees to 8 digits and more.
#
# ### Exercise 1: the numeric gradient
# *Difficulty 2/5, about 15 minutes*
#
# `f` takes an array and returns one number. Measure its slope along every element of `x`, one after the other.
#
# <details><summary>Hint 1</summary>
#
# `for i in np.ndindex(x.shape)` runs over all elements, and `x[i]` is the element.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Work on a copy of `x`, and put each element back before you move the next one.
#
# </details>

# %% tags=["exercise"]
def numeric_gradient(f, x, h=1e-5):
    """f: function (array) -> number; x: array -> the slope of f along each element, in the shape of x."""
    ...  # your code here


# %% tags=["solution"]
def numeric_gradient(f, x, h=1e-5):
    """f: function (array) -> number; x: array -> the slope of f along each element, in the shape of x."""
    gradient, x = np.zeros_like(x), x.copy()
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        above = f(x)
        x[i] = old - h
        gradient[i] = (above - f(x)) / (2 * h)
        x[i] = old  # put it back before the next one moves
    return gradient


# %% tags=["yours"]
check("05.numeric_gradient", numeric_gradient)

# %% [markdown]
# ### How close is close enough?
#
# Two gradients differ by 0.001. Is that good? If they are about 100, it is excellent. If they are about 0.0001, one
# of them is nonsense. So differences are compared with the numbers themselves:
#
# $$\text{error} = \max_i \frac{|a_i - b_i|}{\max(|a_i|, |b_i|)}$$
#
# Element by element, and then the *worst* one: a single wrong number among a million is a wrong backward. In float64
# and with the h from above, expect 1e-10 to 1e-7 for a right gradient, and anything from 1e-3 to 2 for a wrong one.
# There is seldom anything in between.
#
# ### Exercise 2: the relative error
# *Difficulty 2/5, about 10 minutes*
#
# Where both numbers are exactly 0, they agree: count that as 0.
#
# <details><summary>Hint</summary>
#
# `np.divide(p, q, out=np.zeros_like(q), where=q > 0)` divides only where there is something to divide by.
#
# </details>

# %% tags=["exercise"]
def relative_error(a, b):
    """Largest |a - b| / max(|a|, |b|) over all elements of two arrays; 0 where both are 0."""
    ...  # your code here


# %% tags=["solution"]
def relative_error(a, b):
    """Largest |a - b| / max(|a|, |b|) over all elements of two arrays; 0 where both are 0."""
    distance, size = abs(a - b), np.maximum(abs(a), abs(b))
    return np.divide(distance, size, out=np.zeros_like(size), where=size > 0).max()


# %% tags=["yours"]
check("05.relative_error", relative_error)

# %% [markdown]
# ## 3. A layer has many outputs
#
# So far, `f` gave one number. A layer gives an array. But the loss behind it is one number, and as far as small steps
# are concerned, all that we need to know about that loss is `dy`: when `y` changes by a little, the loss changes by
# the sum of `dy` times the change. So we *make up* a loss:
#
# $$L(x) = \sum_i \text{dy}_i \; y_i(x)$$
#
# Its gradient with respect to `x` is exactly what `backward(dy)` claims to compute, for any `dy` we like. Here is the
# fully connected layer ([tinycnn/layers/linear.py](../tinycnn/layers/linear.py) in the library), checked by your two
# functions:

# %% tags=["yours", "expected"]
rng = np.random.default_rng(0)
x, w = rng.standard_normal((2, 3)), rng.standard_normal((3, 4))
dy = rng.standard_normal((2, 4))  # made up

if check("05.numeric_gradient", numeric_gradient) and check("05.relative_error", relative_error):
    by_formula = dy @ w.T
    by_measuring = numeric_gradient(lambda x: (x @ w * dy).sum(), x)
    print("by formula:  ", by_formula[0].round(6))
    print("by measuring:", by_measuring[0].round(6))
    print("error is below 1e-7:", relative_error(by_formula, by_measuring) < 1e-7)

# %% [markdown]
# ### All elements at once
#
# A layer with a million weights would need two million forwards. There is a cheaper question: move *all* elements at
# once, each by its share of a random direction $r$, and see how the made-up loss changes. If backward is right, it
# must change by $\sum_i \text{dx}_i\, r_i$. Two forwards, whatever the size. An error in any element shows, unless it
# is very small or very unlucky.

# %%
def slope_along(forward, x, dy, r, h=1e-5):
    """How fast the made-up loss rises when x moves along r."""
    return ((forward(x + h * r) - forward(x - h * r)) * dy).sum() / (2 * h)


def error_along(forward, backward, x, dy, r, h=1e-5):
    """Relative distance of what is measured from what backward says."""
    measured, claimed = slope_along(forward, x, dy, r, h), (backward(dy, x) * r).sum()
    return abs(measured - claimed) / max(abs(measured), abs(claimed))


x, dy, r = rng.standard_normal((3, 2, 5))  # three arrays (2, 5)
print("tanh, right:         ", f"{error_along(np.tanh, lambda dy, x: dy * (1 - np.tanh(x) ** 2), x, dy, r):.0e}")
print("tanh, square missing:", f"{error_along(np.tanh, lambda dy, x: dy * (1 - np.tanh(x)), x, dy, r):.0e}")

# %% [markdown]
# ### Exercise 3: find the bug
# *Difficulty 2/5, about 15 minutes*
#
# Somebody has written `slope_along` for themselves, and a good reason for every line: no second copy of `x` is made,
# and at the end `x` is what it was before. But their checker says of every right backward that it is wrong by one
# half. Where does it measure?
#
# <details><summary>Hint 1</summary>
#
# Write down on paper where `x` is when each of the two forwards is called.
#
# </details>
# <details><summary>Hint 2</summary>
#
# How far apart are the two places, and by what is the difference divided?
#
# </details>

# %% tags=["exercise"]
def slope_in_place(forward, x, dy, r, h=1e-5):
    """The same as slope_along, without new arrays for x: how fast sum(dy * forward(x)) rises when x moves along r."""
    x += h * r
    above = (forward(x) * dy).sum()
    x -= h * r
    below = (forward(x) * dy).sum()
    return (above - below) / (2 * h)


# %% tags=["solution"]
def slope_in_place(forward, x, dy, r, h=1e-5):
    """The same as slope_along, without new arrays for x: how fast sum(dy * forward(x)) rises when x moves along r."""
    x += h * r
    above = (forward(x) * dy).sum()
    x -= 2 * h * r  # from above to below is two steps
    below = (forward(x) * dy).sum()
    x += h * r  # and back to where it was
    return (above - below) / (2 * h)


# %% tags=["yours"]
check("05.slope", slope_in_place)

# %% [markdown]
# (In the library, a model's own arrays are never moved: the checker works on a private copy.)
#
# ## 4. Which dy? Not ones
#
# Any `dy` will do, says the formula. So many tutorials take the simplest: `y.sum()`, which is `dy` = 1 everywhere.
# Here are five wrong backwards of a convolution ([lesson 06](06_convolution.ipynb) explains `im2col` and `col2im`; we
# only need that they belong together). Each is checked twice, with ones and with random numbers.
#
# **Predict first.** How many of the five are caught when `dy` is 1 everywhere: (a) all five, (b) three, (c) one? Read
# what each of them does, and write your letter down.

# %%
kernel = rng.standard_normal((3, 3, 1, 1))


def convolve(x):  # (N, H, W, 1) -> (N, H - 2, W - 2, 1)
    return im2col(x, (3, 3)) @ kernel.reshape(9, 1)


def convolve_back(dy, x, kernel=kernel):
    return col2im(dy @ kernel.reshape(9, 1).T, x.shape, (3, 3))


suspects = {
    "right": convolve_back,
    "dy with rows and columns exchanged": lambda dy, x: convolve_back(dy.swapaxes(1, 2), x),
    "dy upside down": lambda dy, x: convolve_back(dy[:, ::-1], x),
    "dy with the batch in reverse": lambda dy, x: convolve_back(dy[::-1], x),
    "dy forgotten": lambda dy, x: convolve_back(np.ones_like(dy), x),
    "kernel turned": lambda dy, x: convolve_back(dy, x, kernel[::-1, ::-1]),
}
x, r = rng.standard_normal((2, 2, 5, 5, 1))
kinds = {"dy = 1 everywhere": np.ones((2, 3, 3, 1)), "dy random": rng.standard_normal((2, 3, 3, 1))}
errors = {name: {kind: error_along(convolve, backward, x, dy, r) for kind, dy in kinds.items()}
          for name, backward in suspects.items()}
draw.who_is_caught(errors)

# %% [markdown]
# <details><summary>What happened</summary>
#
# (c). With ones, four of the five walk free. They all do something to `dy` that ones do not feel: a square full of
# ones looks the same upside down, and forgetting it changes nothing. Only the turned kernel has nothing to do with
# `dy`. A random `dy` has no symmetry at all.
#
# </details>
#
# The rule is wider than that. *Check at a random point.* Zeros, ones, equal numbers, square shapes, batches of one,
# biases that are still 0: whatever is special hides mistakes.
#
# ## 5. The error over h is a signature
#
# One number says "wrong". A curve says why. We measure the same slope with steps from a tenth down to a billionth,
# and look at how the error behaves.

# %% tags=["picture"]
steps = 10.0 ** -np.arange(1, 9.5, 0.5)
x, dy, r = rng.standard_normal((3, 4, 6))
near = x.copy()
near[0, 0] = 3e-4  # one number close to the kink of ReLU, the others away from it
near[abs(near) < 1e-4] = 0.5


def relu(x):
    return np.maximum(x, 0)


def relu_back(dy, x):
    return dy * (x > 0)


def tanh_back(dy, x):
    return dy * (1 - np.tanh(x) ** 2)


def tanh_wrong(dy, x):  # a single number of 24 is 10 % too large
    dx = tanh_back(dy, x)
    dx[0, 0] *= 1.1
    return dx


draw.signatures(steps, {
    "right": [error_along(np.tanh, tanh_back, x, dy, r, h) for h in steps],
    "wrong": [error_along(np.tanh, tanh_wrong, x, dy, r, h) for h in steps],
    "right, but near a kink": [error_along(relu, relu_back, near, dy, r, h) for h in steps],
})

# %% [markdown]
# - **Right**: falls with the square of h, then rises again with rounding. A valley.
# - **Wrong**: stays *flat*. No step makes a wrong gradient agree.
# - **A kink**: large steps disagree, small steps agree, and between them is a *step*. The backward is right; the big
#   steps jumped over a corner of the function.
#
# A threshold such as "below 1e-5 is right" sees none of this. With h = 1e-2, the third one would be convicted,
# innocent.
#
# ## 6. Kinks
#
# ReLU, `max(x, 0)`, has a corner at 0. To the left its slope is 0, to the right it is 1, and *at* the corner there is
# none. A measurement whose step reaches over the corner finds something in between:

# %%
draw.at_a_kink([-0.9, 0.1, 1.0], h=0.3)

# %% [markdown]
# Two ways to live with it. For a layer of your own: choose inputs that stay away from the corner by more than a step.
# For whole networks, where nobody can choose: notice when a step crosses a corner, and do not use that step. (The
# library's checker does so. It compares which ReLUs are on and which numbers win the max pools, at both ends of the
# step.) Max pooling has its corner where two numbers of a window are equal; shuffled whole numbers are safe inputs
# for it.
#
# ### Exercise 4: away from the kink
# *Difficulty 1/5, about 10 minutes*
#
# Numbers nearer to 0 than `margin` are moved out to `margin`, each to its own side. What is exactly 0 has no side:
# send it up. All others stay.
#
# <details><summary>Hint</summary>
#
# `np.where(condition, a, b)` takes from `a` where the condition holds, and from `b` elsewhere. Mind `np.sign(0)`: it
# is 0.
#
# </details>

# %% tags=["exercise"]
def away_from_kinks(x, margin):
    """A copy of x in which no number is nearer to 0 than margin."""
    ...  # your code here


# %% tags=["solution"]
def away_from_kinks(x, margin):
    """A copy of x in which no number is nearer to 0 than margin."""
    side = np.where(x < 0, -1, 1)  # 0 goes up
    return np.where(abs(x) < margin, margin * side, x)


# %% tags=["yours"]
check("05.away_from_kinks", away_from_kinks)

# %% [markdown]
# Five numbers, with a margin of 0.1:

# %% tags=["yours", "expected"]
if check("05.away_from_kinks", away_from_kinks):
    print(away_from_kinks(np.array([-0.9, -0.01, 0.0, 0.02, 1.0]), margin=0.1))

# %% [markdown]
# ## 7. The planted bugs
#
# Now you are the checker. The check holds fourteen layers, each a `forward(x)` and a `backward(dy, x)`. Some
# backwards are wrong: one has forgotten something, one reads `dy` in the wrong order, one is wrong in a single
# element, and by a thousandth; one is right but has gradients of a millionth, and one that looks just like it is not
# right at all.
#
# ### Exercise 5: accuse
# *Difficulty 3/5, about 30 minutes*
#
# Return True if the backward is wrong and False if it is right. All inputs are away from kinks.
#
# <details><summary>Hint 1</summary>
#
# You have everything: make up a random `dy` in the shape of `forward(x)`, call `backward(dy, x)`, measure with
# `numeric_gradient`, compare with `relative_error`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# From which error on is it a bug? Print the errors of a layer that you trust and of one that you have broken
# yourself: there is a wide gap between them.
#
# </details>

# %% tags=["exercise"]
def accuse(forward, backward, x):
    """Is backward(dy, x) wrong? forward: x -> y; x: an array of float64."""
    ...  # your code here


# %% tags=["solution"]
def accuse(forward, backward, x):
    """Is backward(dy, x) wrong? forward: x -> y; x: an array of float64."""
    dy = np.random.default_rng(0).standard_normal(forward(x).shape)
    measured = numeric_gradient(lambda x: (forward(x) * dy).sum(), x)
    return relative_error(backward(dy, x), measured) > 1e-5


# %% tags=["yours"]
check("05.accuse", accuse)

# %% [markdown]
# Three suspects from section 5, whose guilt you know:

# %% tags=["yours", "expected"]
if check("05.away_from_kinks", away_from_kinks) and check("05.accuse", accuse):
    x = away_from_kinks(np.random.default_rng(1).standard_normal((4, 6)), margin=0.1)
    for forward, backward in ((np.tanh, tanh_back), (np.tanh, tanh_wrong), (relu, relu_back)):
        print(f"{backward.__name__:10} wrong? {accuse(forward, backward, x)}")

# %% [markdown]
# ## 8. The library's checker
#
# `tc.gradcheck` does all of this, for inputs and weights, in float64, on a copy: random `dy`, single elements, whole
# directions, seventeen step sizes with their signature, and for layers that are linear an exact test that needs no
# step at all. (In its tables, under "checked", the steps are called *steps* and the test without steps *exact*;
# "analytic" is what backward says and "numeric" what was measured. "Rules kept" are other things that a layer has to
# do and that were tried as well, such as to leave its input as it is.) When something is wrong it tries to say what.
# Here is a convolution that somebody has broken:

# %%
class Broken(Conv2d):
    def backward(self, dy, input_gradient=True):
        dx = super().backward(dy, input_gradient)
        self.w.grad = self.w.grad[::-1, ::-1]  # turned by 180 degrees
        return dx


x = rng.standard_normal((2, 6, 5, 2))
tc.gradcheck(Broken(2, 3, 3, padding=1), x)

# %% [markdown]
# And a row of layers with kinks, which is right:

# %%
net = Sequential(Conv2d(2, 4, 3, padding=1), ReLU(), MaxPool2d(2), Conv2d(4, 3, 3, padding=1), ReLU())
report = tc.gradcheck(net, rng.standard_normal((2, 6, 6, 2)))
print(report)

# %% [markdown]
# During training, `tc.fit(..., gradcheck_every=100)` checks the whole model with a few forwards every hundred steps,
# and `tinycnn gradcheck` on the command line checks every layer of the library.
#
# ## Read it in the library
#
# This is where the library measures: the same central difference, along a direction, with `dy` times the outputs as
# the loss. `plus` and `minus` are the outputs at both ends of the step, and `jump` is how much the slope to the right
# differs from the slope to the left: nothing on a smooth curve, and much at a kink.

# %%
read(FiniteDifferences.slope, FiniteDifferences.dot)

# %% [markdown]
# Slopes are measured in
# [gradient_check/finite_differences.py](../tinycnn/gradient_check/finite_differences.py), the error over h and its
# signatures are in [step_sizes.py](../tinycnn/gradient_check/step_sizes.py), and steps that cross a kink are noticed
# in [kinks.py](../tinycnn/gradient_check/kinks.py).
#
# ## Keep it
#
# The checker that you wrote here will judge your own layers in the lessons to come.

# %% tags=["yours"]
keep("05", {"05.numeric_gradient": numeric_gradient, "05.relative_error": relative_error, "05.slope": slope_in_place,
            "05.away_from_kinks": away_from_kinks, "05.accuse": accuse})

# %% [markdown]
# ## Summary
#
# - Measure slopes on both sides. In float64, with h about 1e-5.
# - Compare relative to the size of the numbers, and look at the worst element.
# - A layer's many outputs become one number with a made-up `dy`. Make it *random*: ones hide flips, swaps and
#   omissions.
# - The error over h: a valley is right, a plateau is wrong, a step is a kink.
# - Keep inputs away from kinks, or leave out the steps that cross them.
#
# ## Going on
#
# 1. *(2/5)* Break `tanh_back` in a way that `error_along` with one direction would probably miss. What would find it?
# 2. *(3/5)* Write the backward of `y = x / np.sqrt((x**2).sum(axis=1, keepdims=True))` and let `accuse` judge it.
# 3. **Open task.** *(4/5)* `error_along` moves all elements at once. Make one element of 10, of 1,000 and of 100,000
#    wrong by 10 %, and find out how often one random direction notices (200 directions each; what counts as
#    noticed?). Then with `r` of plus and minus ones instead of normal numbers. You are done when you can say how many
#    directions are needed so that one wrong element in 100,000 goes unnoticed once in a thousand checks.
#
# **Next:** [lesson 06](06_convolution.ipynb), convolution, whose backward you now know how to check.
