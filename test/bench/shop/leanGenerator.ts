import { spawn } from 'node:child_process';
import type { Generate, Load } from './load.ts';

/** A load by the Node generator, in a process of its own. `main`: its compiled file. */
export const generateByNode =
  (main: string): Generate =>
  (plan) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [main], { stdio: ['pipe', 'pipe', 'inherit'] });
      let out = '';
      child.stdout.on('data', (chunk) => {
        out += String(chunk);
      });
      child.once('error', reject);
      child.once('close', (status) => {
        if (status === 0) resolve(JSON.parse(out) as Load);
        else reject(new Error(`the generator ended with ${status}`));
      });
      child.stdin.end(JSON.stringify(plan));
    });
