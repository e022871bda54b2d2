"""People with 14 joints: drawn ones (body.py, figure.py, draw.py), and those of photographs whose joints were marked.

    data = tc.data.draw_people(n=4000, image_size=64, seed=0)
    data = tc.data.read_people("lsp-extended")                    # LSP, or its extension
"""
