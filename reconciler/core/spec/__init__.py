"""What does a spec say? Its normal form, hash, differences, field paths and secrets."""
