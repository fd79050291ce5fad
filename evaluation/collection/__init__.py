"""How well a collection of ones own is searched: a report that a person can act on."""
