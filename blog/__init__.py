"""The roof: create_app puts the rooms under one roof."""
