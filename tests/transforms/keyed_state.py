"""Keyed state in the test's hand: a bag and a value, as a runner gives them to a DoFn."""

from __future__ import annotations


class Bag:
    def __init__(self):
        self.held = []

    def read(self):
        return self.held

    def add(self, one):
        self.held.append(one)

    def clear(self):
        self.held = []


class Value:
    held = None

    def read(self):
        return self.held

    def write(self, value):
        self.held = value

    def clear(self):
        self.held = None


class Timer:
    """When a timer was set for, by tag."""

    def __init__(self):
        self.set_for = {}

    def set(self, at, dynamic_timer_tag=""):
        self.set_for[dynamic_timer_tag] = at
