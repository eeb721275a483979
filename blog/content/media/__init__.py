"""Media: pictures that people upload, made safe, kept as files, and shown by the rule of the posts that use them."""
