"""What a person runs before and after training: the command `awpo-verl`. Needs the extra `workbench`."""
