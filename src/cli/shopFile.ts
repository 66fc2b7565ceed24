import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ports } from '../platform/config.ts';
import { ownerOf } from '../platform/owner.ts';

export type ShopProcess = Readonly<{ name: string; pid: number; ports: Ports }>;

/** Where a shop is reached; what does not listen yet is left out. gRPC by `host:port`, as its clients want it. */
export type Urls = Readonly<Partial<Record<'edge' | 'commands' | 'queries' | 'grpc' | 'eventStore' | 'postgres', string>>>;

/** What scripts may know of a running shop. */
export type Shop = Readonly<{ startedAt: string; processes: readonly ShopProcess[]; urls: Urls }>;

export const runFolder = (dataDir: string): string => join(dataDir, 'run');
export const ownerFile = (dataDir: string): string => join(runFolder(dataDir), 'owner');
const shopFile = (dataDir: string): string => join(runFolder(dataDir), 'shop.json');

/** Replaces the file as a whole, so that a reader never sees half of it. Readable by its owner only: URLs hold passwords. */
export const writeShop = (dataDir: string, shop: Shop): void => {
  const fresh = `${shopFile(dataDir)}.new`;
  writeFileSync(fresh, `${JSON.stringify(shop, null, 2)}\n`, { mode: 0o600 });
  renameSync(fresh, shopFile(dataDir));
};

export const removeShop = (dataDir: string): void => rmSync(shopFile(dataDir), { force: true });

/** The shop that runs on this folder now, or null. A file that a killed supervisor left behind does not count. */
export const runningShop = (dataDir: string): Shop | null => {
  try {
    return ownerOf(ownerFile(dataDir)) === null ? null : (JSON.parse(readFileSync(shopFile(dataDir), 'utf8')) as Shop);
  } catch {
    return null;
  }
};
