"""The hall: what the doors share between a request and its answer."""
