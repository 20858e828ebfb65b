"""Likelihood, perplexity, novelty, classification, plots."""
