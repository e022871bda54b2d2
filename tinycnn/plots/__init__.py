"""Every figure of the library: how a training went, what a network predicts, what a data set looks like.

Each function returns a matplotlib Figure of its own and touches no global state: no window opens, nothing is left
behind in pyplot, and it works on a machine without a display. In a notebook the figure shows itself; `save` writes it
to a file. Colors are those of Okabe and Ito (2008), which people with any common color blindness can tell apart, and
nothing is said by color alone.
"""

from tinycnn.plots.annotate import annotate
from tinycnn.plots.comparison import compare_curves
from tinycnn.plots.grids import contact_sheet, predictions
from tinycnn.plots.learning import curves
from tinycnn.plots.look import COLORS, new_figure, save, style
from tinycnn.plots.skeletons import annotate_pose, poses

__all__ = ["COLORS", "annotate", "annotate_pose", "compare_curves", "contact_sheet", "curves", "new_figure", "poses",
           "predictions", "save", "style"]
