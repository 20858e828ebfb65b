"""How many categories there may be, and how long their names: for lists of names and for model files alike."""

MOST_CATEGORIES = 20_000
"""More of them, and something else than a category stands in the categories' place."""

LONGEST_CATEGORY = 1000
"""Characters of a category's name."""
