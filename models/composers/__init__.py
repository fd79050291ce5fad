"""Reference picture and instruction(s) to a question for the index: one file a composer.

A new composer is a file with a class as `composer.py` describes it, and its line in `registry.py`.
"""
