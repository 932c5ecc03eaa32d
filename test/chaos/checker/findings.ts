/** What can be wrong with a history, and what each means. */
export const FAULTS = {
  leaked: 'a client got an event that is for another tenant, other users or topics that it had not asked for',
  lost: 'a confirmed event never reached a client that it was for, and no resync says so',
  duplicated: 'a client handled an event twice, or got it again where nothing may come twice',
  misordered: 'events came in another order than they stood in at the broker',
  regressed: 'a cursor went back, or a ping named an event that had not come',
  unexpected: 'an event came that was never published, or with another content',
  late: 'an event came too long after it was published and the fault was healed',
  dishonest: 'an answer to a cursor was not true',
  undue: 'a client was told to resync although nothing had happened that excuses it',
  leftover: 'something stayed behind: connections in a pod, queues or exchanges at the broker, memory',
  crashed: 'a pod ended by itself, or not with exit code 0 when asked to',
  crowded: 'more clients came back in a second than 1.5 times those that a drain sends away',
} as const;

export type FaultKind = keyof typeof FAULTS;

export const FAULT_KINDS: readonly FaultKind[] = [
  'leaked',
  'lost',
  'duplicated',
  'misordered',
  'regressed',
  'unexpected',
  'late',
  'dishonest',
  'undue',
  'leftover',
  'crashed',
  'crowded',
];

/** One thing that is wrong, and where to look. */
export interface Finding {
  readonly kind: FaultKind;
  /** Of the history, from 1; 0: no single one. */
  readonly line: number;
  readonly text: string;
}
