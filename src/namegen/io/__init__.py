"""Bytes in and out, safely: atomic writes, locks, archives, untrusted text and tensors, HTTP."""
