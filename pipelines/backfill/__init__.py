"""`moment backfill`: past days computed anew; the command is `job.backfill`.

Nothing is imported here: every command reads `options`, and the job takes Beam, which few need.
"""
