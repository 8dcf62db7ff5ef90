"""What a definition says at a number, to any precision: the measure of everything that is emitted."""
