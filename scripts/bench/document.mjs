import { judge } from './bars.mjs';
import { CLIENTS_ARE_THE_LIMIT } from './figures.mjs';
import { rowsOf, rowsOfBars, toMarkdown } from './table.mjs';

const BEGIN = '<!-- findings: written by hand, kept when the rest is generated anew -->';
const END = '<!-- end of the findings -->';

const METHOD = `## Method

- **Side by side.** One run measures all peers in turn, each in a fresh process, then begins again: what changes on the
  machine meanwhile changes for all. Medians; in brackets the least and the most. A measurement during which processes
  that have nothing to do with it used more than a tenth of a processor doesn't count and is made again, whatever came
  out; how many there were is said.
- **One core.** The measured process has the first core to itself (\`taskset\`). RabbitMQ, the publisher and the clients
  share the second one.
- **CPU** is what the operating system charged the measured process (\`utime + stime\`), from the first publish to the last
  receipt, divided by deliveries. What the kernel does for it is in it. What is rented from others isn't: the bridge that
  publishes to nchan costs a process of its own, and only nginx's worker counts.
- **Latency** is from the call that publishes to the client's read, by one clock: broker and client process are in it.
- **Same work.** The same events of about 300 B of JSON, by the same publisher, through the same exchange, to as many
  clients, who check that no number is missing. Each peer frames them its own way: Warren adds a cursor of 23 characters.
- **Warren** checks a token of each client, keeps its log, counts, pings; settings are the defaults, but for what keeps a
  waiting backlog at the broker, and Node gets the options that the image gives it. It acknowledges to RabbitMQ; the peers
  consume without acknowledgements.
- **Bare**: no competitor but the ground that Warren stands on. The least that one can do with Node, \`ws\` and the AMQP
  library: a frame built once and written to the sockets of its audience. No token, no history, no limits, no
  acknowledgement, nothing against slow clients, no word of what was lost (\`scripts/bench/servers/bare.mjs\`).
- **Plain loop**: \`ws\`, and \`JSON.stringify\` and \`send\` for each client that an event concerns; all clients are looked at.
- **Socket.IO**: default settings, WebSocket only, rooms, no token.
- **nchan**: nginx with one worker, channels in memory, no token. Events come by a WebSocket per channel, which is cheaper
  for nginx than HTTP requests.
- **Web STOMP**: RabbitMQ's plugin on a node of its own, a subscription of the exchange per client. All of that node's CPU
  counts, for what it takes to receive an event can't be told apart. It gets a tenth of the events of (a).
- **Clients** are sockets of one process that tells frames apart by their bytes: compiled with the system's compiler
  (\`scripts/bench/load/client.c\`), or in Node without one. Where they used more than ${CLIENTS_ARE_THE_LIMIT * 100} % of a core, their share has a (!): then
  rates and latencies say little about the server. The second core's share is that of all that is on it.
- **Warm.** Before each measurement of deliveries come two seconds of the same load, and before a burst a fifth of it;
  before the storms of (f) and (g) 5,000 of the same clients that come and go, and before (h) 160,000 of the same events, so that
  the log is full and old events go: they meet servers that have been in service. "Just started" are those without. (e) is measured from the first connection on.

\`\`\`sh
npm run bench -- --install              # gets nginx and nchan by apt, Socket.IO by npm into .warren/
npm run bench                           # all of it, five runs: about an hour
npm run bench -- --scenarios a,b --peers warren,nchan --runs 3
npm run bench -- --scenarios k --only connections   # the points whose name holds it
npm run bench -- --quick                # a twentieth of everything, to see that it works
npm run bench -- --docs                 # writes this page, its plot and performance.json; --add: to the runs that are there
npm run bench -- --profile --scenarios c --peers warren --runs 1
\`\`\`
`;

const NOT_SHOWN = `## What isn't shown

- **Other machines.** Two cores, everything on loopback. Take ratios, not absolute times, and run it on your own.
- **Latency without neighbours**: broker, publisher and clients compete for the second core.
- **TLS, compression, real networks**, and clients that are far away.
- **Kernel memory** of the sockets; \`RSS\` is the process's own.
- **What the others don't do**: no peer checks tokens here, resumes a client or says what was lost. nchan keeps messages,
  and its clients could ask for older ones; here they don't. Nor is shown what they do and Warren doesn't: Socket.IO's
  acknowledgements, nginx's many workers, STOMP's transactions.
- **More than one process**: nginx and RabbitMQ use all cores that they are given, Warren and Socket.IO take more processes.
`;

/**
 * docs/performance.md from the figures; the findings of the one before are kept.
 *
 * @param {import('./results.mjs').Results} results
 * @param {readonly import('./scenarios/scenario.mjs').Scenario[]} scenarios
 * @param {string} before
 */
export function toDocument(results, scenarios, before) {
  const measured = scenarios.filter(({ id }) => id in results.scenarios);
  const days = [...new Set(measured.map(({ id }) => results.scenarios[id]?.when ?? ''))].sort();
  const list = (/** @type {Record<string, string>} */ entries) =>
    Object.entries(entries)
      .map(([name, value]) => `${name} ${value}`)
      .join(' · ');
  return `# Performance

What one process on one core costs, beside its peers. Generated by \`npm run bench -- --docs\` from
[performance.json](performance.json); the findings are written by hand.

- Machine: ${list(results.machine)}
- Versions: ${list(results.versions)}
- Measured: ${days.length > 1 ? `${days[0]} to ${days.at(-1)}` : (days[0] ?? 'never')}

![CPU per delivery, and how it grows](performance.svg)

## Bars

${toMarkdown(rowsOfBars(judge(results.scenarios)))}

## Figures
${measured.map(scenario => section(scenario, results)).join('')}
${METHOD}
${NOT_SHOWN}
## Findings

${BEGIN}
${findingsOf(before)}
${END}
`;
}

/** @param {import('./scenarios/scenario.mjs').Scenario} scenario @param {import('./results.mjs').Results} results */
function section(scenario, results) {
  const result = results.scenarios[scenario.id];
  if (result === undefined) return '';
  const runs = Math.max(0, ...Object.values(result.runs).map(figures => figures.length));
  return `
### (${scenario.id}) ${scenario.title}

${toMarkdown(rowsOf(scenario, result))}

${runs} ${runs === 1 ? 'run' : 'runs'}${result.repeated > 0 ? `, and ${result.repeated} measurements that didn't count: other work was going on` : ''}.
`;
}

/** @param {string} document */
function findingsOf(document) {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  return begin < 0 || end < begin ? 'None yet.' : document.slice(begin + BEGIN.length, end).trim();
}
