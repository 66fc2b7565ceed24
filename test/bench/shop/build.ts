import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../../proof/temporaryFolder.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Starts of the programs as plain JavaScript. `from`: where the shop comes from, for people. */
export type Build = Readonly<{ shop: string; peer: string; generator: string; from: string }>;

/**
 * Shop, peers and generator as plain JavaScript in a temporary folder, so that no loader costs any of them time. Types are
 * the compiler's business elsewhere: what it emits is taken, and the output says so.
 * @throws when nothing could be built.
 */
export const build = (): Build => {
  const folder = temporaryFolder('bench-build');
  for (const name of ['node_modules', 'migrations', 'proto']) symlinkSync(join(root, name), join(folder, name), 'junction');
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  const config = join(folder, 'tsconfig.json');
  const include = ['src', 'test/bench/peers', 'test/bench/shop/lean.ts'].map((path) => join(root, path));
  const compilerOptions = { rootDir: root, outDir: folder, sourceMap: false };
  writeFileSync(config, JSON.stringify({ extends: join(root, 'tsconfig.build.json'), compilerOptions, include }));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', config], { encoding: 'utf8' });
  const shop = join(folder, 'src', 'cli', 'main.js');
  if (!existsSync(shop)) throw new Error(`the shop could not be built: ${stdout}`);
  return {
    shop,
    peer: join(folder, 'test', 'bench', 'peers', 'main.js'),
    generator: join(folder, 'test', 'bench', 'shop', 'lean.js'),
    from: status === 0 ? 'a build of the sources' : 'a build of sources with type errors',
  };
};
