"""`moment verify`: a dataset recomputed and compared; the command is `job.verify`.

Nothing is imported here: every command reads `options`, and the job takes Beam, which few need.
"""
