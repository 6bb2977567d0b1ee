"""Which run is it? Labels, names and the head among an address's runs."""
