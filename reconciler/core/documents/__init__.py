"""What is saved? Plans and snapshots as JSON, and the seal over a plan."""
