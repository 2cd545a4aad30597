"""The command line: parse, call one function, show its report, end with its exit code."""
