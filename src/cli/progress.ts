const BAR_WIDTH = 24;

export type Progress = Readonly<{ step(what: string): void; note(line: string): void; done(): void }>;

/** Shows `total` steps on stderr: a bar on a terminal, lines elsewhere. */
export const showProgress = (total: number, out: NodeJS.WriteStream = process.stderr): Progress => {
  const clear = out.isTTY ? '\r\x1b[K' : '';
  let done = 0;
  return {
    step: (what) => {
      done = Math.min(done + 1, total);
      const filled = Math.round((done / total) * BAR_WIDTH);
      out.write(out.isTTY ? `${clear}[${'#'.repeat(filled).padEnd(BAR_WIDTH, '.')}] ${what}` : `${done}/${total} ${what}\n`);
    },
    note: (line) => {
      out.write(`${clear}${line}\n`);
    },
    done: () => {
      out.write(clear);
    },
  };
};
