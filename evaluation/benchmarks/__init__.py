"""The benchmarks, each with its published protocol; `registry` has them by name."""
