import { rmSync } from 'node:fs';

/** Ends the server that global-setup started, and removes its folder. */
export default async function globalTeardown() {
  if (globalThis.tillTestPostgres === undefined) return;
  const { server, folder } = globalThis.tillTestPostgres;
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
