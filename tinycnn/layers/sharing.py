"""No layer and no Parameter stands in two places: each remembers one forward, and holds one gradient."""

from tinycnn.layers.base import Layer, Parameter


def expect_unshared(layer: Layer) -> None:
    """Raise a ValueError where one layer, or one Parameter, stands in two places inside `layer`.

    The second forward would replace what backward needs of the first, and the second gradient the first one.
    """
    seen: dict[int, str] = {}
    waiting: list[tuple[str, Layer]] = [("", layer)]
    for prefix, part in waiting:  # it grows on the way
        for name, value in [*part.children().items(), *part.held(Parameter).items()]:
            name = f"{prefix}{name}"
            if id(value) in seen:
                kind = "Parameter" if isinstance(value, Parameter) else "layer"
                raise ValueError(
                    f"{seen[id(value)]!r} and {name!r} are one and the same {kind}. Its gradient would be that of one "
                    f"place alone: make a {kind} of its own for each place."
                )
            seen[id(value)] = name
            if isinstance(value, Layer):
                waiting.append((f"{name}.", value))
