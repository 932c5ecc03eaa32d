/**
 * Runs one RabbitMQ server and sees to it that neither it nor its port mapper (epmd) outlives the process that wanted
 * it, however that one ends: a killed process can't clean up, but its end of the pipe to our standard input closes.
 *
 * Arguments: path of the server script, epmd's port, and a folder to remove if our parent dies (none: nothing).
 */
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { connect } from 'node:net';

const [serverScript, epmdPort, folder] = process.argv.slice(2);
if (serverScript === undefined || epmdPort === undefined) {
  throw new Error('Usage: rabbitmq-keeper.mjs <server script> <epmd port> [<folder to remove>]');
}
let orphaned = false;

// A process group of its own: the script is a shell with the Erlang machine and its helpers below it.
const server = spawn(serverScript, [], { detached: true, stdio: ['ignore', 'inherit', 'inherit'] });

// The terminal's Ctrl-C reaches us too; what counts is whether our parent still lives.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

process.stdin.on('error', orphan);
process.stdin.on('close', orphan);
process.stdin.resume();

server.on('error', error => {
  process.stderr.write(`${serverScript} could not be started: ${error.message}\n`);
  process.exit(1);
});
server.on('exit', () => {
  killServer(); // The script may be gone before the machine that it started.
  void tidyUp(Number(epmdPort)).finally(() => process.exit(0));
});

/** @param {number} port */
async function tidyUp(port) {
  await stopEpmd(port);
  if (orphaned && folder !== undefined) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

function orphan() {
  orphaned = true;
  killServer();
}

function killServer() {
  if (server.pid === undefined) return;
  try {
    process.kill(-server.pid, 'SIGKILL');
  } catch {
    // Nobody is left in the group.
  }
}

/**
 * epmd makes itself a daemon in a session of its own, so the group's end leaves it. It can be asked to leave once no
 * node is registered, and learns of a killed node's end by its closed socket: ask again until then.
 *
 * @param {number} port
 */
async function stopEpmd(port) {
  const KILL_REQUEST = Buffer.from([0, 1, 'k'.charCodeAt(0)]);
  for (let attempt = 0; attempt < 100; attempt++) {
    const answer = await ask(port, KILL_REQUEST);
    if (answer !== 'NO') return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}

/**
 * @param {number} port
 * @param {Buffer} request
 * @returns {Promise<string>} the answer; empty if nobody listens (any more)
 */
function ask(port, request) {
  return new Promise(resolve => {
    let answer = '';
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(request));
    socket.setEncoding('latin1');
    socket.on('data', text => {
      answer += text;
    });
    socket.on('error', () => resolve(answer));
    socket.on('close', () => resolve(answer));
  });
}
