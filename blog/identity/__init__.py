"""The room of who someone is: the relying party, sessions, and names from the provider. It knows no post."""
