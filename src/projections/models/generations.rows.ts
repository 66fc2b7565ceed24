/** The openings of the shop; before the first it is in generation 0. */
export type GenerationRow = Readonly<{ generation: number; opened_at: Date }>;
