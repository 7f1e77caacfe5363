"""How answers look: tables, JSON, export files, texts that are safe on a terminal."""
