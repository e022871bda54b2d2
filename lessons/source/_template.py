# %% [markdown]
# # Lesson NN: Its name
#
# *One sentence: the question that this lesson answers.*
#
# ![what is seen in the picture](picture)
#
# | | |
# |---|---|
# | **You will have** | what the reader has in the end |
# | **Reading** | 30 minutes |
# | **Exercises** | 3, about 35 minutes; all solved in [solutions](solutions/NN_name.ipynb) |
# | **Computing** | about a minute in all |
# | **Builds on** | [lesson 01](01_boxes.ipynb) |

# %%
# On Google Colab, or wherever tinycnn is not installed yet, run this line first:
# %pip install -q "tinycnn[lessons]"
import numpy as np

import tinycnn as tc
from tinycnn.course import FAST, check, keep, mine, read
from tinycnn.plots import new_figure

# %% [markdown]
# > **Met before.** Whatever is needed of other lessons, in a few sentences, each with its link.
#
# ## 1. Tiny numbers first
#
# What happens, with numbers that can be checked by hand. Then the formula. Then loops, then NumPy.
#
# ### Exercise 1: what it is
# *Difficulty 1/5, about 10 minutes*
#
# What is to be written, in one or two sentences.
#
# <details><summary>Hint</summary>
#
# The one thought that helps.
#
# </details>

# %% tags=["exercise"]
def first(x):
    """x: (N, D) -> what comes out, with its shape."""
    ...  # your code here

# %% tags=["solution"]
def first(x):
    return 2 * x

# %% tags=["yours"]
check("NN.first", first)

# %% tags=["yours", "expected"]
if check("NN.first", first):
    print(first(np.arange(3.0)))

# %% [markdown]
# **Predict first.** What will be seen in the next figure: (a) this, (b) that, or (c) something else?

# %% tags=["picture"]
count = 10 if FAST else 1000
figure = new_figure(4, 2)  # a figure of some size belongs into tinycnn/course/drawings
figure.subplots().plot(np.arange(count))
figure

# %% [markdown]
# <details><summary>What happened</summary>
#
# (a). Why, and how large the difference is beside its spread.
#
# </details>
#
# ### Exercise 2: find the bug
# *Difficulty 2/5, about 15 minutes*
#
# Somebody has written this. What does it do wrong, and how does that show?
#
# <details><summary>Hint</summary>
#
# Where to look.
#
# </details>

# %% tags=["exercise"]
def second(x):
    """The same with a bug in it."""
    return 2 + x

# %% tags=["solution"]
def second(x):
    return 2 * x

# %% tags=["yours"]
check("NN.second", second)

# %% [markdown]
# ### Exercise 3: with what was kept earlier
# *Difficulty 1/5, about 10 minutes*
#
# <details><summary>Hint</summary>
#
# One line.
#
# </details>

# %% tags=["yours"]
iou = mine("01", "iou", tc.boxes.iou)

# %% tags=["exercise"]
def third(a, b):
    """a, b: (N, 4) -> (N,)."""
    ...  # your code here; use iou

# %% tags=["solution"]
def third(a, b):
    return iou(a, b)

# %% tags=["yours"]
check("NN.third", third)

# %% tags=["yours"]
keep("NN", {"NN.first": first, "NN.second": second, "NN.third": third})

# %% [markdown]
# ## Read it in the library

# %%
read(tc.boxes.iou)

# %% [markdown]
# ## Summary
#
# - What stays.
#
# ## Going on
#
# 1. *(2/5)* A question for an evening.
# 2. **Open task.** *(4/5)* Something that nobody has measured here. You are done when you can say what the number is,
#    and how far it can be relied on.
