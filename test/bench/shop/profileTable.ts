type Frame = Readonly<{ functionName: string; url: string; lineNumber: number }>;
type Node = Readonly<{ id: number; callFrame: Frame; children?: readonly number[] }>;
/** What V8's profiler writes. Times in microseconds. */
export type CpuProfile = Readonly<{ nodes: readonly Node[]; samples: readonly number[]; timeDeltas: readonly number[] }>;

const PACKAGES_SHOWN = 16;
const FUNCTIONS_SHOWN = 30;
/** Less of a busy process's time than this share is not worth a line. */
const SHARE_MIN = 0.005;

/** The package of a function, or its folder in the shop, or what the engine calls itself. */
const packageOf = ({ functionName, url }: Frame): string => {
  const inPackage = /node_modules\/((?:@[^/]+\/)?[^/]+)(?!.*node_modules\/)/.exec(url)?.[1];
  if (inPackage !== undefined) return inPackage;
  if (url.startsWith('node:')) return 'node';
  const own = /\/(commands|domain|platform|projections|read-api|embedded|edge|cli)\/([^/]+)/.exec(url);
  if (own !== null) return `shop: ${own[1]}/${own[2]}`;
  return functionName.startsWith('(') ? functionName : 'engine';
};

const nameOf = ({ functionName, url, lineNumber }: Frame): string => {
  const file = url.replace(/^.*\/node_modules\//, '').replace(/^file:.*?\/(src|dist)\//, '');
  return `${functionName || '(anonymous)'}  ${file}${url === '' ? '' : `:${lineNumber + 1}`}`;
};

/** Beginning a profile takes time of its own, seen in it. */
const isProfiler = ({ functionName, url }: Frame): boolean => url === '' && functionName === 'dispatch';

const sum = (totals: Map<string, number>, name: string, us: number): void => void totals.set(name, (totals.get(name) ?? 0) + us);

const selfTimes = ({ nodes, samples, timeDeltas }: CpuProfile): ReadonlyMap<Node, number> => {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const times = new Map<Node, number>();
  samples.forEach((id, i) => {
    const node = byId.get(id);
    if (node !== undefined) times.set(node, (times.get(node) ?? 0) + (timeDeltas[i] ?? 0));
  });
  return times;
};

/** Time below each function of the shop's own, its callees included; a recursive call is not counted twice. */
const ownTotals = (profile: CpuProfile, times: ReadonlyMap<Node, number>): Map<string, number> => {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const totals = new Map<string, number>();
  const walk = (node: Node, above: readonly string[]): number => {
    const isOwn = packageOf(node.callFrame).startsWith('shop: ');
    const name = nameOf(node.callFrame);
    const isFirst = isOwn && !above.includes(name);
    const path = isFirst ? [...above, name] : above;
    let us = times.get(node) ?? 0;
    for (const id of node.children ?? []) us += walk(byId.get(id) as Node, path);
    if (isFirst) sum(totals, name, us);
    return us;
  };
  const [root] = profile.nodes;
  if (root !== undefined) walk(root, []);
  return totals;
};

const top = (title: string, totals: ReadonlyMap<string, number>, busyUs: number, requestUs: number, shown: number): string[] => {
  const largest = [...totals].sort((a, b) => b[1] - a[1]).filter(([, us]) => us > busyUs * SHARE_MIN);
  const line = ([name, us]: readonly [string, number]): string =>
    `${((us / busyUs) * 100).toFixed(1).padStart(7)} %${((us / busyUs) * requestUs).toFixed(1).padStart(8)} us  ${name}`;
  return ['', `  ${title}`, ...largest.slice(0, shown).map(line)];
};

/**
 * The busy time of a process by package, by function alone, and by own function with all it calls: as shares, and as
 * microseconds of the `requestUs` of CPU that a request takes there. (The profiler's own clock also runs while others have the core.)
 */
export const whereTimeGoes = (title: string, profile: CpuProfile, requestUs: number): string[] => {
  const times = selfTimes(profile);
  const packages = new Map<string, number>();
  const functions = new Map<string, number>();
  let busyUs = 0;
  let allUs = 0;
  for (const [{ callFrame }, us] of times) {
    allUs += us;
    if (callFrame.functionName === '(idle)' || isProfiler(callFrame)) continue;
    busyUs += us;
    sum(packages, packageOf(callFrame), us);
    sum(functions, nameOf(callFrame), us);
  }
  const totals = ownTotals(profile, times);
  return [
    '',
    `${title}: ${requestUs.toFixed(0)} us of CPU for each request, busy ${((busyUs / allUs) * 100).toFixed(0)} % of the time`,
    ...top('by package, self', packages, busyUs, requestUs, PACKAGES_SHOWN),
    ...top('by function, self', functions, busyUs, requestUs, FUNCTIONS_SHOWN),
    ...top('by own function, with what it calls', totals, busyUs, requestUs, FUNCTIONS_SHOWN),
  ];
};
