"""A trained model: networks, inference, n-grams, the file format, the model store, export."""
