// Asks the readiness of the service in this container.
const port = process.env.METRICS_PORT;
const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
process.exit(answer?.ok === true ? 0 : 1);
