"""What only a browser can tell: the script, the whole flow by clicks, who may frame whom."""
