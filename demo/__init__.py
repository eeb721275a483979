"""The one-command demo: the blog, and an identity provider beside it, on this machine only."""
