"""The command line: one verb a command, the only room that may enter all others.

Heavy rooms are entered by the command that needs them, so that `pictor --help` answers at once.
"""
