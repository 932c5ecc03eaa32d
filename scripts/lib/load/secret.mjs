/** Signs the tokens of the load: of a server that lives for minutes, on loopback only. */
export const SECRET = 'a secret of the load tools, long enough for HS256';
