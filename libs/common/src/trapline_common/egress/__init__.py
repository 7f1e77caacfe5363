"""The gate: which addresses may be dialled. Everything that is fetched for a page goes through it."""
