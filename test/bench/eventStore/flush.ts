import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Measurement } from './bench.ts';
import { latencyOf } from './load.ts';

const BLOCK_BYTES = 512;
const BLOCKS = 2_048;
const WRITES = 1_000;

/** What one small durable write costs on this disk, written over blocks that are there already. No store can be faster, one append at a time. */
export const flush: Measurement = async ({ folder }) => {
  const path = join(folder, 'flushed');
  const file = openSync(path, 'w');
  const block = Buffer.alloc(BLOCK_BYTES, 1);
  const latenciesMs: number[] = [];
  try {
    writeSync(file, Buffer.alloc(BLOCK_BYTES * BLOCKS));
    fsyncSync(file);
    for (let n = 0; n < WRITES; n++) {
      const startedAt = performance.now();
      writeSync(file, block, 0, BLOCK_BYTES, (n % BLOCKS) * BLOCK_BYTES);
      fdatasyncSync(file);
      latenciesMs.push(performance.now() - startedAt);
    }
  } finally {
    closeSync(file);
    rmSync(path);
  }
  return [{ name: `write and fdatasync of ${BLOCK_BYTES} bytes`, subject: 'disk', latencyMs: latencyOf(latenciesMs) }];
};
