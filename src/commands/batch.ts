import { type Decision, type Fold, foldAll } from '../domain/kernel.ts';
import { APPEND_BYTES_MAX, type Metadata, type NewEvent, type Position } from '../platform/eventStore/eventStore.ts';
import { newEvent, sizeOf } from './newEvent.ts';

/** An answer, and a position at or after all it rests on: what a read-your-writes token is made of. */
export type Told<Outcome> = Readonly<{ outcome: Outcome; position: Position }>;

/** A command that waits for its turn. `askedAt` by the monotonic clock. */
export type Asked<S, E> = Readonly<{
  askedAt: number;
  about: Metadata;
  decide: (state: S) => Decision<E, unknown>;
  tell: (told: Told<unknown>) => void;
  fail: (error: unknown) => void;
}>;

type Answer = Readonly<{ kind: 'outcome'; outcome: unknown } | { kind: 'threw'; error: unknown }>;

/** What a batch came to: the state it leaves, what is to be appended, an answer for each command from the first on. */
export type Decided<S> = Readonly<{
  state: S;
  events: readonly NewEvent[];
  /** Fewer than commands when the append would have been too large: the others were not decided. */
  answers: readonly Answer[];
  /** The most demanding of what the answers rest on. */
  restsOn: Decision<never, never>['restsOn'];
}>;

/** Decides in order, each command on the state the one before it left behind, until the append would be too large. */
export const decideAll = <S, E extends Readonly<{ type: string; data: unknown }>>(
  fold: Fold<S, E>,
  before: S,
  batch: readonly Asked<S, E>[],
): Decided<S> => {
  const events: NewEvent[] = [];
  const answers: Answer[] = [];
  let state = before;
  let bytes = 0;
  let restsOn: Decided<S>['restsOn'] = 'recorded';
  for (const asked of batch) {
    try {
      const decision = asked.decide(state);
      const fresh = decision.events.map((event, index) => newEvent(event, asked.about, index));
      bytes += fresh.reduce((sum, event) => sum + sizeOf(event), 0);
      if (bytes > APPEND_BYTES_MAX && events.length > 0) break;
      state = foldAll(fold, state, decision.events);
      events.push(...fresh.map(({ event }) => event));
      if (restsOn !== 'current' && decision.restsOn !== 'recorded') restsOn = decision.restsOn;
      answers.push({ kind: 'outcome', outcome: decision.outcome });
    } catch (error) {
      answers.push({ kind: 'threw', error }); // A bug in one command is no reason to fail its neighbours.
    }
  }
  return { state, events, answers, restsOn };
};

/** Gives each command its answer; `answers` stand in the order of the batch. */
export const tellAll = <S, E>(batch: readonly Asked<S, E>[], answers: readonly Answer[], position: Position): void => {
  answers.forEach((answer, i) => {
    const asked = batch[i];
    if (answer.kind === 'outcome') asked?.tell({ outcome: answer.outcome, position });
    else asked?.fail(answer.error);
  });
};
