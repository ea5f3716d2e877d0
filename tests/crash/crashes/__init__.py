"""Kills a program that trains, again and again, and compares what it ends with."""
