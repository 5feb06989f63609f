// Owns the program that reads every source, removes the types, and hands the result to the process that started it.

import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

for (const directory of ['src', 'migrations']) {
  for (const name of readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue
    const file = join(ROOT, directory, name)
    process.send?.([pathToFileURL(file).href, stripTypeScriptTypes(readFileSync(file, 'utf8'))])
  }
}
