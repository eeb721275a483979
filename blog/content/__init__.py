"""The room of what is written: posts, their slugs and their text. It knows no person and no Flask."""
