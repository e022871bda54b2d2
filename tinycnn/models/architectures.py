"""The networks that have a name: files, commands and benchmarks build them by it, and all take the names from here."""

import inspect

from tinycnn.models.alexnet import alexnet_localizer
from tinycnn.models.localizer import localizer

ARCHITECTURES = {"localizer": localizer, "alexnet": alexnet_localizer}


def build(config):
    """The network that `config` describes: {"architecture": name, ...keyword arguments of its function}."""
    arguments = dict(config)
    return ARCHITECTURES[arguments.pop("architecture")](**arguments)


def defaults(architecture):
    """{keyword argument: default} of the function that builds `architecture`."""
    return {name: each.default for name, each in inspect.signature(ARCHITECTURES[architecture]).parameters.items()}
