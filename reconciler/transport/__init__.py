"""Transports: how one request becomes one response. Each wraps the network or another transport."""
