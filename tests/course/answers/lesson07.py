"""Lesson 07: answers as learners write them, exercise by exercise."""

from tests.course.answers.blame07 import MAX_POOL_BACKWARD
from tests.course.answers.fast07 import FAST_BACKWARD
from tests.course.answers.layer07 import LAYER
from tests.course.answers.means07 import AVG_POOL
from tests.course.answers.pools07 import MAX_POOL
from tests.course.answers.relu07 import RELU

ANSWERS = {"07.relu": RELU, "07.max_pool": MAX_POOL, "07.max_pool_backward": MAX_POOL_BACKWARD,
           "07.avg_pool": AVG_POOL, "07.fast_backward": FAST_BACKWARD, "07.layer": LAYER}
