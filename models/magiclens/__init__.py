"""The published MagicLens in PyTorch: a picture and an instruction to one vector.

`checkpoint.py` reads the published file as data, `weights.py` names and checks its arrays,
`module.py` is the model, `folder.py` converts a published file and reads what that wrote.
Source: Zhang et al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions",
ICML 2024, and the code published with it, github.com/google-deepmind/magiclens.
"""
