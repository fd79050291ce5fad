"""Train a small dual encoder: captions, teacher features and sample scenes to a model folder."""
