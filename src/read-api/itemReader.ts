import { BatchReader } from './batchReader.ts';
import { allOf, type ItemsRow, split } from './page.ts';
import { type ReadModels, type ViewName, viewQuery } from './readModels.ts';

/** Where the things of one kind stand: a view, the column that names them, and the SQL of one as JSON. */
export type ItemSource = Readonly<{ view: ViewName; key: string; item: string }>;

/** Looks things up by their ids, those of one turn in one statement; `null` for an id that nothing has. */
export const itemReader = (models: ReadModels, { view, key, item }: ItemSource): BatchReader<string | null> => {
  const query = viewQuery(
    `${view} by id`,
    [view],
    allOf(`select ${item} as item, ${key} as key from ${view} where ${key} = any($1::text[])`),
  );
  return new BatchReader(async (ids) => {
    const { asOf, value } = await models.read<ItemsRow>(query, [ids]);
    const items = split(value.items);
    const found = new Map(split(value.keys).map((id, i) => [id, items[i] as string]));
    return { asOf, value: (id) => found.get(id) ?? null };
  });
};
