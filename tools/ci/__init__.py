"""What only continuous integration needs: a container engine and an image base made on this machine."""
