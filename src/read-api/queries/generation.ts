import { BatchReader } from '../batchReader.ts';
import { PRESENT_GENERATION, type ReadModels, type Snapshot, viewQuery } from '../readModels.ts';

/** What a statement with `PRESENT_GENERATION` says of it. */
export type AtGeneration = Readonly<{ generation: number; opened_at: string }>;

const present = viewQuery('generation', ['generations'], 'select', PRESENT_GENERATION);

/** The present generation of the shop, asked once for all who want it in the same turn. */
export type GenerationReader = () => Promise<Snapshot<number>>;

export const generationReader = (models: ReadModels): GenerationReader => {
  const reader = new BatchReader<number>(async () => {
    const { asOf, value } = await models.read<AtGeneration>(present, []);
    return { asOf, value: () => value.generation };
  });
  return () => reader.read('present');
};
