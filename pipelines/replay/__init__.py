"""`moment replay`: failed events taken again after a fix; the command is `job.replay`.

Nothing is imported here: every command reads `options`, and the job takes Beam, which few need.
"""
