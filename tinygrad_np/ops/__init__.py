"""The ops: each a forward in NumPy with its gradient rules under it. Begin with `primitive`."""
