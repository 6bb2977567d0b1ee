"""What does a method do? Jobs, lists, operations, IAM policies and children."""
