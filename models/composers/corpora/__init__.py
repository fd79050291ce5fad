"""The two lists that BASIC's projection is made of, Pictor's own, a phrase a line.

subjects.txt: what pictures show. styles.txt: how they show it.
"""
