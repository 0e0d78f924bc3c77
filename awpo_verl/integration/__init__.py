"""The seams in verl: the only folder that knows verl's insides (written for verl 0.9.1)."""
