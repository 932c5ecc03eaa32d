import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * Where a Chromium is installed: the setting `CHROMIUM`, else Debian's place, else the PATH.
 *
 * @returns {Promise<string | null>} path of the program; null: none
 */
export async function findChromium() {
  const { CHROMIUM, PATH = '' } = process.env;
  const candidates = CHROMIUM
    ? [CHROMIUM]
    : [
        '/usr/bin/chromium',
        ...PATH.split(delimiter)
          .filter(folder => folder !== '')
          .flatMap(folder => NAMES.map(name => join(folder, name))),
      ];
  for (const program of candidates) {
    try {
      await access(program, constants.X_OK);
      return program;
    } catch {
      // The next one, then.
    }
  }
  return null;
}
