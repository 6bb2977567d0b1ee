"""The Google job APIs for any kind, over a Transport. Knows URLs, pages and error envelopes; owns no policy."""
