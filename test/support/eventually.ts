/** For what announces itself to nobody, such as the broker's own lists: asks until the answer is right. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  isRight: (answer: T) => boolean,
  withinMs = 30_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
    if (performance.now() > deadline) {
      throw new Error(`still not right after ${withinMs} ms: ${JSON.stringify(answer)}`);
    }
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}
