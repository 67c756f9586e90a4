"""The modules that come with the framework; `tinygrad_np.nn` has them all."""
