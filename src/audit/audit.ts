import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore, Position, StoreId } from '../platform/eventStore/eventStore.ts';
import type { Database, Queries } from '../platform/postgres.ts';
import { compareView } from './compareView.ts';
import { conclude } from './conclude.ts';
import { Findings } from './findings.ts';
import { Ledger } from './ledger.ts';
import { readLog } from './readLog.ts';
import { type AuditReport, reportOf, type ViewReport } from './report.ts';
import { VIEWS, type View } from './views.ts';

export type AuditParts = Readonly<{
  store: EventStore;
  database: Database;
  /** IANA name of the zone whose midnight starts a selling day. */
  serviceZone: string;
  /** Wall clock in milliseconds. */
  now: () => number;
  /** Told after each event of the first reading. */
  onEvent?: () => void;
  /** Milliseconds that the views may take to reach the end of the log. */
  viewsWaitMs?: number;
}>;

const VIEWS_WAIT_MS = 30_000;
const LOOK_EVERY_MS = 100;
/** Milliseconds that the reading of the views may pause for the log. */
const IDLE_IN_TRANSACTION_MS = 600_000;

type Checkpoint = Readonly<{ name: string; position: Position | null; storeId: StoreId | null; halted: string | null }>;

/**
 * Folds the whole log to its present head, checking every prefix, then holds the views against it: all of them as one
 * moment of Postgres shows them, each at its own position. Commands may go on meanwhile.
 * @throws what the event store or Postgres fail with; a breach is no error but part of the report.
 */
export const audit = async (parts: AuditParts): Promise<AuditReport> => {
  const { store, database, serviceZone, now, onEvent, viewsWaitMs = VIEWS_WAIT_MS } = parts;
  const asOf = now();
  const findings = new Findings();
  const ledger = new Ledger(serviceZone, findings);
  await readLog(store, ledger, await store.head(), onEvent);
  await viewsReach(database, ledger.position, viewsWaitMs);
  const views = await database.transaction((tx) => compareAll(tx, parts, ledger, findings));
  conclude(ledger.books, findings, asOf);
  return reportOf(ledger, findings, views, asOf);
};

const checkpointsOf = async (db: Queries): Promise<ReadonlyMap<string, Checkpoint>> => {
  const { rows } = await db.query<{ name: string; commit_position: string | null; store_id: StoreId | null; halted: string | null }>(
    "select name, commit_position, store_id, halted ->> 'reason' as halted from projections where status = 'live'",
  );
  return new Map(
    rows.map(({ name, commit_position: position, store_id: storeId, halted }) => [
      name,
      { name, position: position === null ? null : BigInt(position), storeId, halted },
    ]),
  );
};

const isBehind = (position: Position | null, end: Position | null): boolean => (position ?? 0n) < (end ?? 0n);

/** Waits for the views that are on their way; a view that has halted will not come. */
const viewsReach = async (database: Database, end: Position | null, waitMs: number): Promise<void> => {
  for (let waited = 0; waited < waitMs; waited += LOOK_EVERY_MS) {
    const checkpoints = await checkpointsOf(database);
    const waitsFor = ({ name }: View): boolean => {
      const at = checkpoints.get(name);
      return at === undefined || (at.halted === null && isBehind(at.position, end));
    };
    if (!VIEWS.some(waitsFor)) return;
    await sleep(LOOK_EVERY_MS);
  }
};

type Due = Readonly<{ view: View; at: Checkpoint }>;

/** In order of position, so that the ledger is read on once; views behind it need a fold of their own, from the beginning. */
const compareAll = async (tx: Queries, parts: AuditParts, ledger: Ledger, findings: Findings): Promise<readonly ViewReport[]> => {
  await tx.query('set transaction isolation level repeatable read, read only');
  await tx.query(`set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`);
  const checkpoints = await checkpointsOf(tx);
  const reports = new Map<string, ViewReport>();
  const due: Due[] = [];
  for (const view of VIEWS) {
    const at = checkpoints.get(view.name);
    if (at) due.push({ view, at });
    else {
      findings.report('I17', view.name, 'a view', 'none');
      reports.set(view.name, { name: view.name, position: null, rows: 0, ok: false, differences: 0 });
    }
  }
  due.sort((a, b) => ((a.at.position ?? 0n) < (b.at.position ?? 0n) ? -1 : 1));
  const end = ledger.position;
  const earlier = new Ledger(parts.serviceZone, new Findings());
  for (const { view, at } of due) {
    const behind = isBehind(at.position, end);
    if (behind) findings.report('I22', view.name, `at ${end}`, `at ${at.position}${at.halted === null ? '' : `, halted: ${at.halted}`}`);
    const fold = behind ? earlier : ledger;
    await readLog(parts.store, fold, at.position ?? 0n);
    reports.set(view.name, await compareOne(tx, { view, at }, fold, behind, ledger.storeId, findings));
  }
  return VIEWS.flatMap(({ name }) => reports.get(name) ?? []);
};

const compareOne = async (
  tx: Queries,
  { view, at }: Due,
  fold: Ledger,
  behind: boolean,
  storeId: StoreId | null,
  findings: Findings,
): Promise<ViewReport> => {
  const { name } = view;
  const position = String(at.position ?? 0n);
  if (fold.position !== at.position) findings.report('I17', `${name}: position`, `an event of the log at ${position}`, 'none');
  if (storeId !== null && at.storeId !== storeId) {
    findings.report('I17', name, `rows of store ${storeId}`, `rows of store ${at.storeId}`);
    return { name, position, rows: 0, ok: false, differences: 0 };
  }
  const { rows, differences } = await compareView(tx, view, fold.books, findings);
  return { name, position, rows, ok: differences === 0 && !behind, differences };
};
