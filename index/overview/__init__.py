"""A collection on a plane, where pictures that are alike lie near each other.

projection.py   vectors to places, fitted on a sample
levels.py       which picture stands for its neighbourhood, from afar and from near
beside.py       a place between those of a vector's nearest
umap.py         vectors to places by UMAP, where that is installed
layouts.py      the file that a job's layout is
making.py       how the job makes it, or keeps what it had
layout.py       where every item of a state lies
asking.py       a box of it, with as many points as asked for
"""
