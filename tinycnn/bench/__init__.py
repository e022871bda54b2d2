"""How fast is it, and where does the time go? What `tinycnn bench` measures, piece by piece.

    workloads.py    what is computed: which network, which batch, training or prediction, and how much arithmetic it is
    sides.py        who computes it: tinycnn ...
    peers.py        ... and its peers, with the same network, weights and batch
    torch_twin.py   PyTorch; the only file that imports it
    onnx_twin.py    ONNX Runtime; the only file that imports it
    epoch.py        a whole epoch, from picture files to weights, for both
    measure.py      clocks: alternating steps, the fastest matrix product, the time of each layer
    process.py      one side in a process of its own, for its peak memory
    scaling.py      the cost against the batch and the image, with its figure
    roofline.py     the least time that each layer could take on this machine, with its figure
    report.py       everything together, as text

A number that is not measured is not printed. tests/benchmarks/README.md says how to read the numbers.
"""
