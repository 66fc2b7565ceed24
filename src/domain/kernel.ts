/**
 * What every decision returns: the facts to record, and the answer for the caller.
 *
 * An append proves the state it was decided on. A decision that records nothing proves nothing, so it
 * says what its answer rests on: `recorded` facts never change, however old the state that shows
 * them; `current` answers hold only at the stream's present end, and the mailbox looks there first;
 * `recent` ones may be as old as the mailbox allows.
 */
export type Decision<Event, Outcome> = Readonly<{ events: readonly Event[]; outcome: Outcome; restsOn: 'recorded' | 'recent' | 'current' }>;

/** New facts, and the answer they justify. */
export const record = <Event, Outcome>(events: readonly Event[], outcome: Outcome): Decision<Event, Outcome> => ({
  events,
  outcome,
  restsOn: 'recorded',
});

/** The answer given before, taken from recorded facts: the same command again. */
export const recall = <Outcome>(outcome: Outcome): Decision<never, Outcome> => ({ events: [], outcome, restsOn: 'recorded' });

/** An answer that newer events could change: a refusal, or "there is none". */
export const refuse = <Outcome>(outcome: Outcome): Decision<never, Outcome> => ({ events: [], outcome, restsOn: 'current' });

/** A refusal that, once true, stays true unless someone changes the terms: it may be answered from a moment ago. */
export const refuseAsOfRecently = <Outcome>(outcome: Outcome): Decision<never, Outcome> => ({ events: [], outcome, restsOn: 'recent' });

/** How a state grows out of events. `evolve` never throws, never reads a clock, and changes nothing it was given. */
export type Fold<State, Event> = Readonly<{ initial: State; evolve: (state: State, event: Event) => State }>;

export const foldAll = <State, Event>(fold: Fold<State, Event>, state: State, events: readonly Event[]): State =>
  events.reduce(fold.evolve, state);

declare const brand: unique symbol;
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

export const assertNever = (value: never): never => {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
};
