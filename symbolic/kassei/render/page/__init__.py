"""The page of one function: a writer for one language, small pieces of HTML, and one module per section."""
