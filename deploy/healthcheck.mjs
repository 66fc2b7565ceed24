// Status 0 when the process on this port of the container answers that it is live or ready: `node healthcheck.mjs 8081 ready`.
const TIMEOUT_MS = 3_000;
const [port, question] = process.argv.slice(2);
try {
  const answer = await fetch(`http://127.0.0.1:${port}/health/${question}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  process.exit(answer.ok ? 0 : 1);
} catch {
  process.exit(1);
}
