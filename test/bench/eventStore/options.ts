import { parseArgs } from 'node:util';

export const MEASUREMENTS = ['flush', 'calls', 'delivery', 'reads', 'catch-up', 'appends'] as const;
export type MeasurementName = (typeof MEASUREMENTS)[number];

export type Options = Readonly<{
  runs: number;
  /** Length of each measurement by time. */
  seconds: number;
  /** Events of the long stream that is read. */
  events: number;
  only: readonly MeasurementName[];
  /** Events as small as they get, without metadata. */
  small: boolean;
  /** A server that runs already; one of our own otherwise. */
  url: string | undefined;
  /** Where to write all figures as JSON. */
  json: string | undefined;
}>;

export const USAGE =
  'usage: bench:event-store [-- --runs 5 --seconds 3 --events 200000 --only appends,reads --small --url esdb://HOST:PORT?tls=false --json FILE]\n' +
  `  --only takes ${MEASUREMENTS.join(', ')}; the empty calls are always made, as the ratios need them`;

const positive = (name: string, text: string, isWhole: boolean): number => {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value) || (isWhole && !Number.isInteger(value))) throw new Error(`--${name} cannot be ${text}`);
  return value;
};

const measurements = (list: string): MeasurementName[] =>
  list.split(',').map((name) => {
    const known = MEASUREMENTS.find((one) => one === name);
    if (known === undefined) throw new Error(`--only does not know ${name}`);
    return known;
  });

/** @throws Error that says which argument is wrong. */
export const parseOptions = (args: readonly string[]): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      events: { type: 'string', default: '200000' },
      only: { type: 'string', default: MEASUREMENTS.join(',') },
      small: { type: 'boolean', default: false },
      url: { type: 'string' },
      json: { type: 'string' },
    },
  });
  return {
    runs: positive('runs', values.runs, true),
    seconds: positive('seconds', values.seconds, false),
    events: positive('events', values.events, true),
    only: measurements(values.only),
    small: values.small,
    url: values.url,
    json: values.json,
  };
};
