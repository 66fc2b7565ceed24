#!/usr/bin/env node
import { build, install } from './prepare.mjs';

install();
build();
process.setSourceMapsEnabled(true);
// In this very process: signals, exit status and the terminal need no forwarding, and there is nothing to be left behind.
await import('../dist/cli/main.js');
