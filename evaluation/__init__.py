"""Measure retrieval as the papers do: metrics on ids, benchmarks, and the sample scenes."""
