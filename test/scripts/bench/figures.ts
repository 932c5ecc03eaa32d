import type { Results } from '../../../scripts/bench/results.mjs';

/** Made up: scenario (a) with runs of some peers, one of them left out. */
export function results(cpu: Record<string, readonly number[]>, clients = 0.3): Results {
  const runs = Object.fromEntries(
    Object.entries(cpu).map(([peer, values]) => [peer, values.map(value => ({ cpu: value, clients }))]),
  );
  return {
    machine: { processor: '2 × a processor', Node: '20' },
    versions: { warren: '1' },
    scenarios: {
      a: { id: 'a', when: '2026-01-02', runs, skipped: { 'web-stomp': 'left out' }, repeated: 0 },
    },
  };
}
