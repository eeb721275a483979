"""The doctor: what is wrong with the way to the provider, what that breaks, and what to change where; in stages."""
