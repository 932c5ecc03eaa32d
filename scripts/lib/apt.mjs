import { execFile } from 'node:child_process';
import { access, chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Debian asks this script whether a package's service may be started; 101 says no (invoke-rc.d(8)). */
const POLICY_FILE = '/usr/sbin/policy-rc.d';
const DENY_STARTS = '#!/bin/sh\nexit 101\n';

/**
 * Installs what is missing of these Debian packages, without starting their services: a RabbitMQ that came up on
 * 5672 behind the user's back would be found by the next `npm start`.
 *
 * @param {...string} packages
 * @returns {Promise<string[]>} what had to be installed
 * @throws one sentence for the user where this isn't Debian or Ubuntu as root
 */
export async function ensureInstalled(...packages) {
  const wanted = await Promise.all(
    packages.map(async name => ({ name, installed: await isInstalled(name) })),
  );
  const missing = wanted.filter(({ installed }) => !installed).map(({ name }) => name);
  if (missing.length === 0) return [];
  if (process.getuid?.() !== 0 || !(await exists('/usr/bin/apt-get'))) {
    throw new Error(
      `${missing.join(' and ')} must be installed first: only on Debian or Ubuntu as root can this be done from here ` +
        `(apt-get install ${missing.join(' ')}).`,
    );
  }
  await withoutServiceStarts(async () => {
    try {
      await aptGet('install', ...missing);
    } catch {
      // A fresh image has no package lists, an old one may list versions that are gone.
      await aptGet('update');
      await aptGet('install', ...missing);
    }
  });
  return missing;
}

/** @param {string} name */
async function isInstalled(name) {
  try {
    // eslint-disable-next-line no-template-curly-in-string -- dpkg's own format
    const { stdout } = await run('dpkg-query', ['-W', '-f', '${Status}', name]);
    return stdout === 'install ok installed';
  } catch {
    return false;
  }
}

/** @param {string} path */
async function exists(path) {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {'install' | 'update'} command
 * @param {...string} packages
 */
async function aptGet(command, ...packages) {
  const options = command === 'install' ? ['--yes', '--no-install-recommends'] : [];
  try {
    // Two runs at once wait for one another's lock instead of failing.
    await run('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=300', command, ...options, ...packages], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    const text = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new Error(`apt-get ${command} ${packages.join(' ')} failed: ${text.slice(-2000)}`, {
      cause: error,
    });
  }
}

/**
 * Container images often bring such a policy along; that one is put back as it was.
 *
 * @param {() => Promise<void>} work
 */
async function withoutServiceStarts(work) {
  const before = await readFile(POLICY_FILE, 'utf8').catch(() => null);
  await writeFile(POLICY_FILE, DENY_STARTS);
  await chmod(POLICY_FILE, 0o755);
  try {
    await work();
  } finally {
    if (before === null) await rm(POLICY_FILE, { force: true });
    else await writeFile(POLICY_FILE, before);
  }
}
