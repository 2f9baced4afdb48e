FILTER_TRANSFORM: tuple[tuple[float, float, float], ...]
