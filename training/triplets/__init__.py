"""Triplets to train a composer on: a picture, an instruction, the picture that it leads to."""
