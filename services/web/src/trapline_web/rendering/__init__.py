"""How a screen's model becomes text: words, shapes and the templates."""
