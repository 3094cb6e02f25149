package moment.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;
import org.apache.flink.util.CloseableIterator;

/**
 * The Flink SQL rival: each Segment track once, then events and distinct people of each minute.
 *
 * <p>Far less than Moment does: four fields, one window, no grouping, and the minute is the first
 * characters of the device's own time, which spares Flink three timestamps an event. Arguments: FILE
 * [RUNS [streaming | batch]]. Prints one JSON line; `warm_…` are of the last of several runs in the
 * same JVM, when planning and compiling are over.
 */
public final class CountEvents {
    private static final String EACH_ONCE_STREAMING =
            "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY arrived) AS copy"
                    + " FROM (SELECT *, PROCTIME() AS arrived FROM acts)) WHERE copy = 1";
    private static final String EACH_ONCE_BATCH = "SELECT DISTINCT id, begins, person FROM acts";

    private final TableEnvironment tables;
    private final String query;

    private CountEvents(Path file, boolean streaming) {
        EnvironmentSettings.Builder mode = EnvironmentSettings.newInstance();
        mode = streaming ? mode.inStreamingMode() : mode.inBatchMode();
        tables = TableEnvironment.create(mode.withConfiguration(settings()).build());
        tables.executeSql(
                "CREATE TEMPORARY TABLE tracks (messageId STRING, userId STRING,"
                        + " anonymousId STRING, originalTimestamp STRING)"
                        + " WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = '"
                        + file.toUri()
                        + "')");
        tables.executeSql(
                "CREATE TEMPORARY VIEW acts AS SELECT messageId AS id,"
                        + " SUBSTRING(originalTimestamp, 1, 16) AS begins,"
                        + " COALESCE(userId, anonymousId) AS person FROM tracks");
        query =
                "SELECT begins, COUNT(*), COUNT(DISTINCT person) FROM ("
                        + (streaming ? EACH_ONCE_STREAMING : EACH_ONCE_BATCH)
                        + ") GROUP BY begins";
    }

    private static Configuration settings() {
        Configuration settings = new Configuration();
        settings.setString("parallelism.default", "1");
        settings.setString("pipeline.object-reuse", "true");
        settings.setString("state.backend.type", "hashmap");
        settings.setString("table.exec.mini-batch.enabled", "true");
        settings.setString("table.exec.mini-batch.allow-latency", "1 s");
        settings.setString("table.exec.mini-batch.size", "20000");
        // Batch hands rows on in memory, as streaming does, instead of by way of the disk.
        settings.setString("jobmanager.scheduler", "Default");
        settings.setString("execution.batch-shuffle-mode", "ALL_EXCHANGES_PIPELINED");
        settings.setString("taskmanager.memory.managed.size", "512mb");
        return settings;
    }

    /** Events, minutes and people (summed over minutes) of the last figures of each minute. */
    private long[] count() throws Exception {
        Map<Object, Row> last = new HashMap<>();
        try (CloseableIterator<Row> rows = tables.executeSql(query).collect()) {
            while (rows.hasNext()) {
                Row row = rows.next();
                if (row.getKind() == RowKind.INSERT || row.getKind() == RowKind.UPDATE_AFTER) {
                    last.put(row.getField(0), row);
                }
            }
        }
        long[] totals = {0, last.size(), 0};
        for (Row row : last.values()) {
            totals[0] += (Long) row.getField(1);
            totals[2] += (Long) row.getField(2);
        }
        return totals;
    }

    public static void main(String[] arguments) throws Exception {
        Path file = Path.of(arguments[0]).toAbsolutePath();
        if (!Files.isReadable(file)) {
            System.err.println("flink_sql: expected a readable NDJSON file, found none at " + file);
            System.exit(2);
        }
        int runs = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 1;
        boolean streaming = arguments.length < 3 || arguments[2].equals("streaming");
        CountEvents job = new CountEvents(file, streaming);
        long[] totals = job.count();
        double started = ManagementFactory.getRuntimeMXBean().getStartTime() / 1e3;
        String line =
                String.format(
                        Locale.ROOT,
                        "\"events\": %d, \"minutes\": %d, \"people\": %d, \"seconds\": %.3f,"
                                + " \"cpu_seconds\": %.3f",
                        totals[0],
                        totals[1],
                        totals[2],
                        System.currentTimeMillis() / 1e3 - started,
                        cpuSeconds());
        double seconds = 0;
        double cpuSeconds = 0;
        for (int run = 2; run <= runs; run++) {
            long began = System.nanoTime();
            double used = cpuSeconds();
            job.count();
            seconds = (System.nanoTime() - began) / 1e9;
            cpuSeconds = cpuSeconds() - used;
        }
        if (runs > 1) {
            line +=
                    String.format(
                            Locale.ROOT,
                            ", \"warm_seconds\": %.3f, \"warm_cpu_seconds\": %.3f",
                            seconds,
                            cpuSeconds);
        }
        System.out.println("{" + line + "}");
        System.exit(0);
    }

    /** User and system time of this JVM since it started, its compiler and collector included. */
    private static double cpuSeconds() {
        var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        return system.getProcessCpuTime() / 1e9;
    }
}
