"""Names: alphabets, transliteration, readers for every input format, the catalogue and its downloads."""
