"""The channels behind the one ``Publisher`` port."""
