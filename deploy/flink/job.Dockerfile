# Flink with one job in it, for application mode. The jar is made by `moment measure ...
# --output_executable_path=job.jar` and holds keys derived from the pseudonym key: keep the image
# in a private registry.
# Built from a folder that holds job.jar alone: docker build -f deploy/flink/job.Dockerfile -t moment-job FOLDER
FROM flink:1.19.3-scala_2.12-java17

COPY --chown=flink:flink job.jar /opt/flink/usrlib/job.jar
