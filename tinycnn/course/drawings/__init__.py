"""The drawings of the lessons, one module a lesson: small pictures with their real numbers in them.

Each function is given the very arrays that the lesson computes and draws what is in them, so no figure can say anything
else than the code beside it.
"""
