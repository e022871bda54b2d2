"""Who else does the same work. Each peer is an optional package, imported when it is asked for.

    torch         PyTorch as it is used, in both memory formats           torch_twin.py
    compile       PyTorch's compiler, with the fused optimizer            torch_twin.py
    onnxruntime   an engine that runs trained networks: predictions       onnx_twin.py

A twin has `side`, the Side; `forms(kind, against)`, the ways in which it runs a workload, as arguments of `side`;
`name_of(**form)`, what each is called; `versions()`; and FAMILY, its name.
"""

from tinycnn.errors import DataError

PEERS = ("torch", "compile", "onnxruntime")


def twin(against):
    """The module that runs a peer; MissingExtra, with the cure, where its package is missing."""
    if against == "onnxruntime":
        from tinycnn.bench import onnx_twin

        return onnx_twin
    from tinycnn.bench import torch_twin

    return torch_twin


def forms(workload, against):
    """The ways in which a peer runs a workload; none without a peer."""
    return twin(against).forms(workload.kind, against) if against else []


def expect_able(workload, against):
    """DataError unless the peer can do the workload."""
    if against == "onnxruntime" and workload.kind != "inference":
        raise DataError(f"ONNX Runtime does not train, and {workload.key} does: it can be measured on D1 and D256")
