/** What never changes once it is known: `null` until `ask`, which is asked by one caller at a time, has answered. Nobody waits for it. */
export const learned = <T>(ask: () => Promise<T | null>): (() => T | null) => {
  let known: T | null = null;
  let isAsking: boolean = false;
  const learn = async (): Promise<void> => {
    isAsking = true;
    try {
      known = await ask();
    } catch {
      // Whoever wants to know next asks again.
    } finally {
      isAsking = false;
    }
  };
  return () => {
    if (known === null && !isAsking) void learn();
    return known;
  };
};
