"""The words and rules that everything else is built from. Pure: nothing here imports an I/O library."""
