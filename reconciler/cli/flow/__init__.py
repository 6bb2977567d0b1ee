"""What commands that plan and apply share."""
