"""The version of Moment, written into every event row."""

VERSION = "0.1.0"
