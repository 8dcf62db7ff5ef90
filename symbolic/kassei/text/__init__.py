"""Text: where templates and words are found, how mathematics is written for people."""
