package moment.benchmarks;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/**
 * The Flink SQL rival on a topic: each Segment track once, then events and distinct people of each
 * minute, hour and day, on a running cluster, until the topic's end as it is now.
 *
 * <p>Arguments: BROKER TOPIC FIGURES HOST:PORT SLOTS CONNECTOR. Figures are upserted into the topic
 * FIGURES, as Moment writes rows of what changed. Returns when the job has ended.
 */
public final class CountTopic {
    private CountTopic() {}

    public static void main(String[] arguments) throws Exception {
        String broker = arguments[0];
        TableEnvironment tables =
                TableEnvironment.create(
                        EnvironmentSettings.newInstance()
                                .inStreamingMode()
                                .withConfiguration(
                                        settings(arguments[3], arguments[4], arguments[5]))
                                .build());
        tables.executeSql(
                "CREATE TEMPORARY TABLE tracks (messageId STRING, userId STRING,"
                        + " anonymousId STRING, originalTimestamp STRING)"
                        + with("kafka", broker, arguments[1])
                        + " 'format' = 'json', 'scan.startup.mode' = 'earliest-offset',"
                        + " 'scan.bounded.mode' = 'latest-offset')");
        tables.executeSql(
                "CREATE TEMPORARY TABLE figures (kind STRING, begins STRING, events BIGINT,"
                        + " people BIGINT, PRIMARY KEY (kind, begins) NOT ENFORCED)"
                        + with("upsert-kafka", broker, arguments[2])
                        + " 'key.format' = 'json', 'value.format' = 'json')");
        tables.executeSql(
                "CREATE TEMPORARY VIEW acts AS SELECT messageId AS id, originalTimestamp AS happened,"
                        + " COALESCE(userId, anonymousId) AS person, PROCTIME() AS arrived"
                        + " FROM tracks");
        tables.executeSql(
                "CREATE TEMPORARY VIEW each_once AS SELECT happened, person FROM (SELECT *,"
                        + " ROW_NUMBER() OVER (PARTITION BY id ORDER BY arrived) AS copy"
                        + " FROM acts) WHERE copy = 1");
        String figures =
                "INSERT INTO figures "
                        + counted("minute", 16)
                        + " UNION ALL "
                        + counted("hour", 13)
                        + " UNION ALL "
                        + counted("day", 10);
        if (System.getenv("EXPLAIN") != null) {
            System.out.println(tables.explainSql(figures));
            return;
        }
        tables.executeSql(figures).await();
    }

    /** The first characters of the device's time name the window: no timestamp is parsed. */
    private static String counted(String kind, int characters) {
        String begins = "SUBSTRING(happened, 1, " + characters + ")";
        return "SELECT '"
                + kind
                + "', "
                + begins
                + ", COUNT(*), COUNT(DISTINCT person) FROM each_once GROUP BY "
                + begins;
    }

    private static String with(String connector, String broker, String topic) {
        return String.format(
                " WITH ('connector' = '%s', 'topic' = '%s',"
                        + " 'properties.bootstrap.servers' = '%s',",
                connector, topic, broker);
    }

    private static Configuration settings(String rest, String slots, String connector) {
        Configuration settings = new Configuration();
        settings.setString("execution.target", "remote");
        settings.setString("rest.address", rest.split(":")[0]);
        settings.setString("rest.port", rest.split(":")[1]);
        settings.setString("pipeline.jars", "file://" + connector);
        settings.setString("parallelism.default", slots);
        settings.setString("pipeline.object-reuse", "true");
        settings.setString("execution.checkpointing.interval", "5 s");
        // With RocksDB in 64 MB a slot it had read half of its input after six minutes.
        settings.setString("state.backend.type", "hashmap");
        // One key has one writer: kinds are named apart, which the planner does not see.
        settings.setString("table.exec.sink.upsert-materialize", "NONE");
        settings.setString("table.exec.mini-batch.enabled", "true");
        settings.setString("table.exec.mini-batch.allow-latency", "1 s");
        settings.setString("table.exec.mini-batch.size", "20000");
        return settings;
    }
}
