"""How do tests steer it? The paths that no Google API has."""
