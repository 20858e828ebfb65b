"""Likelihood, perplexity, novelty, classification, explanations, plots."""
