/** `npm run token`: prints a token for the service of `npm start`, to try a page of your own with. */
import { parseArgs } from 'node:util';
import { readDevState, readDotEnv } from './lib/dev-state.mjs';
import { mintToken, signingKey } from './lib/mint.mjs';

const USAGE = `Usage: npm run --silent token -- [options]
  --user <id>          whose token it is (default: 7)
  --tenant <name>      of which tenant (default: acme)
  --topics <patterns>  what the user may subscribe to, comma separated (default: deals.#,news.#)
  --seconds <number>   how long it is valid (default: 3600)

It is signed with JWT_SECRET if that is set (or in .env), else with the secret that npm start made up.`;

/**
 * @param {string} text
 * @returns {never}
 */
function stop(text) {
  console.error(text);
  process.exit(1);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        user: { type: 'string', default: '7' },
        tenant: { type: 'string', default: 'acme' },
        topics: { type: 'string', default: 'deals.#,news.#' },
        seconds: { type: 'string', default: '3600' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return stop(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
}

const options = readOptions();
if (options.help) {
  console.log(USAGE);
} else {
  const seconds = Number(options.seconds);
  if (!Number.isSafeInteger(seconds) || seconds < 1) {
    stop(`--seconds must be a whole number of at least 1, not ${options.seconds}.`);
  }
  const notRead = readDotEnv();
  if (notRead !== null) console.error(notRead);
  const key = signingKey(process.env);
  if (key.kind === 'none') {
    stop(key.why);
  } else {
    const state = readDevState();
    if (key.own && state !== null && !state.ownSecret) {
      stop('npm start was given its key by you: set the same JWT_SECRET here, or put it into .env for both.');
    }
    const topics = options.topics.split(/[\s,]+/).filter(topic => topic !== '');
    console.log(
      mintToken(key.secret, { user: options.user, tenant: options.tenant, topics, seconds }, process.env),
    );
  }
}
