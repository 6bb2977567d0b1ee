"""The GitHub action and its comment on a pull request."""
