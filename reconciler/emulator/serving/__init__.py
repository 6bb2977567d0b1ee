"""Who is let in, and for how long? The server around the emulator."""
