"""The use cases: read live state and plan, apply a plan, wait for runs. Speaks to the world through ports only."""
