"""What comes in as files from other sites: reading a folder, understanding what stands in front, making posts."""
