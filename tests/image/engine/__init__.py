"""The container engine that the tests of the image use, and the base image that they build on."""
