"""Values to text. A renderer decides nothing and reads nothing but its argument."""
