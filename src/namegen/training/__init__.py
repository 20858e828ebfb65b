"""Fitting: batches, optimisation, distillation, fine-tuning, resumable jobs, several processes."""
