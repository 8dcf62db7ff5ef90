"""What a page shows beyond the dossier, computed from it: forms in the output, worked steps, exercises, values."""
