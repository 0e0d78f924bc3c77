"""What AWPO costs beside verl's own estimators and policy loss: time, memory, and how far both are from the floor."""
