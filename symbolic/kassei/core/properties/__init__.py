"""One module per property: the statement, and the argument that decides it for every input and parameter."""
