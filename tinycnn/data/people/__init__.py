"""People with 14 joints: drawn ones, and those of photographs whose joints were marked (lsp.py).

    data = tc.data.people(n=4000, image_size=64, seed=0)        drawn
    data = tc.data.read_people("lsp-extended")                  LSP, or its extension
"""
