"""How an answer is called where a plain call would not do, and how it is handed to the gradient checker.

A module for each lesson that needs one: CALLS, {exercise: function (learner's function or class, args, kwargs) -> the
results as a list}; GRADIENTS, {exercise: function (learner's function or class) -> a gradcheck Report}; FUNCTIONS,
{name: function}, where a hidden case holds functions. No right answer is in here: what the checker measures is the
library's, or a formula that stands in the lesson.
"""
