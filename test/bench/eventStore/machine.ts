import { cpus, release, totalmem, type } from 'node:os';

const BYTES_PER_GIB = 1024 ** 3;

/** One line that says where the figures come from. */
export const machineLine = (): string => {
  const cores = cpus();
  const memory = (totalmem() / BYTES_PER_GIB).toFixed(0);
  return `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${memory} GiB, ${type()} ${release()}, node ${process.versions.node}`;
};
