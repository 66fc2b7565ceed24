import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { claim, HeldByAnother, isAlive, ownerOf, release } from '../../src/platform/owner.ts';

let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'till-owner-'));
  file = join(folder, 'owner');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The pid of a process that has ended. */
const deadPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

it('has one owner until that one gives up', () => {
  claim(file);
  expect(ownerOf(file)?.pid).toBe(process.pid);
  expect(() => claim(file)).toThrow(HeldByAnother);
  release(file);
  expect(ownerOf(file)).toBeNull();
  claim(file);
  expect(readdirSync(folder)).toEqual(['owner']);
});

it.each([
  ['a dead process', () => JSON.stringify({ pid: deadPid(), startedAt: null })],
  ['a pid that another process has now', () => JSON.stringify({ pid: process.pid, startedAt: '1' })],
  ['half a file', () => '{"pid":'],
])('passes from %s to the next claimant', (_, content) => {
  writeFileSync(file, content());
  expect(ownerOf(file)).toBeNull();
  claim(file);
  expect(ownerOf(file)?.pid).toBe(process.pid);
  expect(readdirSync(folder)).toEqual(['owner']);
});

it('is not given up by one who does not own it', () => {
  writeFileSync(file, JSON.stringify({ pid: process.ppid, startedAt: null }));
  release(file);
  expect(existsSync(file)).toBe(true);
});

it('knows the living from the dead', () => {
  expect(isAlive(process.pid)).toBe(true);
  expect(isAlive(1)).toBe(true);
  expect(isAlive(deadPid())).toBe(false);
});
