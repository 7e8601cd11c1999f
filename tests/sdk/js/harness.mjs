// Runs what a test sends, a line of JSON each: {id, code, given} in, {id, value} or {id, error} out.
// The same `run` serves a page of a browser, which calls it itself.

export function harness(sdk) {
  const scope = { sdk, kept: {}, clients: [] };
  scope.open = (url, options) => {
    const client = new sdk.StorefrontClient(url, { pause_seconds: 0.01, reconnect_seconds: 0.01, ...options });
    scope.clients.push(client);
    return client;
  };
  const closeAll = async () => {
    await Promise.all(scope.clients.splice(0).map((client) => client.close()));
    scope.kept = {};
  };

  async function run(code, given) {
    const names = { ...given, sdk, kept: scope.kept, open: scope.open };
    const AsyncFunction = (async () => undefined).constructor;
    try {
      const body = new AsyncFunction(...Object.keys(names), code);
      return { value: (await body(...Object.values(names))) ?? null };
    } catch (error) {
      return { error: told(error) };
    }
  }
  return { run, closeAll };
}

function told(error) {
  const members = Object.fromEntries(Object.entries(error).filter(([name]) => name !== "cause"));
  return { name: error.name, message: error.message, stack: error.stack, cause: error.cause?.name ?? null, ...members };
}

if (globalThis.process?.argv[1]?.endsWith("harness.mjs")) {
  const { createInterface } = await import("node:readline");
  const { run, closeAll } = harness(await import(process.argv[2]));
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, code, given } = JSON.parse(line);
    const answer = code === null ? closeAll() : run(code, given);
    Promise.resolve(answer).then((found) => process.stdout.write(`${JSON.stringify({ id, ...found })}\n`));
  }
}
