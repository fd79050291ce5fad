"""A collection on a plane, where pictures that are alike lie near each other.

projection.py   vectors to places, fitted on a sample
levels.py       which picture stands for its neighbourhood, from afar and from near
layout.py       where every item of a state lies
asking.py       a box of it, with as many points as asked for
"""
