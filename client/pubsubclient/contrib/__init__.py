"""What goes with other packages, one a module or folder. Each needs only the package that it is named after."""
