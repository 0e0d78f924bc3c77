"""Time and memory of AWPO's estimator and loss beside verl's own, as multiples of the memory bandwidth's floor."""
