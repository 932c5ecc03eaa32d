import type { TestClient } from '../support/client.js';

export const FENCE = 'that was all';

/** Whether the server has closed the connection, once it has dealt with all that it was sent; null: still open. */
export async function closeCodeOf(client: TestClient): Promise<number | null> {
  client.send({ ref: FENCE });
  try {
    await client.next(({ ref }) => ref === FENCE);
    return null;
  } catch (error) {
    if (!String(error).startsWith('Error: closed')) throw error;
    return (await client.closed).code;
  }
}
