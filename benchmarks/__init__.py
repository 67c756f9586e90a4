"""Side-by-side benchmarks: the project and its contenders, in one run on one machine."""
