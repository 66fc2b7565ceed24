const BAR_WIDTH = 24;
/** Milliseconds between two lines where no terminal shows a bar. */
const LINE_EVERY_MS = 5_000;

/** How far something is, from 0 to 1: a bar on a terminal, a line now and then elsewhere. */
export const showFilling = (out: NodeJS.WriteStream): Readonly<{ at(part: number): void; done(): void }> => {
  let shown = -1;
  let shownAt = Number.NEGATIVE_INFINITY;
  return {
    at: (part) => {
      const percent = Math.floor(Math.min(1, Math.max(0, part)) * 100);
      if (percent === shown || (!out.isTTY && performance.now() - shownAt < LINE_EVERY_MS)) return;
      [shown, shownAt] = [percent, performance.now()];
      const bar = '#'.repeat(Math.round((percent / 100) * BAR_WIDTH)).padEnd(BAR_WIDTH, '.');
      out.write(out.isTTY ? `\r\x1b[K[${bar}] ${percent} %` : `${percent} % filled\n`);
    },
    done: () => {
      if (out.isTTY) out.write('\r\x1b[K');
    },
  };
};
