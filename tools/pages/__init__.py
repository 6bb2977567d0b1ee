"""The generated parts of docs/, and the pictures of plans that stand in them."""
