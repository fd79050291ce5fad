"""A collection on a plane, where pictures that are alike lie near each other.

projection.py   vectors to places, fitted on a sample
record.py       the file that keeps both for a generation, and what the catalogue keeps of it
building.py     the job's part
levels.py       which picture stands for its neighbourhood, from afar and from near
layout.py       where every item of a state lies
asking.py       a box of it, with as many points as asked for
"""
