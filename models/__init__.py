"""Images and texts to vectors: decode, preprocess, encode, compose."""
