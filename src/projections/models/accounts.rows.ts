/** `bigint` columns arrive as text. `balance` can be spent now: what is held is already taken off. */
export type AccountRow = Readonly<{ user_id: string; balance: string; held: string }>;
