#!/usr/bin/env node
// Runs all tests, or those that the arguments choose (they are jest's own), and ends with a line of counts.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build, install, root } from './prepare.mjs';

install();
build();

const folder = mkdtempSync(join(tmpdir(), 'till-counts-'));
const counts = join(folder, 'counts.json');

const finish = (status, signal) => {
  let line = '0 passed, 1 failed, 0 skipped';
  try {
    const { passed, failed, skipped } = JSON.parse(readFileSync(counts, 'utf8'));
    line = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  } catch {
    // jest ended before it could count: the run counts as one failure.
  }
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write(`${line}\n`);
  process.exitCode = signal ? 1 : (status ?? 1);
};

const args = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', join(root, 'node_modules', 'jest', 'bin', 'jest.js')];
const jest = spawn(process.execPath, [...args, ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, TEST_COUNTS: counts },
});
// The terminal sends Ctrl-C to both; a signal to this process alone must reach jest too, which then ends this one.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => jest.kill(signal));
jest.once('close', finish);
