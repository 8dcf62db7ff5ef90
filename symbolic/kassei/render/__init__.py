"""Pages and plots: dossiers in, Markdown, SVG and a site out."""
