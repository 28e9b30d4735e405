"""One service over HTTP: how it is found, who calls it, and calls that end in an answer or an error before their deadline."""
