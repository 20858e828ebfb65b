"""A slow n-gram, written as the recursion that defines it; ``^`` begins a name, ``$`` ends it."""

from __future__ import annotations

from collections import Counter

UNIFORM = dict.fromkeys("abc$", 1 / 4)


def count_ngrams(names, order, smoothing):
    """Return n(h w) of each n-gram as text, by the length of h."""
    tables = [Counter() for _ in range(order)]
    for text in (f"^{name}$" for name in names):
        for at in range(1, len(text)):
            for length in range(min(order, at + 1)):
                tables[length][text[at - length : at + 1]] += 1
    if smoothing == "kneser-ney":
        for length in range(order - 1):
            for gram in tables[length]:
                if not (length and gram.startswith("^")):
                    tables[length][gram] = sum(longer.endswith(gram) for longer in tables[length + 1])
    return tables


def estimate_discounts(categories, order):
    """Return the discounts of Chen and Goodman (1999), equation 26, for each length of context and counts up to 3."""
    tables = [count_ngrams(names, order, "kneser-ney") for names in categories.values()]
    found = []
    for length in range(order):
        n = [1 + sum(c == k for table in tables for c in table[length].values()) for k in (1, 2, 3, 4)]
        y = n[0] / (n[0] + 2 * n[1])
        exact = [1 - 2 * y * n[1] / n[0], 2 - 3 * y * n[2] / n[1], 3 - 4 * y * n[3] / n[2]]
        found.append([0, *(min(max(d, 0.01), k - 0.01) for k, d in enumerate(exact, 1))])
    return found


def predict(tables, before, discounts=None, shortest=0, below=UNIFORM):
    """Return the probability of each letter, by the recursion of the definition."""
    for length in range(shortest, min(len(tables), len(before) + 1)):
        context = before[len(before) - length :]
        counts = {letter: tables[length][context + letter] for letter in below}
        if not any(counts.values()):
            break
        taken = {w: discounts[length][min(n, 3)] if discounts else 0.0 for w, n in counts.items()}
        backoff = sum(taken.values()) if discounts else sum(n > 0 for n in counts.values())
        total = sum(counts.values()) - sum(taken.values()) + backoff
        below = {w: (counts[w] - taken[w] + backoff * below[w]) / total for w in counts}
    return below
