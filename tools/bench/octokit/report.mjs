// The line that the yardsticks print.

const started = performance.now();

/** `counts` and what this process has cost since it began. */
export function printReport(counts) {
  const cpu = process.cpuUsage();
  console.log(
    JSON.stringify({
      ...counts,
      wall_seconds: (performance.now() - started) / 1e3,
      cpu_seconds: (cpu.user + cpu.system) / 1e6,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    }),
  );
}
