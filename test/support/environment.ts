// Owns what a program that a test starts gets of this process's environment: where programs are, and what is compiled already.

/** Set by `npm test`: a cache of compiled modules, which spares a process half of its start. */
const { PATH = '', NODE_COMPILE_CACHE: cache } = process.env

export const PROGRAM_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH,
  ...(cache !== undefined && { NODE_COMPILE_CACHE: cache }),
}
