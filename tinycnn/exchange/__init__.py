"""Models for other programs, and weights from them.

    onnx_file       a model as an ONNX file, which onnxruntime and others run          tinycnn.to_onnx
    torch_network   a model as a PyTorch network with the same weights                 tinycnn.to_torch
    state_dict      weights by PyTorch's names into a model                            tinycnn.load_state_dict
"""
