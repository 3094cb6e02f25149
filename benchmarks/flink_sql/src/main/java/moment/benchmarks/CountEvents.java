package moment.benchmarks;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

public final class CountEvents {
    public static void main(String[] args) throws Exception {
        Path file = Path.of(args[0]).toAbsolutePath();
        int runs = args.length > 1 ? Integer.parseInt(args[1]) : 1;
        boolean streaming = args.length > 2 && args[2].equals("streaming");
        String variant = args.length > 3 ? args[3] : "group";
        for (int run = 1; run <= runs; run++) {
            long wall = System.nanoTime();
            long cpu = processCpu();
            long[] totals = count(file, streaming, variant);
            System.err.printf(
                    "{\"events\": %d, \"minutes\": %d, \"people\": %d, \"seconds\": %.3f, \"cpu\": %.3f}%n",
                    totals[0], totals[1], totals[2],
                    (System.nanoTime() - wall) / 1e9, (processCpu() - cpu) / 1e9);
        }
        System.exit(0);
    }

    private static long[] count(Path file, boolean streaming, String variant) throws Exception {
        Configuration c = new Configuration();
        c.setString("parallelism.default", "1");
        c.setString("pipeline.object-reuse", "true");
        c.setString("execution.batch-shuffle-mode", "ALL_EXCHANGES_PIPELINED"); c.setString("jobmanager.scheduler", "Default");
        c.setString("table.exec.mini-batch.enabled", "true");
        c.setString("table.exec.mini-batch.allow-latency", "1 s");
        c.setString("table.exec.mini-batch.size", "20000");
        c.setString("taskmanager.memory.network.max", "128mb");
        c.setString("taskmanager.memory.managed.size", System.getProperty("managed", "512mb"));
        c.setString("state.backend.type", "hashmap");
        EnvironmentSettings s = (streaming
                ? EnvironmentSettings.newInstance().inStreamingMode()
                : EnvironmentSettings.newInstance().inBatchMode()).withConfiguration(c).build();
        TableEnvironment tables = TableEnvironment.create(s);
        tables.executeSql(
            "CREATE TEMPORARY TABLE tracks (messageId STRING, userId STRING, anonymousId STRING,"
            + " originalTimestamp " + (variant.endsWith("ts") ? "TIMESTAMP_LTZ(3), receivedAt TIMESTAMP_LTZ(3), sentAt TIMESTAMP_LTZ(3)" : "STRING")
            + ") WITH ('connector'='filesystem','path'='"
            + file.toUri() + "','format'='json','json.timestamp-format.standard'='ISO-8601'"
            + System.getProperty("extra", "") + ")");
        String minute = variant.endsWith("ts")
          ? "CAST(FLOOR(originalTimestamp TO MINUTE) AS TIMESTAMP(3))"
          : "SUBSTRING(originalTimestamp, 1, 16)";
        String person = "COALESCE(userId, anonymousId)";
        String once;
        if (variant.startsWith("row")) {
            once = "SELECT `minute`, person FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY messageId ORDER BY arrived) AS n FROM"
                 + " (SELECT messageId, " + minute + " AS `minute`, " + person + " AS person, PROCTIME() AS arrived FROM tracks)) WHERE n = 1";
        } else if (variant.startsWith("distinct")) {
            once = "SELECT DISTINCT messageId, " + minute + " AS `minute`, " + person + " AS person FROM tracks";
        } else {
            once = "SELECT MIN(`minute`) AS `minute`, MIN(person) AS person FROM (SELECT messageId, " + minute + " AS `minute`, " + person + " AS person FROM tracks) GROUP BY messageId";
        }
        String sql = "SELECT `minute`, COUNT(*), COUNT(DISTINCT person) FROM (" + once + ") GROUP BY `minute`";
        if (System.getProperty("explain") != null) System.err.println(tables.explainSql(sql));
        java.util.Map<Object, long[]> by = new java.util.HashMap<>();
        try (CloseableIterator<Row> rows = tables.executeSql(sql).collect()) {
            while (rows.hasNext()) {
                Row row = rows.next();
                if (row.getKind().shortString().startsWith("-")) continue;
                by.put(row.getField(0), new long[] {(Long) row.getField(1), (Long) row.getField(2)});
            }
        }
        long[] totals = new long[3];
        for (long[] v : by.values()) { totals[0] += v[0]; totals[1]++; totals[2] += v[1]; }
        return totals;
    }

    private static long processCpu() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
