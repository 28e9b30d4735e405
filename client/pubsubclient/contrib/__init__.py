"""What goes with other packages, one a module. Each needs only the package that it is named after."""
