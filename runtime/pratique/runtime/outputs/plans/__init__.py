"""Plans as people and machines read them: text, JSON, Mermaid, DOT and a page that stands by itself."""
