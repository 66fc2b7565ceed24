import { parseArgs } from 'node:util';
import { ROWS, type RowName } from './requests.ts';

export const SUBJECTS = ['shop', 'other', 'bare', 'crud', 'tuned'] as const;
export type SubjectName = (typeof SUBJECTS)[number];

export type Options = Readonly<{
  runs: number;
  /** Length of each measurement. */
  seconds: number;
  only: readonly RowName[];
  subjects: readonly SubjectName[];
  connections: number;
  /** `cli/main.js` of a shop that is built already; a build of our own otherwise. */
  main: string | undefined;
  /** The same of a second shop, to be measured beside the first. */
  other: string | undefined;
  /** Where to write all figures as JSON. */
  json: string | undefined;
  /** Where to write CPU profiles; no figures are taken then. */
  profile: string | undefined;
}>;

export const USAGE =
  'usage: bench [-- --runs 5 --seconds 5 --only charges,orders --subjects shop,crud --connections 64 --json FILE --profile DIR\n' +
  '              --main FILE --other FILE]\n' +
  `  --only takes ${ROWS.join(', ')}\n` +
  '  --subjects takes shop, other, bare (an Express route that does nothing), crud, tuned\n' +
  '  --main and --other take the cli/main.js of a built shop; with --other two shops are compared\n' +
  '  --profile says where the time goes, in place of figures';

const positive = (name: string, text: string, isWhole: boolean): number => {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value) || (isWhole && !Number.isInteger(value))) throw new Error(`--${name} cannot be ${text}`);
  return value;
};

const someOf = <Name extends string>(option: string, list: string, known: readonly Name[]): Name[] => {
  const names = list.split(',');
  const unknown = names.find((name) => !known.some((one) => one === name));
  if (unknown !== undefined) throw new Error(`--${option} does not know ${unknown}`);
  return known.filter((name) => names.includes(name));
};

const TEXT = { type: 'string' } as const;

/** @throws Error that says which argument is wrong. */
export const parseOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { ...TEXT, default: '5' },
      seconds: { ...TEXT, default: '5' },
      only: { ...TEXT, default: ROWS.join(',') },
      subjects: TEXT,
      connections: { ...TEXT, default: '64' },
      main: TEXT,
      other: TEXT,
      json: TEXT,
      profile: TEXT,
    },
  });
  const peers = SUBJECTS.filter((name) => name !== 'other' || values.other !== undefined).join(',');
  return {
    runs: positive('runs', values.runs, true),
    seconds: positive('seconds', values.seconds, true),
    only: someOf('only', values.only, ROWS),
    subjects: someOf('subjects', values.subjects ?? peers, SUBJECTS),
    connections: positive('connections', values.connections, true),
    main: values.main,
    other: values.other,
    json: values.json,
    profile: values.profile,
  };
};
