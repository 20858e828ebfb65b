"""Generating names: decoding, the samplers, filters, top-N search."""
